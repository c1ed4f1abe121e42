/** An option that does not exist would be ignored: every public function refuses it, and says which name is nearest. */
import { expect, test } from 'vitest'
import * as server from '../../src/server/index.js'
import * as testing from '../../src/server/testing.js'
import { SECRET } from './server.helpers.js'

const secrets = [SECRET]
const sessions = server.createSessions({ secrets, expose: false })
const bound = server.createSessions({ secrets, expose: false, bound: {} })
const execute = async (): Promise<[]> => []
const redis = { get() {}, set() {}, del() {}, pexpire() {}, eval() {}, call() {} } as unknown as server.IoRedisClient
const sqlite = { prepare() {}, exec() {} } as unknown as server.SqliteDatabase

class Metric {}
const prometheus = { Counter: Metric, Gauge: Metric, Histogram: Metric } as unknown as server.PrometheusClient
const meter = { createCounter() {}, createGauge() {}, createHistogram() {} }
const telemetry = { metrics: { getMeter: () => meter } } as unknown as server.OpenTelemetryApi

/** Each with its options, and a wrong name with the right one. */
const functions: Record<string, [call: (options: object) => unknown, wrong: string, right: string]> = {
  beaker: [(more) => server.beaker({ validateKey: SECRET, ...more }), 'validate_key', 'validateKey'],
  beakerJwt: [(more) => server.beakerJwt({ secrets, ...more }), 'compressed', 'compress'],
  compact: [(more) => server.compact({ secrets, ...more }), 'expire', 'expires'],
  createKeys: [(more) => server.createKeys(SECRET, more), 'reloadevery', 'reloadEvery'],
  createReadStats: [(more) => server.createReadStats(more), 'clocks', 'clock'],
  createSessions: [(more) => server.createSessions({ secrets, expose: false, ...more }), 'maxage', 'maxAge'],
  defineSession: [(more) => server.defineSession(more), 'idletimeout', 'idleTimeout'],
  djangoJwt: [(more) => server.djangoJwt({ secrets, ...more }), 'session_field', 'sessionField'],
  djangoLogin: [
    (more) => testing.djangoLogin({ id: 1, password: '' }, { secretKey: SECRET, ...more }),
    'backends',
    'backend',
  ],
  djangoSession: [(more) => server.djangoSession(more), 'allow_bare_key', 'allowBareKey'],
  djangoSigned: [(more) => server.djangoSigned({ secretKey: SECRET, ...more }), 'fallback', 'fallbacks'],
  createRevocations: [
    (more) => server.createRevocations({ store: server.memoryStore(), cacheFor: '10s', ...more }),
    'cacheFors',
    'cacheFor',
  ],
  djangoStore: [
    (more) => server.djangoStore({ execute, dialect: 'postgresql', secretKey: SECRET, ...more }),
    'cookie_age',
    'cookieAge',
  ],
  djangoUser: [
    (more) => server.djangoUser({ data: {} }, { secretKey: SECRET, user: () => null, ...more }),
    'password_field',
    'passwordField',
  ],
  expressBound: [(more) => server.expressBound(bound, more), 'reloads', 'reload'],
  fastifyBound: [(more) => server.fastifyBound(bound, more), 'reloads', 'reload'],
  fetchBound: [(more) => server.fetchBound(bound, undefined, more), 'reloads', 'reload'],
  honoBound: [(more) => server.honoBound(bound, more), 'reloads', 'reload'],
  expressJwks: [(more) => server.expressJwks(sessions, more), 'max_age', 'maxAge'],
  expressSessions: [(more) => server.expressSessions(sessions, more), 'props', 'property'],
  fastifySessions: [(more) => server.fastifySessions(sessions, more), 'decorator', 'property'],
  fetchJwks: [(more) => server.fetchJwks(sessions, more), 'max_age', 'maxAge'],
  honoSessions: [(more) => server.honoSessions(sessions, more), 'properties', 'property'],
  fromBeakerConfig: [
    (more) => server.fromBeakerConfig({ type: 'cookie', validate_key: SECRET }, more),
    'allowWeakSecret',
    'allowWeakSecrets',
  ],
  fromExpressStore: [
    (more) => server.fromExpressStore({ get() {}, set() {}, destroy() {} } as unknown as server.ExpressStore, more),
    'clocks',
    'clock',
  ],
  jwe: [(more) => server.jwe({ secrets, ...more }), 'payloads', 'payload'],
  jwt: [(more) => server.jwt({ secrets, ...more }), 'expire', 'expires'],
  memoryStore: [(more) => server.memoryStore(more), 'maxBytess', 'maxBytes'],
  openTelemetryListener: [(more) => server.openTelemetryListener(telemetry, more), 'prefixes', 'prefix'],
  prometheusListener: [(more) => server.prometheusListener(prometheus, more), 'registry', 'register'],
  recentOnly: [(more) => server.recentOnly('10m', more), 'properties', 'property'],
  redisStore: [(more) => server.redisStore(redis, more), 'prefixes', 'prefix'],
  remoteJwks: [(more) => server.remoteJwks('https://issuer.example/jwks', more), 'cachemaxage', 'cacheMaxAge'],
  sessionCookie: [(more) => testing.sessionCookie(sessions, {}, more), 'keys', 'key'],
  sqlStore: [(more) => server.sqlStore({ execute, dialect: 'sqlite', ...more }), 'tables', 'table'],
  sqliteExecute: [(more) => server.sqliteExecute(sqlite, more), 'busy_timeout', 'busyTimeout'],
  touchHandler: [(more) => server.touchHandler(sessions, more), 'origin', 'origins'],
  verifySessions: [(more) => server.verifySessions({ codecs: [server.jwt({ secrets })], ...more }), 'stores', 'store'],
  wsgiJwtSession: [(more) => server.wsgiJwtSession({ secret: SECRET, ...more }), 'cookie_name', 'cookieName'],
}

/** They take no options of this package. */
const WITHOUT = [
  'SessionError',
  'bearerToken',
  'bsonTypesOf',
  'decodeSession',
  'fetchSessions',
  'isSessionError',
  'keyThumbprint',
  'nextProxy',
  'nextSessions',
  'pgExecute',
  'requireRecent',
  'serializeForClient',
  'sessionFixture',
  'sessionOf',
]

test.each(Object.entries(functions))('%s', async (name, [call, wrong, right]) => {
  await call({})
  const failure = await (async () => call({ [wrong]: 'swordfish' }))().then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(failure).toBeInstanceOf(TypeError)
  const { message } = failure as TypeError
  expect(message).toContain(wrong)
  expect(message).toContain(right)
  expect(message).not.toContain('swordfish')
  // A page loads it, so its message is short.
  if (name !== 'defineSession') expect(message).toBe(`${name} has no option "${wrong}". Did you mean "${right}"?`)
})

test('every public function is in this table', () => {
  const exported = Object.entries({ ...server, ...testing }).filter(([, value]) => typeof value === 'function')
  expect(exported.map(([name]) => name).sort()).toEqual([...Object.keys(functions), ...WITHOUT].sort())
})

test.each([null, 'text', 5])('%o are no options', (options) => {
  expect(() => server.createSessions(options as never)).toThrow('createSessions takes an object of options')
  expect(() => server.jwt(options as never)).toThrow('jwt takes an object of options')
})

const unset = undefined as unknown as string
test.each<[string, string, () => unknown]>([
  ['createSessions', 'secrets', () => server.createSessions({ secrets: unset, expose: false })],
  ['beakerJwt', 'secrets', () => server.beakerJwt({ secrets: unset })],
  ['compact', 'secrets', () => server.compact({ secrets: unset })],
  ['jwe', 'secrets', () => server.jwe({ secrets: unset })],
  ['jwt', 'secrets', () => server.jwt({ secrets: unset })],
  ['jwt with keys', 'keys', () => server.jwt({ keys: unset })],
  ['createKeys', 'keys', () => server.createKeys(unset)],
  ['djangoJwt', 'key', () => server.djangoJwt({ key: unset })],
  ['djangoSigned', 'secretKey', () => server.djangoSigned({ secretKey: unset })],
  ['djangoStore', 'secretKey', () => server.djangoStore({ execute, dialect: 'sqlite', secretKey: unset })],
  ['beaker', 'validateKey', () => server.beaker({ validateKey: unset })],
  ['beaker, which would not encrypt', 'encryptKey', () => server.beaker({ validateKey: SECRET, encryptKey: unset })],
])('%s says that its key is undefined', (_, option, call) => {
  expect(call).toThrow(`Option "${option}" is undefined: is the environment variable set?`)
})

test.each<[string, string, () => unknown]>([
  ['beakerJwt', 'secrets', () => server.beakerJwt({ secrets: [SECRET, unset] })],
  ['jwt with keys', 'keys', () => server.jwt({ keys: [SECRET, unset] })],
  ['djangoSigned', 'fallbacks', () => server.djangoSigned({ secretKey: SECRET, fallbacks: [unset] })],
  ['beaker', 'validateKey', () => server.beaker({ validateKey: [SECRET, unset] })],
])('%s says that a part of its list is undefined', (_, option, call) => {
  expect(call).toThrow(`Option "${option}" contains undefined: is the environment variable set?`)
})

/** Options that are called: what is no function would fail in a request, or change nothing. */
const called: Record<string, readonly string[]> = {
  createKeys: ['clock'],
  createReadStats: ['clock'],
  createSessions: ['clock', 'on', 'owner'],
  djangoJwt: ['claims', 'user'],
  djangoStore: ['clock', 'execute'],
  djangoUser: ['user'],
  fromExpressStore: ['clock'],
  memoryStore: ['clock', 'isAnonymous'],
  redisStore: ['clock'],
  remoteJwks: ['clock', 'fetch'],
  sqlStore: ['clock', 'execute'],
  verifySessions: ['clock', 'on', 'owner'],
}

test.each(Object.entries(called).flatMap(([name, options]) => options.map((option) => [name, option] as const)))(
  '%s: %s must be a function',
  async (name, option) => {
    const [call] = functions[name] as NonNullable<(typeof functions)[string]>
    for (const value of [5, 'now', new Date(), true, null, {}]) {
      await expect((async () => call({ [option]: value }))()).rejects.toThrow(`Option "${option}" must be a function`)
    }
  },
)

test('with() refuses the same', () => {
  expect(() => sessions.with({ clock: new Date() as never })).toThrow('Option "clock" must be a function')
})
