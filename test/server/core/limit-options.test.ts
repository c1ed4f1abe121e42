/** Every option that is a number: what is none bounds nothing, and is refused at start by its name. */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  beaker,
  beakerJwt,
  compact,
  createSessions,
  djangoJwt,
  djangoSigned,
  djangoStore,
  jwe,
  jwt,
  memoryStore,
  redisStore,
  remoteJwks,
  sqliteExecute,
  wsgiJwtSession,
} from '../../../src/server/index.js'
import { decodeSession } from '../../../src/shared/decode.js'
import { checkLimit } from '../../../src/shared/limits.js'

const SECRET = 'swordfish-one-of-the-keys-0123456789abcdef'
const secrets = [SECRET]
const redis = { get() {}, set() {}, del() {}, pExpire() {}, eval() {} } as never
const sessions = (options: object) => createSessions({ secrets, expose: false, ...options })

/** Whole numbers. */
const counts: Record<string, [option: string, make: (value: never) => unknown]> = {
  decodeSession: ['maxInflated', (maxInflated) => decodeSession('a.b.c', { maxInflated })],
  beakerJwt: ['maxInflated', (maxInflated) => beakerJwt({ secrets, maxInflated })],
  compact: ['maxInflated', (maxInflated) => compact({ secrets, maxInflated })],
  beaker: ['maxInflated', (maxInflated) => beaker({ validateKey: SECRET, maxInflated })],
  'beaker, nonces': [
    'nonceBits',
    (nonceBits) => beaker({ validateKey: SECRET, encryptKey: SECRET, cryptoType: 'cryptography', nonceBits }),
  ],
  djangoSigned: ['maxInflated', (maxInflated) => djangoSigned({ secretKey: SECRET, maxInflated })],
  djangoStore: [
    'maxInflated',
    (maxInflated) => djangoStore({ secretKey: SECRET, execute: () => [], dialect: 'sqlite', maxInflated }),
  ],
  'beakerJwt, remembered': ['remember', (remember) => beakerJwt({ secrets, remember })],
  'compact, remembered': ['remember', (remember) => compact({ secrets, remember })],
  'jwe, remembered': ['remember', (remember) => jwe({ secrets, remember })],
  'jwt, remembered': ['remember', (remember) => jwt({ secrets, remember })],
  'djangoJwt, remembered': ['remember', (remember) => djangoJwt({ secrets, remember })],
  'memoryStore, sessions': ['maxSessions', (maxSessions) => memoryStore({ maxSessions })],
  'memoryStore, bytes': ['maxBytes', (maxBytes) => memoryStore({ maxBytes })],
  remoteJwks: ['maxSize', (maxSize) => remoteJwks('https://issuer.example/keys', { maxSize })],
  sqliteExecute: [
    'busyTimeout',
    (busyTimeout) => sqliteExecute({ prepare: () => ({}), exec: () => {} } as never, { busyTimeout }),
  ],
  'createSessions, pieces': ['chunks', (chunks) => sessions({ chunks })],
  'createSessions, header': ['headerBudget', (headerBudget) => sessions({ headerBudget })],
}

/** Seconds, which may have a fraction, or text. */
const durations: Record<string, [option: string, make: (value: never) => unknown]> = {
  'createSessions, maxAge': ['maxAge', (maxAge) => sessions({ maxAge })],
  'createSessions, expires': ['expires', (expires) => sessions({ expires })],
  'createSessions, touchEvery': ['touchEvery', (touchEvery) => sessions({ touchEvery })],
  jwt: ['expires', (expires) => jwt({ secrets, expires })],
  'jwt, clocks': ['clockTolerance', (clockTolerance) => jwt({ secrets, clockTolerance })],
  compact: ['expires', (expires) => compact({ secrets, expires })],
  jwe: ['expires', (expires) => jwe({ secrets, expires })],
  djangoJwt: ['expires', (expires) => djangoJwt({ secrets, expires })],
  djangoSigned: ['maxAge', (maxAge) => djangoSigned({ secretKey: SECRET, maxAge })],
  djangoStore: [
    'cookieAge',
    (cookieAge) => djangoStore({ secretKey: SECRET, execute: () => [], dialect: 'sqlite', cookieAge }),
  ],
  memoryStore: ['ttl', (ttl) => memoryStore({ ttl })],
  redisStore: ['ttl', (ttl) => redisStore(redis, { ttl })],
  wsgiJwtSession: [
    'maxAge',
    (maxAge) => createSessions({ ...wsgiJwtSession({ secret: SECRET, maxAge }), expose: true }),
  ],
  ...Object.fromEntries(
    ['cooldown', 'cacheMaxAge', 'staleMaxAge', 'timeout'].map((name) => [
      `remoteJwks, ${name}`,
      [name, (value: never) => remoteJwks('https://issuer.example/keys', { [name]: value })],
    ]),
  ),
}

const NO_NUMBER = [Number.POSITIVE_INFINITY, Number.NaN, -1, 'many', '', {}, [5], 5n]
const named = (values: unknown[]) => values.map((value) => [inspect(value), value] as const)

describe.each(Object.entries(counts))('%s', (_, [option, make]) => {
  test.each(named([...NO_NUMBER, 8.5, '8', 2 ** 60]))('%s is refused', (_, value) => {
    const thrown = thrownBy(() => make(value as never))
    expect(thrown).toBeInstanceOf(TypeError)
    expect((thrown as Error).message).toContain(`"${option}"`)
  })
})

describe.each(Object.entries(durations))('%s', (_, [option, make]) => {
  test.each(named(NO_NUMBER))('%s is refused', (_, value) => {
    const thrown = thrownBy(() => make(value as never))
    expect(thrown).toBeInstanceOf(TypeError)
    expect((thrown as Error).message).toContain(option)
  })
})

test('the message names option, unit and range', () => {
  const message = (range: object) => (thrownBy(() => checkLimit(-1, 'most', range)) as Error).message
  expect(message({})).toBe('Option "most" must be a whole number, 1 or more')
  expect(message({ least: 0, unit: 'bytes' })).toBe('Option "most" must be a whole number of bytes, 0 or more')
  expect(message({ least: 2, most: 4 })).toBe('Option "most" must be a whole number from 2 to 4')
  expect(checkLimit(2, 'most', { least: 2, most: 4 }) + checkLimit(4, 'most', { least: 2, most: 4 })).toBe(6)
})

function thrownBy(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}
