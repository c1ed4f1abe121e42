/**
 * CSRF tokens and flash messages beside the real Pyramid with pyramid_beaker: a secret that it put into a session is the
 * one that counts on both sides, and each reads the messages of the other.
 */
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
import { differences, type Tagged } from './tagged.js'

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

    test.each(DEPLOYMENTS)('a new token of Pyramid ends the forms of both sides: %s', async (_, options, codec) => {
      const shown = await showToken(peer, options)
      const sessions = serverOf(codec())
      const tokens = [shown.token, (await sessions.load(shown.cookie)).csrfToken()]
      const { token, cookie } = await showToken(peer, options, shown.cookie, true)
      const session = await sessions.load(cookie)
      expect([...tokens, token].map((each) => session.verifyCsrf(each))).toEqual([false, false, true])
    })

    test.each(DEPLOYMENTS)('so does regenerate() in Node: %s', async (_, options, codec) => {
      const shown = await showToken(peer, options)
      const sessions = serverOf(codec())
      const session = await sessions.load(shown.cookie)
      session.regenerate()
      session.data.user = 'dave'
      const cookie = await written(sessions, session)
      expect(await isTaken(peer, options, cookie, shown.token)).toBe(false)
      const next = await showToken(peer, options, cookie)
      const later = await sessions.load(next.cookie)
      expect([shown.token, next.token].map((token) => later.verifyCsrf(token))).toEqual([false, true])
    })

    test.each(DEPLOYMENTS)('messages of Node are shown by Pyramid, once: %s', async (_, options, codec) => {
      const sessions = serverOf(codec())
      const session = await sessions.load(null)
      const messages = ['sävéd', { text: 'moved', to: ['a', null, true] }]
      for (const message of messages) session.flash('info', message)
      session.flash('', 'the default queue')
      const cookie = await written(sessions, session)
      const looked = await peer.call<Shown>('pop_flash', { options, cookie, queue: 'info', peek: true })
      expect(differences(looked.messages, messages)).toEqual([])
      const shown = await peer.call<Shown>('pop_flash', { options, cookie, queue: 'info' })
      expect(differences(shown.messages, messages)).toEqual([])

      const later = await sessions.load(cookieHeader(cookieValue(shown.set_cookie)))
      expect([later.flash('info'), later.flash('')]).toEqual([[], ['the default queue']])
    })

    test.each(DEPLOYMENTS)('messages of Pyramid are shown by Node, once: %s', async (_, options, codec) => {
      const messages: [string, Tagged, boolean][] = [
        ['info', 'säved', true],
        ['info', 'säved', false],
        ['info', { $dict: [['text', 'moved']] }, true],
        ['', 'the default queue', true],
      ]
      const { set_cookie } = await peer.call<Shown>('flash', { options, messages })
      const sessions = serverOf(codec())
      const session = await sessions.load(cookieHeader(cookieValue(set_cookie)))
      expect(session.flash('info')).toEqual(['säved', { text: 'moved' }])
      const cookie = await written(sessions, session)
      const pop = async (queue: string) => (await peer.call<Shown>('pop_flash', { options, cookie, queue })).messages
      expect([await pop('info'), await pop('')]).toEqual([[], ['the default queue']])
    })
  },
  { program: 'pyramid_peer.py' },
)

interface Shown {
  messages: Tagged
  set_cookie: string[]
}

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
  isNew = false,
): Promise<{ token: string; cookie: string }> {
  const shown = await peer.call<{ token: string; set_cookie: string[] }>('show_token', {
    options,
    new: isNew,
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
