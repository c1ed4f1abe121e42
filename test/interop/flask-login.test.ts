/** Flask-Login over Beaker's cookies, with the real packages: https://flask-login.readthedocs.io/en/latest/#session-protection */
import { expect, test } from 'vitest'
import { beaker, beakerJwt, createSessions, type Session, type Sessions } from '../../src/server/index.js'
import { cookieHeader, cookieValue, key } from './beaker-jwt.helpers.js'
import { type BeakerOptions, describeWithPython, type PythonPeer } from './peer.js'

const DEPLOYMENTS: [string, BeakerOptions, () => Sessions][] = [
  ['beaker-session-jwt', { jwt_secret_keys: [key] }, () => serverOf(beakerJwt({ secrets: [key] }))],
  ['Beaker with pickle', { validate_key: key }, () => serverOf(beaker({ validateKey: key }))],
]

interface Answer {
  status: number
  set_cookie: string[]
  seen: { user: string; fresh: boolean | null; note: string | null } | null
}

describeWithPython(
  'Flask-Login',
  (peer) => {
    test.each(DEPLOYMENTS)('a login is seen in Node, and what Node writes in Flask: %s', async (_, options, server) => {
      const sessions = server()
      const session = await sessions.load(await login(peer, options, 'dave'))
      expect(session.data).toMatchObject({ _user_id: 'dave', _fresh: true })
      session.data.note = 'from Node'
      const cookie = await written(sessions, session)
      expect((await visit(peer, options, '/', cookie)).seen).toEqual({ user: 'dave', fresh: true, note: 'from Node' })

      const { set_cookie } = await visit(peer, options, '/logout', cookie, {})
      const after = await sessions.load(cookieOf(set_cookie))
      expect(Object.keys(after.data)).toEqual(['note'])
    })

    test.each(DEPLOYMENTS)('two logins share a session.id, and no token: %s', async (_, options, server) => {
      const sessions = server()
      const [dave, eve] = [await login(peer, options, 'dave'), await login(peer, options, 'eve')]
      const [one, other] = [await sessions.load(dave), await sessions.load(eve)] as const
      expect([one.data._user_id, other.data._user_id]).toEqual(['dave', 'eve'])
      // SHA-512 of the address and the browser's name.
      expect(one.id).toMatch(/^[0-9a-f]{128}$/)
      expect(other.id).toBe(one.id)
      expect((await sessions.load(await login(peer, options, 'dave', 'another'))).id).not.toBe(one.id)

      const token = one.csrfToken()
      expect([one.verifyCsrf(token), other.verifyCsrf(token)]).toEqual([true, false])
      const later = await sessions.load(await written(sessions, one))
      expect([later.id, later.verifyCsrf(token)]).toEqual([other.id, true])
    })

    test.each(DEPLOYMENTS)(
      'regenerate() gives an id that Flask-Login does not know: %s',
      async (_, options, server) => {
        const sessions = server()
        const session = await sessions.load(await login(peer, options, 'dave'))
        const former = session.id
        session.regenerate()
        const cookie = await written(sessions, session)
        const { id } = await sessions.load(cookie)
        expect(id).toMatch(/^[0-9a-f]{32}$/)
        expect(id).not.toBe(former)
        const seen = async (protection: string) =>
          (await visit(peer, options, '/', cookie, undefined, { protection })).seen
        expect(await seen('')).toEqual({ user: 'dave', fresh: true, note: null })
        expect(await seen('basic')).toEqual({ user: 'dave', fresh: false, note: null })
        expect(await seen('strong')).toBeNull()
        // The next login of Flask writes its own again.
        const again = cookieOf((await visit(peer, options, '/login', cookie, { user: 'dave' })).set_cookie)
        expect((await sessions.load(again)).id).toBe(former)
      },
    )
  },
  { program: 'flask_peer.py' },
)

function serverOf(codec: ReturnType<typeof beakerJwt>): Sessions {
  return createSessions({ codecs: [codec], expose: false, secure: false })
}

async function written(sessions: Sessions, session: Session): Promise<string> {
  return cookieOf(await sessions.commit(session))
}

function cookieOf(setCookies: readonly string[]): string {
  return cookieHeader(cookieValue(setCookies))
}

function visit(
  peer: PythonPeer,
  session: BeakerOptions,
  path: string,
  cookie = '',
  form?: Record<string, string>,
  { browser, protection }: { browser?: string; protection?: string } = {},
): Promise<Answer> {
  const options = { session, ...(protection !== undefined && { protection }) }
  return peer.call<Answer>('visit', { options, path, cookie, ...(form && { form }), ...(browser && { browser }) })
}

async function login(peer: PythonPeer, options: BeakerOptions, user: string, browser = 'a browser'): Promise<string> {
  return cookieOf((await visit(peer, options, '/login', '', { user }, { browser })).set_cookie)
}
