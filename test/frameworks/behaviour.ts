/** The one suite of all frameworks: what a browser sees of a session, over HTTP, from a real server. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { testBrowser } from '../server/server.helpers.js'
import { DOWN, NAME, OTHER_NAME } from './app-sessions.js'

export interface RunningApp {
  /** Without a slash at its end. */
  readonly url: string
  close(): Promise<unknown>
}

export interface Differences {
  /** Whether a session that was changed before an error goes out with the error page. */
  savesOnError: boolean
  /** Whether a handler of this framework can leave its session alone: default true. */
  hasLazySession?: boolean
  /** A store keeps the data, so that a change needs no new cookie. */
  hasStore?: boolean
}

interface Answer {
  status: number
  body: string
  set: string[]
  headers: Headers
}

/** Declares the suite for one framework. */
export function describeBehaviour(name: string, start: () => Promise<RunningApp>, differences: Differences): void {
  const { savesOnError, hasLazySession = true, hasStore = false } = differences
  const setByChange = hasStore ? [] : [NAME]

  describe(name, () => {
    let app: RunningApp
    let browser = testBrowser()

    beforeAll(async () => {
      app = await start()
    })
    afterAll(() => app?.close())
    beforeEach(() => {
      browser = testBrowser()
    })

    async function get(path: string, { method = 'GET', cookie = browser.cookie } = {}): Promise<Answer> {
      const headers: Record<string, string> = cookie === '' ? {} : { cookie }
      const answer = await fetch(app.url + path, { method, redirect: 'manual', headers })
      const set = answer.headers.getSetCookie()
      browser.take(set)
      return { status: answer.status, body: await answer.text(), set, headers: answer.headers }
    }

    const show = async (): Promise<unknown> => JSON.parse((await get('/show')).body)
    const namesOf = ({ set }: Answer): string[] => set.map((text) => text.split('=')[0] as string).sort()

    function expectPrivate({ headers }: Answer): void {
      expect(headers.get('vary')?.toLowerCase()).toContain('cookie')
      expect(headers.get('cache-control')).toMatch(/private|no-store/)
    }

    test('set: one cookie, which no shared cache may keep, and the next request knows it', async () => {
      const answer = await get('/set')
      expect(answer.status).toBe(200)
      expect(namesOf(answer)).toEqual([NAME])
      // Frameworks that write cookies themselves have an order and a case of their own.
      const attributes = answer.set[0]?.toLowerCase().split('; ').slice(1).sort()
      expect(attributes).toEqual(['httponly', 'path=/', 'samesite=lax', 'secure'])
      expectPrivate(answer)
      expect(await show()).toEqual({ user: 'dave', cart: { items: [{ name: 'book', count: 1 }] } })
    })

    test('sequential requests lose no update', async () => {
      for (let visits = 1; visits <= 5; visits++) expect(JSON.parse((await get('/count')).body)).toEqual({ visits })
    })

    test('a change deep inside', async () => {
      await get('/set')
      expect(namesOf(await get('/deep'))).toEqual(setByChange)
      expect(await show()).toMatchObject({ cart: { items: [{ count: 2 }] } })
    })

    test('a deleted key', async () => {
      await get('/set')
      expect(namesOf(await get('/delete'))).toEqual(setByChange)
      expect(await show()).toEqual({ cart: { items: [{ name: 'book', count: 1 }] } })
    })

    test('destroy', async () => {
      await get('/set')
      const answer = await get('/destroy')
      expect(answer.status).toBe(200)
      expect(namesOf(answer)).toEqual([NAME])
      expect(answer.set[0]).toContain('Max-Age=0')
      expectPrivate(answer)
      expect(browser.cookie).toBe('')
      expect(await show()).toEqual({})
    })

    test('regenerate: another id in the same response', async () => {
      await get('/set')
      const first = await get('/regenerate')
      const second = await get('/regenerate')
      expect([first, second].map(namesOf)).toEqual([[NAME], [NAME]])
      expect(first.body).toMatch(/^[\da-f]{32}$/)
      expect(second.body).not.toBe(first.body)
      expect(await show()).toMatchObject({ user: 'eve' })
    })

    test('a redirect right after a change', async () => {
      const answer = await get('/redirect')
      expect([answer.status, namesOf(answer)]).toEqual([303, [NAME]])
      expect(answer.headers.get('location')).toMatch(/\/show$/)
      expect(await show()).toEqual({ user: 'redirected' })
    })

    test(`an error after a change: the change ${savesOnError ? 'is saved' : 'is lost'}`, async () => {
      const answer = await get('/error')
      expect(answer.status).toBe(500)
      expect(namesOf(answer)).toEqual(savesOnError ? [NAME] : [])
      expect(await show()).toEqual(savesOnError ? { user: 'failed' } : {})
    })

    test('a stream', async () => {
      const answer = await get('/stream')
      expect([answer.status, answer.body, namesOf(answer)]).toEqual([200, 'one two three', [NAME]])
      expect(await show()).toEqual({ user: 'streamed' })
    })

    test('HEAD', async () => {
      const answer = await get('/set', { method: 'HEAD' })
      expect([answer.status, answer.body, namesOf(answer)]).toEqual([200, '', [NAME]])
      expect(await show()).toMatchObject({ user: 'dave' })
    })

    test.each([
      ['/not-modified', 304, 'not modified'],
      ['/empty', 204, 'empty'],
    ])('%s: %i', async (path, status, user) => {
      const answer = await get(path)
      expect([answer.status, answer.body, namesOf(answer)]).toEqual([status, '', [NAME]])
      expect(await show()).toEqual({ user })
    })

    test('no cookie for a visitor who only reads', async () => {
      const answer = await get('/show')
      expect([answer.status, answer.body, answer.set]).toEqual([200, '{}', []])
      expect(answer.headers.get('vary')?.toLowerCase()).toContain('cookie')
    })

    test('nothing is written when nothing has changed', async () => {
      await get('/set')
      for (const path of ['/show', '/same', '/no-such-page']) expect((await get(path)).set, path).toEqual([])
    })

    test('a page that looks at no session stays with the shared caches', async () => {
      await get('/set')
      const answer = await get('/page')
      expect([answer.status, answer.set]).toEqual([200, []])
      expect(answer.headers.get('cache-control')).toBe('public, max-age=60')
      if (hasLazySession) expect(answer.headers.get('vary') ?? '').not.toMatch(/cookie/i)
    })

    test('two sessions under two names', async () => {
      expect(namesOf(await get('/both'))).toEqual([OTHER_NAME, NAME])
      expect(await show()).toEqual({ user: 'dave' })
      expect((await get('/other')).body).toBe('{"user":"root"}')
      await get('/destroy')
      expect([...browser.cookies.keys()]).toEqual([OTHER_NAME])
      expect((await get('/other')).body).toBe('{"user":"root"}')
    })

    test('a forged cookie is a visitor without a session', async () => {
      const answer = await get('/show', { cookie: `${NAME}=eyJhbGciOiJub25lIn0.eyJ1c2VyIjoiZXZlIn0.` })
      expect([answer.status, answer.body, answer.set]).toEqual([200, '{}', []])
    })

    test('a store that is down is 503, and the good cookie stays', async () => {
      for (const path of ['/show', '/set', '/stream']) {
        const answer = await get(path, { cookie: `${NAME}=${DOWN}` })
        expect([answer.status, answer.set], path).toEqual([503, []])
      }
    })

    test('one that fails when it is written to is 503 too, nothing is kept, and the good cookie stays', async () => {
      for (const user of [undefined, 'dave']) {
        if (user) await get('/set')
        const answer = await get('/unsaved')
        expect([answer.status, answer.set], user).toEqual([503, []])
        expect(answer.body).not.toContain('never')
        expect(answer.headers.get('etag'), user).not.toBe('"never"')
        expect(answer.headers.get('cache-control') ?? '', user).not.toContain('public')
        expect(await show()).toMatchObject(user ? { user } : {})
      }
    })
  })
}
