/** The behaviour suite on Next 16, as `next build` and `next start` have it: route handlers by `fetchSessions` and by `cookies()`. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appSessions, NAME } from './app-sessions.js'
import type { RunningApp } from './behaviour.js'
import { describeBehaviour } from './behaviour.js'
import { startNextApp } from './next-app.js'

describe('Next', () => {
  let app: RunningApp

  beforeAll(async () => {
    app = await startNextApp()
  })
  afterAll(() => app?.close())

  test.each<[string, (cookie: string) => string]>([
    ['an older twin after it', (cookie) => `${cookie}; ${NAME}=stale`],
    ['an older twin before it', (cookie) => `${NAME}=stale; ${cookie}`],
    ['in quotes', (cookie) => cookie.replace(/=(.*)/, '="$1"')],
  ])('cookies() and headers() together read a session with %s', async (_, header) => {
    const { sessions } = appSessions()
    const session = await sessions.load('')
    session.data.user = 'dave'
    const cookie = (await sessions.commit(session))[0]?.split(';')[0] as string
    const answer = await fetch(`${app.url}/suite/change/show`, { headers: { cookie: header(cookie) } })
    expect(await answer.json()).toEqual({ user: 'dave' })
  })

  test('touchHandler is a route handler', async () => {
    const { sessions } = appSessions()
    const session = await sessions.load('')
    session.data.user = 'dave'
    const cookie = (await sessions.commit(session))[0]?.split(';')[0] as string
    const ask = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${app.url}/suite/touch`, { method: 'POST', headers })
    const renewed = await ask({ 'sec-fetch-site': 'same-origin', cookie })
    expect([renewed.status, renewed.headers.get('cache-control')]).toEqual([204, 'no-store'])
    const again = renewed.headers.getSetCookie()[0]?.split(';')[0]
    expect((await sessions.load(again)).data).toEqual({ user: 'dave' })
    expect((await ask({ 'sec-fetch-site': 'same-origin' })).status).toBe(401)
    // Over plain HTTP browsers send Origin alone.
    expect((await ask({ origin: app.url, cookie })).status).toBe(204)
    expect((await ask({ 'sec-fetch-site': 'same-site', cookie })).status).toBe(403)
  })

  const part = (name: string) => async (): Promise<RunningApp> => ({
    url: `${app.url}/suite/${name}`,
    async close() {},
  })
  describeBehaviour('route handlers by fetchSessions', part('fetch'), { savesOnError: false, hasLazySession: false })
  describeBehaviour('route handlers by cookies()', part('change'), { savesOnError: false, hasLazySession: false })
})
