/** Put into the application of Next as app/suite/fetch/[action]/route.ts: the behaviour suite by `fetchSessions`. */

import { appSessions } from '../../../../suite/app-sessions'
import { fetchApp } from '../../../../suite/fetch'

const app = fetchApp(appSessions())

/** The path of the suite is the end of the address. */
export function GET(request: Request): Promise<Response> {
  const url = new URL(request.url)
  url.pathname = url.pathname.slice(url.pathname.lastIndexOf('/'))
  return app(new Request(url, request))
}
