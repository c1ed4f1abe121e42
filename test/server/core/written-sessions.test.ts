/** Whatever a commit writes the next load can read; what it refuses changes nothing. */
import { describe, expect, test } from 'vitest'
import {
  beaker,
  beakerJwt,
  compact,
  djangoJwt,
  djangoSigned,
  fromExpressStore,
  jwt,
  memoryStore,
  type SessionCodec,
  type SessionStore,
} from '../../../src/server/index.js'
import { NAME, rejection, SECRET, serve } from '../server.helpers.js'
import { openStore } from '../stores/stores.helpers.js'

const validateKey = SECRET
const secretKey = SECRET
const secrets = [SECRET]
const codecs: Record<string, SessionCodec> = {
  beakerJwt: beakerJwt({ secrets }),
  'beakerJwt, plain claims': beakerJwt({ secrets, compress: false }),
  jwt: jwt({ secrets }),
  compact: compact({ secrets }),
  'beaker, pickle': beaker({ validateKey }),
  'beaker, json': beaker({ validateKey, serializer: 'json' }),
  'djangoSigned, json': djangoSigned({ secretKey }),
  'djangoSigned, pickle': djangoSigned({ secretKey, serializer: 'pickle' }),
}

/** As connect-redis keeps rows: JSON in a Map. */
function jsonStore(): SessionStore {
  const rows = new Map<string, string>()
  return fromExpressStore({
    get: (id, done) => done(null, rows.has(id) ? JSON.parse(rows.get(id) as string) : null),
    set: (id, session, done) => {
      rows.set(id, JSON.stringify(session))
      done?.()
    },
    destroy: (id, done) => {
      rows.delete(id)
      done?.()
    },
  })
}

/** Stores that write text. */
const textStores: Record<string, () => SessionStore> = {
  memoryStore: () => memoryStore(),
  fromExpressStore: jsonStore,
}
const stores: Record<string, () => SessionStore> = {
  ...textStores,
  'a store with objects': () => openStore(),
  'a store that reads and writes in steps': () => openStore({ atomic: false }),
}

describe('a list with a hole', () => {
  const places = [
    ...Object.entries(codecs).map(
      ([name, codec]) => [name, () => ({ codecs: [codec], expose: false as const })] as const,
    ),
    ...Object.entries(textStores).map(
      ([name, make]) => [name, () => ({ store: make(), codecs: [jwt({ secrets })] })] as const,
    ),
  ]

  test.each(places)('%s: the hole is null, and the visitor stays', async (_, options) => {
    const { sessions, browser, visit } = serve({ expose: false, ...options() })
    await visit((data) => Object.assign(data, { user: 'dave', cart: ['a', 'b', 1.5] }))
    await visit((data) => delete (data.cart as unknown[])[0])
    // As `cart[request.body.i] = x` does it.
    await visit((data) => Object.assign(data.cart as unknown[], { 5: 'far' }))
    const session = await sessions.load(browser.cookie)
    expect(session.rejected).toBeUndefined()
    expect(session.data).toMatchObject({ user: 'dave', cart: [null, 'b', 1.5, null, null, 'far'] })
    await visit((data) => Object.assign(data, { seen: true }))
    expect((await sessions.load(browser.cookie)).data).toMatchObject({ user: 'dave', seen: true })
  })
})

describe('a codec refuses what it would not read, and the old cookie stays', () => {
  const small = (count: number): number[] => new Array(count).fill(7)
  const cases: [string, SessionCodec, unknown][] = [
    ['beakerJwt with a lowered maxInflated', beakerJwt({ secrets, maxInflated: 500 }), 'a'.repeat(600)],
    ['compact with a lowered maxInflated', compact({ secrets, maxInflated: 500 }), 'a'.repeat(600)],
    ['compact that does not deflate', compact({ secrets, maxInflated: 60 }), 'swordfish'.repeat(6)],
    [
      'beaker, JSON with a lowered maxInflated',
      beaker({ validateKey, serializer: 'json', maxInflated: 500 }),
      'a'.repeat(600),
    ],
    ['beaker, JSON over 1 MiB', beaker({ validateKey, serializer: 'json' }), 'a'.repeat(1_100_000)],
    ['beaker, JSON over 1 MiB once escaped', beaker({ validateKey, serializer: 'json' }), '\u20ac'.repeat(200_000)],
    ['beaker, a pickle of 120 000 values', beaker({ validateKey }), small(120_000)],
    ['djangoSigned, a pickle of 120 000 values', djangoSigned({ secretKey, serializer: 'pickle' }), small(120_000)],
    [
      'djangoSigned, a pickle over 1 MiB',
      djangoSigned({ secretKey, serializer: 'pickle', maxInflated: 2 ** 22 }),
      'a'.repeat(1_100_000),
    ],
    [
      'djangoSigned, a pickle with 70 000 places of its memo',
      djangoSigned({ secretKey, serializer: 'pickle' }),
      small(70_000).map((_, index) => `${index}`),
    ],
    ['djangoSigned, JSON with a lowered maxInflated', djangoSigned({ secretKey, maxInflated: 500 }), 'a'.repeat(600)],
    ['beakerJwt, four billion holes', beakerJwt({ secrets }), new Array(2 ** 32 - 1)],
    ['jwt, four billion holes', jwt({ secrets }), new Array(2 ** 32 - 1)],
    ['beaker, four billion holes', beaker({ validateKey }), new Array(2 ** 32 - 1)],
    ['jwt, a list shared 2^60 times', jwt({ secrets }), doubled(60)],
    ['beaker, a list shared 2^60 times', beaker({ validateKey }), doubled(60)],
    ['compact, a list shared 2^60 times', compact({ secrets }), doubled(60)],
  ]

  test.each(cases)('%s', async (_, codec, large) => {
    const { sessions, browser, visit } = serve({ codecs: [codec], expose: false })
    await visit((data) => Object.assign(data, { u: 1 }))
    const cookie = browser.cookies.get(NAME)
    await rejection(
      'ERR_SESSION_LIMIT',
      visit((data) => Object.assign(data, { large })),
    )
    expect(browser.cookies.get(NAME)).toBe(cookie)
    expect((await sessions.load(browser.cookie)).data).toEqual({ u: 1 })
  })

  test.each(Object.entries(textStores))('%s: four billion holes, and a list shared 2^60 times', async (_, make) => {
    const { sessions, browser, visit } = serve({ store: make(), codecs: [jwt({ secrets })], expose: false })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    for (const large of [new Array(2 ** 32 - 1), doubled(60)]) {
      await rejection(
        'ERR_SESSION_LIMIT',
        visit((data) => Object.assign(data, { large })),
      )
    }
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
  })

  function doubled(levels: number): unknown {
    let value: unknown = 1
    for (let level = 0; level < levels; level++) value = [value, value]
    return value
  }
})

describe('what a value of the application throws while a row is written is that error, and no outage', () => {
  const boom = new Error('thrown by the application')
  const fail = (): never => {
    throw boom
  }
  const values: [string, unknown][] = [
    [
      'a getter',
      {
        get total() {
          return fail()
        },
      },
    ],
    [
      'toJSON',
      new (class Cart {
        toJSON = fail
      })(),
    ],
    ['a proxy', new Proxy({ a: 1 }, { ownKeys: fail })],
  ]
  const cases = Object.entries(stores).flatMap(([store, make]) =>
    values.map(([name, value]) => [store, name, make, value] as const),
  )

  test.each(cases)('%s: %s, in a new session and in a known one', async (_store, _name, make, value) => {
    const { sessions, browser, visit } = serve({ store: make(), codecs: [jwt({ secrets })], expose: false })
    const fresh = await sessions.load('')
    Object.assign(fresh.data, { deep: [value] })
    await expect(sessions.commit(fresh)).rejects.toBe(boom)
    await visit((data) => Object.assign(data, { user: 'dave' }))
    await expect(visit((data) => Object.assign(data, { deep: { value } }))).rejects.toBe(boom)
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
  })

  test('an outage still is one', async () => {
    const store = openStore()
    const { visit } = serve({ store, codecs: [jwt({ secrets })], expose: false })
    store.fault = boom
    expect(
      (
        await rejection(
          'ERR_SESSION_STORE',
          visit((data) => Object.assign(data, { user: 'dave' })),
        )
      ).cause,
    ).toBe(boom)
  })
})

describe.each([
  ['beakerJwt', beakerJwt({ secrets }), ['_id', '_creation_time', '_accessed_time']],
  ['beaker', beaker({ validateKey }), ['_id', '_creation_time', '_accessed_time']],
  ['jwt', jwt({ secrets, expires: '1h' }), ['jti', 'iat', 'exp']],
  ['djangoJwt', djangoJwt({ secrets, expires: '1h' }), ['sk', 'iat', 'exp']],
] as const)('%s: a key of the format without a value', (_, codec, keys) => {
  test.each(keys)('%s stays what it is', async (key) => {
    const { sessions } = serve({ codecs: [codec] })
    const session = await sessions.load('')
    Object.assign(session.data, { user: 'dave', [key]: undefined })
    const [cookie = ''] = await sessions.commit(session)
    const again = await sessions.load(cookie.split(';')[0] as string)
    expect([again.id, again.data.user]).toEqual([session.id, 'dave'])
    if (again.claims && 'iat' in again.claims) expect(again.claims.exp).toBe(Number(again.claims.iat) + 3600)
  })
})
