/**
 * A session's own lifetime in the real Pyramid with pyramid_beaker, over both of Beaker's cookies: the lines of docs/lifecycle.md run as they
 * stand there, and Node and Python keep to what either has asked for.
 */
import { expect, test } from 'vitest'
import {
  beaker,
  beakerJwt,
  createSessions,
  defineSession,
  type SessionCodec,
  type Sessions,
} from '../../src/server/index.js'
import { cookieHeader, cookieName, cookieValue, key } from './beaker-jwt.helpers.js'
import { pythonOfDocs } from './docs-python.js'
import { type BeakerOptions, describeWithPython, type PythonPeer } from './peer.js'

const deployments: [string, BeakerOptions, () => SessionCodec][] = [
  ['beaker-session-jwt', { jwt_secret_keys: [key] }, () => beakerJwt({ secrets: [key] })],
  ['Beaker with pickle', { validate_key: key }, () => beaker({ validateKey: key })],
  [
    'Beaker with JSON',
    { validate_key: key, data_serializer: 'json' },
    () => beaker({ validateKey: key, serializer: 'json' }),
  ],
]
const line = pythonOfDocs("request.session['_session_expiry']")
const repeat = pythonOfDocs('def repeat_lifetime') + pythonOfDocs('add_response_callback')
const reading = "request.session.get('user')"
const START = 1_800_000_000_000
const HOUR = 3_600_000
const MONTH = 30 * 24 * HOUR

describeWithPython(
  'lifetimes in Pyramid',
  (peer) => {
    test.each(deployments)(
      'the line of the docs counts in Node from the next write on: %s',
      async (_, options, codec) => {
        for (const [lines, seconds] of [
          [line, 2_592_000],
          [line.replace('30 * 86400', '0'), 0],
        ] as const) {
          const visitor = visitorOf(peer, options, codec)
          await visitor.python(`request.session['user'] = 'dave'\n${lines}`)
          // Beaker goes by `cookie_expires`, which is until the browser closes.
          expect(visitor.end).toBe('browser')
          const session = await visitor.node('a')
          expect(session.data).toEqual({ user: 'dave', note: 'a', _session_expiry: seconds })
          expect(visitor.end).toBe(seconds === 0 ? 'browser' : START + HOUR + MONTH)
          expect(session.expiresAt).toEqual(new Date(START + HOUR + (seconds === 0 ? 2 * HOUR : MONTH)))
          await visitor.python(reading)
          expect((await visitor.node('b')).data).toEqual({ user: 'dave', note: 'b', _session_expiry: seconds })
        }
      },
    )

    test.each(deployments)('with the others, each answer of Pyramid repeats it: %s', async (_, options, codec) => {
      for (const wish of [
        '30d',
        'browser',
        new Date(START + 100 * HOUR),
        new Date(START + 100 * HOUR + 250),
      ] as const) {
        const visitor = visitorOf(peer, options, codec)
        const first = await visitor.node('a', (session) => session.remember(wish))
        for (const lines of [reading, "request.session['note'] = 'b'", reading]) {
          await visitor.python(lines, repeat)
          const since = visitor.now + MONTH
          expect(visitor.end).toBe(wish === 'browser' ? wish : wish === '30d' ? since : START + 100 * HOUR)
        }
        const last = await visitor.node('c')
        expect(last.data).toEqual({ note: 'c', _session_expiry: first.data._session_expiry })
        expect(last.id).toBe(first.id)
      }
    })
  },
  { program: 'pyramid_peer.py' },
)

/** A browser: an hour passes before each of its requests. */
function visitorOf(peer: PythonPeer, options: BeakerOptions, codec: () => SessionCodec) {
  const sessions: Sessions = createSessions({
    session: defineSession({ idleTimeout: '2h' }),
    codecs: [codec()],
    expose: false,
    secure: false,
    clock: () => new Date(visitor.now),
  })
  let cookie: string | undefined
  const take = (setCookies: readonly string[]): void => {
    cookie = cookieHeader(cookieValue(setCookies))
    visitor.end = endOf(setCookies.find((text) => text.trim().startsWith(cookieName)) as string, visitor.now)
  }
  const visitor = {
    now: START - HOUR,
    end: undefined as number | 'browser' | undefined,
    async python(lines: string, before = ''): Promise<void> {
      visitor.now += HOUR
      take(
        await peer.call<string[]>('run', { options, cookie: cookie ?? null, lines, before, now: visitor.now / 1000 }),
      )
    },
    async node(note: string, change: (session: Awaited<ReturnType<Sessions['load']>>) => void = () => {}) {
      visitor.now += HOUR
      const session = await sessions.load(cookie)
      session.data.note = note
      change(session)
      take(await sessions.commit(session))
      return session
    },
  }
  return visitor
}

function endOf(setCookie: string, now: number): number | 'browser' {
  const seconds = /; max-age=(\d+)/i.exec(setCookie)?.[1]
  if (seconds !== undefined) return now + Number(seconds) * 1000
  const date = /; expires=([^;]+)/i.exec(setCookie)?.[1]
  return date === undefined ? 'browser' : Date.parse(date.replaceAll('-', ' '))
}
