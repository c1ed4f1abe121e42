/** What one request may cost: few verifications of tokens that nobody signed, and none for a token that is remembered. */
import { describe, expect, test, vi } from 'vitest'
import {
  beaker,
  beakerJwt,
  compact,
  createKeys,
  createSessions,
  defineSession,
  djangoSigned,
  jwt,
  type KeyInput,
  remoteJwks,
  type SessionCodec,
} from '../../../src/server/index.js'
import { rejection, SECRET } from '../server.helpers.js'
import { jwkOf, pairFor, pemOf } from './keys.helpers.js'

const session = defineSession({ name: 'sid' })
const own = { es256: pairFor('ES256'), es512: pairFor('ES512') }
const foreign = { es256: pairFor('ES256', 'other'), es512: pairFor('ES512', 'other') }

function sessionsOf(...codecs: SessionCodec[]) {
  return createSessions({ session, codecs, expose: false })
}

/** Different tokens by this key, each with its name in it. */
async function tokensBy(key: KeyInput, count: number, prefix: string): Promise<string[]> {
  const codec = jwt({ keys: key })
  const now = new Date()
  const record = (name: string) => ({ data: { name }, createdAt: now, accessedAt: now })
  const names = Array.from({ length: count }, (_, index) => `${prefix}${index}`)
  return Promise.all(
    names.map((name) => codec.sign?.(record(name), { cookieName: 'sid', purpose: 'session', now }) as Promise<string>),
  )
}

const header = (tokens: readonly string[]): string => tokens.map((token) => `sid=${token}`).join('; ')

describe.each([
  ['ES512', own.es512.privateKey, foreign.es512.privateKey, [], 2],
  ['ES256, two keys', own.es256.privateKey, foreign.es256.privateKey, [pairFor('ES256', 'old').publicKey], 7],
] as const)('%s', (_, key, other, olderKeys, most) => {
  const codecWith = () => jwt({ keys: [key, ...olderKeys].map((each) => pemOf(each)) })

  test(`a session behind ${most} forged tokens is found, behind one more it is not, and stays`, async () => {
    const forged = await tokensBy(pemOf(other), most + 1, 'forged')
    const [real = ''] = await tokensBy(pemOf(key), 1, 'real')
    const sessions = sessionsOf(codecWith())
    const found = await sessions.load(header([real, ...forged.slice(0, most)]))
    expect(found.data).toEqual({ name: 'real0' })

    const fresh = sessionsOf(codecWith())
    const hidden = await fresh.load(header([real, ...forged]))
    expect({ data: hidden.data, code: hidden.rejected?.code }).toEqual({ data: {}, code: expect.any(String) })
    hidden.data.name = 'new'
    await expect(fresh.commit(hidden)).rejects.toMatchObject({ code: 'ERR_SESSION_PROTECTED' })
    hidden.regenerate()
    expect(await fresh.commit(hidden)).not.toEqual([])
  })

  test('a token that was read before is found behind any number', async () => {
    const forged = await tokensBy(pemOf(other), 15, 'forged')
    const [real = ''] = await tokensBy(pemOf(key), 1, 'real')
    const sessions = sessionsOf(codecWith())
    await sessions.load(header([real]))
    expect((await sessions.load(header([real, ...forged]))).data).toEqual({ name: 'real0' })
  })

  test('the next codec still reads what costs nothing', async () => {
    const forged = await tokensBy(pemOf(other), most + 1, 'forged')
    const [real = ''] = await tokensBy({ key: SECRET, alg: 'HS256' }, 1, 'real')
    const sessions = sessionsOf(codecWith(), jwt({ secrets: SECRET }))
    expect((await sessions.load(header([real, ...forged]))).data).toEqual({ name: 'real0' })
  })
})

test.each([
  [15, 'new0'],
  [16, 'ERR_SESSION_PROTECTED'],
])('%i cookies that are no sessions: a new session is %s', async (count, outcome) => {
  const codec = jwt({ secrets: SECRET })
  const sessions = sessionsOf(codec)
  const load = await sessions.load(header(Array.from({ length: count }, (_, index) => `a.b.${index}`)))
  load.data.name = 'new0'
  const commit = sessions
    .commit(load)
    .then(async ([cookie]) => (await sessions.load(String(cookie).split(';')[0] as string)).data.name)
  expect(await commit.catch((error) => error.code)).toBe(outcome)
})

test('the first token may need more keys than that, if each is cheap', async () => {
  const keys = Array.from({ length: 20 }, (_, index) => pairFor('ES256', `one of twenty, ${index}`).privateKey)
  const [real = ''] = await tokensBy(pemOf(keys.at(-1) as never), 1, 'real')
  const sessions = sessionsOf(jwt({ keys: keys.map((key) => pemOf(key)) }))
  expect((await sessions.load(header([real]))).data).toEqual({ name: 'real0' })
})

describe('secrets of several codecs', () => {
  const codecs = (count: number, own: string) =>
    Array.from({ length: count }, (_, codec) =>
      jwt({
        secrets: Array.from({ length: 32 }, (_, at) => (codec + at === count + 30 ? own : `${codec} ${at} ${SECRET}`)),
      }),
    )

  // Each forged one is tried with 64 secrets, and the session's own with as many.
  test('a session behind seven forged tokens is found, behind one more it is not, and stays', async () => {
    const forged = await tokensBy(`another ${SECRET}`, 8, 'forged')
    const [real = ''] = await tokensBy(SECRET, 1, 'real')
    const found = await sessionsOf(...codecs(2, SECRET)).load(header([real, ...forged.slice(0, 7)]))
    expect(found.data).toEqual({ name: 'real0' })

    const sessions = sessionsOf(...codecs(2, SECRET))
    const hidden = await sessions.load(header([real, ...forged]))
    expect(hidden.data).toEqual({})
    hidden.data.name = 'new'
    await expect(sessions.commit(hidden)).rejects.toMatchObject({ code: 'ERR_SESSION_PROTECTED' })
  })

  test('the first value may be tried with all of them, however many', async () => {
    const [real = ''] = await tokensBy(SECRET, 1, 'real')
    expect((await sessionsOf(...codecs(20, SECRET)).load(header([real]))).data).toEqual({ name: 'real0' })
  })

  test.each<[string, (secrets: string[]) => SessionCodec]>([
    ['beakerJwt', (secrets) => beakerJwt({ secrets })],
    ['compact', (secrets) => compact({ secrets })],
    ['beaker', (validateKey) => beaker({ validateKey })],
    ['djangoSigned', ([secretKey = '', ...fallbacks]) => djangoSigned({ secretKey, fallbacks })],
    ['jwt', (secrets) => jwt({ secrets })],
  ])('%s counts its secrets', async (_, codecOf) => {
    const codec = codecOf([SECRET, `other ${SECRET}`, `third ${SECRET}`])
    const now = new Date()
    const context = { cookieName: 'sid', purpose: 'session', now } as const
    const value = (await codec.sign?.({ data: {}, createdAt: now, accessedAt: now, id: '0'.repeat(32) }, context)) ?? ''
    const spend = vi.fn()
    await codecOf([`fourth ${SECRET}`, `fifth ${SECRET}`, `sixth ${SECRET}`])
      .verify(value, { ...context, verifications: { costly: 0, isCutShort: false, spend } })
      .catch(() => {})
    const spent = spend.mock.calls.reduce((sum, [{ secrets = 0 }]) => sum + secrets, 0)
    expect(spent).toBe(3)
  })
})

test('a list has 32 keys or secrets, and not 33', () => {
  const secrets = Array.from({ length: 33 }, (_, index) => `${SECRET} ${index}`)
  expect(() => jwt({ secrets: secrets.slice(1) })).not.toThrow()
  expect(() => jwt({ secrets })).toThrow('Option "secrets" holds more than 32 secrets')
  expect(() => jwt({ keys: secrets.slice(1) })).not.toThrow()
  expect(() => jwt({ keys: secrets })).toThrow('Option "keys" holds more than 32 keys')
})

describe('keys that are costly to try', () => {
  const jwks = (count: number, more: object = {}) =>
    Array.from({ length: count }, (_, index) =>
      jwkOf(pairFor('ES512', `costly ${index}`).publicKey, Object.keys(more).length ? { kid: `key ${index}` } : {}),
    )

  test('three without a "kid" are taken, four are refused at start', () => {
    expect(() => jwt({ keys: jwks(3) })).not.toThrow()
    expect(() => jwt({ keys: jwks(4) })).toThrow(/holds 4 keys for ES384, ES512 .* without a "kid"; 3 are the most/)
    expect(() => jwt({ keys: jwks(4, { kid: true }) })).not.toThrow()
  })

  test('a private key and its own public one count once', async () => {
    const pairs = [0, 1, 2].map((index) => pairFor('ES512', `costly ${index}`))
    const both = pairs.flatMap(({ privateKey, publicKey }) => [jwkOf(privateKey), jwkOf(publicKey)])
    expect(await jwt({ keys: both }).keys?.ready()).toBeUndefined()
    expect(() => jwt({ keys: [...both, jwkOf(pairFor('ES512', 'costly 3').publicKey)] })).toThrow(/holds 4 keys/)
  })

  test('three of one "kid" are taken, four are refused at start, or when they are loaded', async () => {
    const sameKid = jwks(4).map((jwk) => ({ ...jwk, kid: 'same' }))
    const others = jwks(3).map((jwk) => ({ ...jwk, kid: 'other' }))
    expect(() => jwt({ keys: [...sameKid.slice(1), ...others] })).not.toThrow()
    const message = /^Option "keys" holds 4 keys for ES384, ES512 .* with the same "kid"; 3 are the most$/
    expect(() => jwt({ keys: sameKid })).toThrow(message)
    const loaded = createKeys(() => sameKid)
    const error = await rejection('ERR_SESSION_KEYS', loaded.ready())
    expect((error.cause as Error).message).toMatch(message)
  })

  test('three of one "kid" verify, whichever it is', async () => {
    const pairs = [0, 1, 2].map((index) => pairFor('ES512', `costly ${index}`))
    const sessions = sessionsOf(jwt({ keys: pairs.map((pair) => jwkOf(pair.privateKey, { kid: 'same' })) }))
    for (const { privateKey } of pairs) {
      const [token = ''] = await tokensBy({ key: privateKey, kid: 'same' }, 1, 'real')
      expect((await sessions.load(header([token]))).data).toEqual({ name: 'real0' })
    }
  })

  test('of another server\'s set three of one "kid" are used, and three of none', async () => {
    for (const kid of ['same', undefined]) {
      const pairs = [0, 1, 2, 3].map((index) => pairFor('ES512', `costly ${index}`))
      const keys = [
        jwkOf(own.es256.publicKey),
        ...pairs.map(({ publicKey }) => jwkOf(publicKey, kid === undefined ? {} : { kid })),
      ]
      const fetch = async (): Promise<Response> => Response.json({ keys })
      const sessions = createSessions({
        session,
        codecs: [jwt({ keys: remoteJwks('https://issuer.example/jwks', { fetch }) })],
        expose: false,
        readOnly: true,
      })
      const names: unknown[] = []
      for (const [index, { privateKey }] of [...pairs, own.es256].entries()) {
        const labels = kid === undefined || index === 4 ? {} : { kid }
        const [token = ''] = await tokensBy({ key: privateKey, ...labels }, 1, `${index} `)
        names.push((await sessions.load(header([token]))).data.name)
      }
      expect(names).toEqual(['0 0', '1 0', '2 0', undefined, '4 0'])
    }
  })

  test('of PEM only the import tells', async () => {
    const pems = Array.from({ length: 4 }, (_, index) => pemOf(pairFor('ES512', `costly ${index}`).publicKey))
    await expect(jwt({ keys: pems }).keys?.ready()).rejects.toMatchObject({ code: 'ERR_SESSION_KEYS' })
    expect(await jwt({ keys: pems.slice(0, 3) }).keys?.ready()).toBeUndefined()
  })
})

describe('several codecs', () => {
  test.each([
    ['ES512', 3],
    ['ES256', 10],
  ] as const)('the first %s token is read by the last key of the last codec', async (alg, count) => {
    const keys = (prefix: string) =>
      Array.from({ length: count }, (_, index) => pemOf(pairFor(alg, `${prefix} ${index}`).privateKey))
    const old = keys('old')
    const [real = ''] = await tokensBy({ pem: old.at(-1) as string, kid: 'of another issuer' }, 1, 'real')
    const sessions = sessionsOf(jwt({ keys: keys('new') }), jwt({ keys: old }))
    expect((await sessions.load(header([real]))).data).toEqual({ name: 'real0' })
  })
})

test('a public cookie is verified only beside a session, and counts', async () => {
  const codec = jwt({ keys: pemOf(own.es512.privateKey) })
  const costs: (number | undefined)[] = []
  const watched: SessionCodec = {
    ...codec,
    verify(value, context) {
      if (context.purpose === 'public') costs.push(context.verifications?.costly)
      return codec.verify(value, context)
    },
  }
  const sessions = createSessions({ session, codecs: [watched], expose: ['name'] })
  const [real = ''] = await tokensBy(pemOf(own.es512.privateKey), 1, 'real')
  const [forged = ''] = await tokensBy(pemOf(foreign.es512.privateKey), 1, 'forged')
  await sessions.load(`sid=${forged}; sid.public=${forged}`)
  expect(costs).toEqual([])
  await sessions.load(`sid=${real}; sid.public=${forged}`)
  expect(costs).toEqual([1])
})
