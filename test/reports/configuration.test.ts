/**
 * Configurations that failed open: they were taken, and a session then never expired, was readable, or was shared with nobody. Each line
 * is one that somebody wrote for express-session, iron-session or Beaker.
 */
import { expect, test } from 'vitest'
import {
  beaker,
  createSessions,
  defineSession,
  fromBeakerConfig,
  jwt,
  type SessionOptions,
  type SessionsOptions,
} from '../../src/server/index.js'
import { SECRET } from '../server/server.helpers.js'

const secrets = [SECRET]
const create = (options: object) => () => createSessions({ secrets, expose: false, ...options } as SessionsOptions)

test.each<[string, () => unknown, string | RegExp]>([
  ['a definition by hand, as text', create({ session: { name: 'foo', idleTimeout: '30m' } }), 'defineSession()'],
  ['a definition by hand, in seconds', create({ session: { name: 'foo', idleTimeout: 1800 } }), 'defineSession()'],
  ['a timeout of createSessions', create({ idleTimeout: '30m' }), 'belongs in defineSession()'],
  ['the cookie name of iron-session', create({ name: 'sid' }), 'belongs in defineSession()'],
  ['the attribute of express-session', create({ httpOnly: true }), '"expose" decides what scripts can read'],
  ['one codec in place of a list', create({ secrets: undefined, codecs: jwt({ secrets }) }), 'must be a list'],
  ['a timeout with a typing error', () => defineSession({ idleTimout: '30m' } as SessionOptions), 'idleTimeout'],
  ['the end of a token with one', () => jwt({ secrets, expire: '5m' } as never), 'Did you mean "expires"?'],
  ['a secret that is not set', create({ secrets: process.env.NO_SUCH_VARIABLE }), 'is the environment variable set?'],
  [
    'one of two secrets that is not set',
    create({ secrets: [SECRET, process.env.NO_SUCH_VARIABLE] }),
    'is the environment variable set?',
  ],
  [
    'encryption that is not set',
    () => beaker({ validateKey: SECRET, encryptKey: process.env.NO_SUCH_VARIABLE as string }),
    'Option "encryptKey" is undefined',
  ],
  [
    'sessions on the server of Python',
    () => fromBeakerConfig({ 'session.validate_key': SECRET, 'session.data_dir': '/var/sessions' }),
    'Set type = cookie in Python first',
  ],
  [
    'the secret of a public example',
    () => fromBeakerConfig({ 'session.type': 'cookie', 'session.validate_key': 'True' }),
    'anyone can forge a session',
  ],
])('%s', (_, call, message) => {
  expect(call).toThrow(TypeError)
  expect(call).toThrow(message)
})

test('types refuse what a JavaScript caller would get a TypeError for', () => {
  const refused = [
    // @ts-expect-error: only defineSession makes a definition
    () => createSessions({ secrets, expose: false, session: { name: 'foo', idleTimeout: 1800 } }),
    // @ts-expect-error: no such option
    () => createSessions({ secrets, expose: false, idleTimeout: '30m' }),
    // @ts-expect-error: no such option
    () => jwt({ secrets, expire: '5m' }),
    // @ts-expect-error: no such option
    () => defineSession({ idleTimout: '30m' }),
  ]
  for (const call of refused) expect(call).toThrow(TypeError)
})
