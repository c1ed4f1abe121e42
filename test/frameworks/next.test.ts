/** The behaviour suite on Next 16, as `next build` and `next start` have it: route handlers by `fetchSessions` and by `cookies()`. */
import { afterAll, beforeAll, describe } from 'vitest'
import type { RunningApp } from './behaviour.js'
import { describeBehaviour } from './behaviour.js'
import { startNextApp } from './next-app.js'

describe('Next', () => {
  let app: RunningApp

  beforeAll(async () => {
    app = await startNextApp()
  })
  afterAll(() => app?.close())

  const part = (name: string) => async (): Promise<RunningApp> => ({
    url: `${app.url}/suite/${name}`,
    async close() {},
  })
  describeBehaviour('route handlers by fetchSessions', part('fetch'), { savesOnError: false, hasLazySession: false })
  describeBehaviour('route handlers by cookies()', part('change'), { savesOnError: false, hasLazySession: false })
})
