/** Put into the application of Next as app/suite/touch/route.ts: `touchHandler` as a route handler. */
import { touchHandler } from '../../../src/server/index.js'
import { appSessions } from '../../../suite/app-sessions'

export const POST = touchHandler(appSessions().sessions)
