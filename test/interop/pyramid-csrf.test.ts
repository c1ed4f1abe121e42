/** CSRF tokens beside the real Pyramid: a secret that it put into a session is the one that counts, on both sides. */
import { expect, test } from 'vitest'
import {
  beaker,
  beakerJwt,
  createSessions,
  type SessionCodec,
  type Sessions,
  type SessionsOptions,
} from '../../src/server/index.js'
import { cookieHeader, cookieValue, key } from './beaker-jwt.helpers.js'
import { type BeakerOptions, describeWithPython, type PythonPeer } from './peer.js'

const DEPLOYMENTS: [string, BeakerOptions, () => SessionCodec][] = [
  ['beaker-session-jwt', { jwt_secret_keys: [key] }, () => beakerJwt({ secrets: [key] })],
  ['Beaker with pickle', { validate_key: key }, () => beaker({ validateKey: key })],
  [
    'Beaker with JSON',
    { validate_key: key, data_serializer: 'json' },
    () => beaker({ validateKey: key, serializer: 'json' }),
  ],
]

describeWithPython(
  'tokens of Pyramid',
  (peer) => {
    test.each(DEPLOYMENTS)('its secret is the token of both sides: %s', async (_, options, codec) => {
      const shown = await showToken(peer, options)
      expect(shown.token).toMatch(/^[0-9a-f]{40}$/)
      const sessions = serverOf(codec())
      const session = await sessions.load(shown.cookie)
      const tokens = [shown.token, session.csrfToken()]
      expect(tokens.map((token) => session.verifyCsrf(token))).toEqual([true, true])

      session.data.user = 'dave'
      const cookie = await written(sessions, session)
      // What a form of Node needs that Pyramid receives.
      expect(await isTaken(peer, options, cookie, String(session.data._csrft_))).toBe(true)
      expect(await isTaken(peer, options, cookie, tokens[1] as string)).toBe(false)
      expect((await showToken(peer, options, cookie)).token).toBe(shown.token)
      const later = await sessions.load(cookie)
      expect(tokens.map((token) => later.verifyCsrf(token))).toEqual([true, true])
    })

    test.each(DEPLOYMENTS)('a constant token stays: %s', async (_, options, codec) => {
      const constant = { ...options, constant_csrf_token: 'constant é' }
      const shown = await showToken(peer, constant)
      expect(shown.token).toBe('constant é')
      const sessions = serverOf(codec())
      const session = await sessions.load(shown.cookie)
      expect(session.verifyCsrf(shown.token)).toBe(true)
      expect(session.verifyCsrf(session.csrfToken())).toBe(true)
      session.data.user = 'dave'
      expect((await showToken(peer, options, await written(sessions, session))).token).toBe(shown.token)
    })

    test.each(DEPLOYMENTS)('a session of Node has none until Pyramid makes one: %s', async (_, options, codec) => {
      const sessions = serverOf(codec())
      const session = await sessions.load(null)
      const derived = session.csrfToken()
      const cookie = await written(sessions, session)
      expect(await keysOf(peer, options, cookie)).toEqual([])

      const shown = await showToken(peer, options, cookie)
      const later = await sessions.load(shown.cookie)
      expect(later.id).toBe(session.id)
      expect([shown.token, derived].map((token) => later.verifyCsrf(token))).toEqual([true, false])
    })

    test.each(DEPLOYMENTS)('deriveCsrf takes it out: %s', async (_, options, codec) => {
      const shown = await showToken(peer, options)
      const sessions = serverOf(codec(), { deriveCsrf: true })
      const session = await sessions.load(shown.cookie)
      expect(session.verifyCsrf(shown.token)).toBe(true)
      const token = session.csrfToken()
      const cookie = await written(sessions, session)
      expect(await keysOf(peer, options, cookie)).toEqual([])
      const later = await sessions.load(cookie)
      expect([shown.token, token].map((each) => later.verifyCsrf(each))).toEqual([false, true])
    })
  },
  { program: 'pyramid_peer.py' },
)

function serverOf(codec: SessionCodec, options: Partial<SessionsOptions> = {}): Sessions {
  return createSessions({ codecs: [codec], expose: false, secure: false, ...options })
}

async function written(sessions: Sessions, session: Awaited<ReturnType<Sessions['load']>>): Promise<string> {
  return cookieHeader(cookieValue(await sessions.commit(session)))
}

async function showToken(
  peer: PythonPeer,
  options: BeakerOptions,
  cookie?: string,
): Promise<{ token: string; cookie: string }> {
  const shown = await peer.call<{ token: string; set_cookie: string[] }>('show_token', {
    options,
    ...(cookie !== undefined && { cookie }),
  })
  return { token: shown.token, cookie: shown.set_cookie.length > 0 ? cookieHeader(cookieValue(shown.set_cookie)) : '' }
}

function isTaken(peer: PythonPeer, options: BeakerOptions, cookie: string, token: string): Promise<boolean> {
  return peer.call('check_token', { options, cookie, token })
}

function keysOf(peer: PythonPeer, options: BeakerOptions, cookie: string): Promise<string[]> {
  return peer.call('keys', { options, cookie })
}
