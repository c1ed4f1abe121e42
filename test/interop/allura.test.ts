/**
 * Apache Allura's sessions: its middlewares in their order over the real beaker-session-jwt, and its remember-me, which
 * sends `expires` from `session['login_expires']`.
 * https://github.com/apache/allura/blob/master/Allura/allura/lib/custom_middleware.py (RememberLoginMiddleware)
 */
import { expect, test } from 'vitest'
import { createSessions, fromBeakerConfig, type Sessions, type SessionsOptions } from '../../src/server/index.js'
import { key } from './beaker-jwt.helpers.js'
import { CookieJar } from './django-site.js'
import { describeWithPython, type PythonPeer } from './peer.js'

const DAY = 86_400_000
/** The clock of Node, where a date is compared. */
const later = new Date(Math.ceil(Date.now() / 1000) * 1000 + 60_000)
const config = {
  'beaker.session.key': 'allura',
  'beaker.session.type': 'cookie',
  'beaker.session.httponly': 'true',
  'beaker.session.secure': 'false',
  'beaker.session.jwt_secret_keys': key,
}

interface Answer {
  status: number
  set_cookie: string[]
  session: { username: string; login_expires: string | true; note: string | null; visits: number | null } | null
}

type Lifetime = Pick<SessionsOptions, 'expires' | 'maxAge'>

/** As docs/lifecycle.md has it. */
const lifetime = ({ data }: { data: { login_expires?: Date | true } }): Date | 'browser' | undefined =>
  data.login_expires === true ? 'browser' : data.login_expires

describeWithPython(
  'Allura',
  (peer) => {
    test('remember-me: Node sees the date, and without an option the cookie ends with the browser', async () => {
      const jar = new CookieJar()
      const before = Date.now()
      const signedIn = await signIn(peer, jar, { rememberme: 'on', days: '365' })
      const sessions = sessionsOf({})
      expect(sessions.warnings.join()).toContain('gives sessions their own lifetime')
      const { data } = await sessions.load(jar.header)
      expect(data.username).toBe('admin1')
      const until = data.login_expires as Date
      expect(until.getTime() - before).toBeGreaterThan(364 * DAY)
      expect(expiryOf(signedIn)).toBe(seconds(until))

      const renewed = await count(sessions, jar)
      expect(renewed).toContain('; HttpOnly')
      expect(renewed).not.toMatch(/expires|max-age/i)
      // The next answer of Python gives it the date again.
      const shown = await visit(peer, jar, '/')
      expect(shown.session).toMatchObject({ username: 'admin1', visits: 1 })
      expect(dateOf(shown)).toBe(until.toISOString())
      expect(expiryOf(shown)).toBe(seconds(until))
    })

    test.each<[Lifetime, string]>([
      [{ expires: '365d' }, `; Expires=${new Date(later.getTime() + 365 * DAY).toUTCString()}`],
      [{ maxAge: '365d' }, `; Max-Age=${(365 * DAY) / 1000}`],
    ])('remember-me: an option of Node counts from each of its writes: %o', async (options, attribute) => {
      const jar = new CookieJar()
      await signIn(peer, jar, { rememberme: 'on', days: '365' })
      const sessions = sessionsOf(options, later)
      const until = (await sessions.load(jar.header)).data.login_expires as Date
      expect(`${await count(sessions, jar)};`).toContain(`${attribute};`)

      // Only the cookie: the date in the session is Python's, and so is its next answer.
      expect((await sessions.load(jar.header)).data.login_expires).toEqual(until)
      const shown = await visit(peer, jar, '/', { note: 'a' })
      expect(shown.session).toMatchObject({ username: 'admin1', note: 'a', visits: 1 })
      expect(dateOf(shown)).toBe(until.toISOString())
      expect(expiryOf(shown)).toBe(seconds(until))
    })

    test('without remember-me: an option of Node counts for this session too, until Python answers', async () => {
      const jar = new CookieJar()
      expect(expiryOf(await signIn(peer, jar, {}))).toBeUndefined()
      const sessions = sessionsOf({ expires: '365d' })
      expect((await sessions.load(jar.header)).data.login_expires).toBe(true)
      expect(expiryIn(await count(sessions, jar))).toBeGreaterThan(Date.now() + 364 * DAY)
      const shown = await visit(peer, jar, '/')
      expect(shown.session).toMatchObject({ username: 'admin1', login_expires: true, visits: 1 })
      expect(expiryOf(shown)).toBeUndefined()
    })

    test.each([
      ['remember-me', { rememberme: 'on', days: '365' }],
      ['until the browser closes', {}],
    ])('a function that reads login_expires repeats it, %s: both sides give the same', async (_, fields) => {
      const jar = new CookieJar()
      const signedIn = await signIn(peer, jar, fields)
      const until = expiryOf(signedIn)
      const sessions = sessionsOf({ expires: lifetime })
      for (let visits = 1; visits < 4; visits++) {
        expect(expiryIn(await count(sessions, jar))).toBe(until)
        const session = await sessions.load(jar.header)
        expect(session.expiresAt?.getTime()).toBe(
          until === undefined ? undefined : +(session.data.login_expires as Date),
        )
        const shown = await visit(peer, jar, '/', { note: `${visits}` })
        expect(shown.session).toMatchObject({ username: 'admin1', note: `${visits}`, visits })
        expect(expiryOf(shown)).toBe(until)
      }
      if (until === undefined) return
      const after = sessionsOf({ expires: lifetime }, new Date(until + 1000))
      expect((await after.load(jar.header)).rejected?.code).toBe('ERR_SESSION_EXPIRED')
    })

    test.each([new Date(Math.ceil(Date.now() / 1000) * 1000 + 90 * DAY), true])(
      'Node signs in with login_expires %o, and Python keeps to it',
      async (until) => {
        const jar = new CookieJar()
        await visit(peer, jar, '/auth/')
        const sessions = sessionsOf({ expires: lifetime })
        const session = await sessions.load(jar.header)
        session.regenerate()
        Object.assign(session.data, { username: 'admin1', login_expires: until })
        const [setCookie = ''] = await sessions.commit(session)
        jar.take([setCookie])
        const end = until instanceof Date ? until.getTime() : undefined
        expect(expiryIn(setCookie)).toBe(end)
        for (const note of ['a', 'b']) {
          const shown = await visit(peer, jar, '/', { note })
          expect(shown.session).toMatchObject({ username: 'admin1', note })
          expect(expiryOf(shown)).toBe(end)
          expect(expiryIn(await count(sessions, jar))).toBe(end)
        }
      },
    )

    test('Python changes login_expires: the next write of Node follows', async () => {
      const jar = new CookieJar()
      const sessions = sessionsOf({ expires: lifetime })
      const ends: (number | undefined)[] = []
      for (const fields of [{ rememberme: 'on', days: '365' }, {}, { rememberme: 'on', days: '7' }]) {
        ends.push(expiryOf(await signIn(peer, jar, fields)))
        expect(expiryIn(await count(sessions, jar))).toBe(ends.at(-1))
      }
      const [first = 0, second, third = 0] = ends
      expect(second).toBeUndefined()
      expect(first - third).toBeGreaterThan(357 * DAY)
    })

    test('a sign-out of either side ends it for both, and the cookie of CSRF is left alone', async () => {
      const jar = new CookieJar()
      const sessions = sessionsOf({})
      await signIn(peer, jar, { rememberme: 'on', days: '365' })
      const token = jar.get('_session_id')
      await count(sessions, jar)
      expect((await visit(peer, jar, '/auth/logout', {}, 'another')).status).toBe(403)
      expect((await visit(peer, jar, '/auth/logout', {})).status).toBe(302)
      expect((await sessions.load(jar.header)).data).toEqual({})
      expect((await visit(peer, jar, '/')).status).toBe(302)

      await signIn(peer, jar, { rememberme: 'on', days: '365' })
      expect((await visit(peer, jar, '/')).session?.username).toBe('admin1')
      jar.take(await sessions.destroy(await sessions.load(jar.header)))
      expect([jar.get('allura'), jar.get('_session_id')]).toEqual([undefined, token])
      expect((await visit(peer, jar, '/')).status).toBe(302)
    })
  },
  { program: 'allura_peer.py' },
)

function sessionsOf(options: Lifetime, now?: Date): Sessions {
  return createSessions({ ...fromBeakerConfig(config), expose: false, ...options, ...(now && { clock: () => now }) })
}

async function visit(
  peer: PythonPeer,
  jar: CookieJar,
  path: string,
  fields?: Record<string, string>,
  token = jar.get('_session_id') as string,
): Promise<Answer> {
  const form = fields && { ...fields, _session_id: token }
  const answer = await peer.call<Answer>('visit', { config, path, cookie: jar.header, ...(form && { form }) })
  jar.take(answer.set_cookie)
  return answer
}

async function signIn(peer: PythonPeer, jar: CookieJar, fields: Record<string, string>): Promise<Answer> {
  await visit(peer, jar, '/auth/')
  return visit(peer, jar, '/auth/do_login', { username: 'admin1', ...fields })
}

/** A request of Node that changes the session: its Set-Cookie. */
async function count(sessions: Sessions, jar: CookieJar): Promise<string> {
  const session = await sessions.load(jar.header)
  session.data.visits = Number(session.data.visits ?? 0) + 1
  const set = await sessions.commit(session)
  jar.take(set)
  expect(set).toHaveLength(1)
  return set[0] as string
}

function expiryOf({ set_cookie }: Answer): number | undefined {
  const own = set_cookie.map((text) => text.trim()).filter((text) => text.startsWith('allura='))
  expect(own).toHaveLength(1)
  return expiryIn(own[0] as string)
}

/** The date of `expires`, in milliseconds. */
function expiryIn(setCookie: string): number | undefined {
  const [, date] = /; expires=([^;]+)/i.exec(setCookie) ?? []
  return date === undefined ? undefined : Date.parse(date.replaceAll('-', ' '))
}

/** `login_expires` as Python shows it. */
function dateOf({ session }: Answer): string {
  return new Date(`${session?.login_expires}Z`).toISOString()
}

/** A date of cookies has no milliseconds. */
function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000) * 1000
}
