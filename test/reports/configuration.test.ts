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
/** As a program has it that freezes its whole configuration. */
const frozen = (options: object): object => Object.freeze({ name: 'foo', ...options })

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
  ['an algorithm in place of a list', () => jwt({ secrets, algorithms: 'HS256' } as never), 'must be a list'],
  [
    'one key to remove in place of a list',
    () => beaker({ validateKey: SECRET, removeKeys: 'legacy_blob' } as never),
    'Option "removeKeys" must be a list of texts',
  ],
  ['a switch as the environment has it', create({ secure: 'false' }), 'Option "secure" must be true or false'],
  [
    'a weak secret, by such a switch',
    () => jwt({ secrets: 'weak', allowWeakSecrets: 'false' } as never),
    'Option "allowWeakSecrets" must be true or false',
  ],
  ['a switch that is null', create({ secure: null }), 'Option "secure" must be true or false'],
  ['a definition by hand, frozen', create({ session: frozen({ idleTimeout: '30m' }) }), 'defineSession()'],
  ['a definition by hand, frozen, in seconds', create({ session: frozen({ idleTimeout: 1800 }) }), 'defineSession()'],
  ['one with a typing error', create({ session: frozen({ idleTimout: 1_800_000 }) }), 'defineSession()'],
  ['a definition that an import left out', create({ session: undefined }), 'Option "session" is undefined'],
  ['a store that an import left out', create({ store: undefined }), 'Option "store" is undefined'],
  ['a place with a typing error', create({ expireShadows: [{ Domain: 'example.com' }] }), 'Did you mean "domain"?'],
  ['an option of iron-session', create({ ttl: 3600 }), 'It has: session, codecs, store'],
  ['no configuration of Beaker', () => fromBeakerConfig(undefined as never), 'fromBeakerConfig takes the options'],
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
