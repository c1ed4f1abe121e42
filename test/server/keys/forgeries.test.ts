/** Tokens that name keys and algorithms of their own: threats 1, 2, 7 and 9. None of it counts. */
import { createHmac, sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createSessions, jwt, type SessionCodec } from '../../../src/server/index.js'
import { expectWithout, rejection, SECRET } from '../server.helpers.js'
import { jwkOf, pairFor, pemOf, publicKeysOf, session } from './keys.helpers.js'

const issuer = pairFor('RS256')
const attacker = pairFor('RS256', 'attacker')
const codec = jwt({ keys: { key: issuer.publicKey, kid: 'one' } })
const payload = base64url('{"user":"admin"}')

function base64url(text: string | Uint8Array): string {
  return Buffer.from(text).toString('base64url')
}

function signedBy({ privateKey }: typeof issuer, header: object): string {
  const signingInput = `${base64url(JSON.stringify(header))}.${payload}`
  return `${signingInput}.${base64url(sign('sha256', Buffer.from(signingInput), privateKey))}`
}

function hmacWith(key: string | Uint8Array, header: object): string {
  const signingInput = `${base64url(JSON.stringify(header))}.${payload}`
  return `${signingInput}.${createHmac('sha256', key).update(signingInput).digest('base64url')}`
}

test('what the issuer signs is good', async () => {
  expect((await codec.verify(signedBy(issuer, { alg: 'RS256' }), session)).data).toEqual({ user: 'admin' })
})

describe('an algorithm that the token chose', () => {
  const spki = issuer.publicKey.export({ format: 'der', type: 'spki' })
  test.each<[string, string]>([
    ['none', `${base64url('{"alg":"none"}')}.${payload}.`],
    ['none with a kid that is known', `${base64url('{"alg":"none","kid":"one"}')}.${payload}.`],
    ['none with a kid that is not', `${base64url('{"alg":"none","kid":"two"}')}.${payload}.`],
    ['None, signed', signedBy(issuer, { alg: 'None' })],
    ['nOnE, signed', signedBy(issuer, { alg: 'nOnE' })],
    ['no alg', signedBy(issuer, { typ: 'JWT' })],
    ['rs256', signedBy(issuer, { alg: 'rs256' })],
    ['a list', signedBy(issuer, { alg: ['RS256'] })],
    ['of the prototype', signedBy(issuer, { alg: 'toString' })],
    ['RS512, signed as RS256', signedBy(issuer, { alg: 'RS512' })],
    ['PS256', signedBy(issuer, { alg: 'PS256' })],
    ['HS256 with the PEM for a secret', hmacWith(pemOf(issuer.publicKey), { alg: 'HS256' })],
    ['HS256 with the PEM, trimmed', hmacWith(pemOf(issuer.publicKey).trim(), { alg: 'HS256', kid: 'one' })],
    ['HS256 with the DER', hmacWith(spki, { alg: 'HS256' })],
    ['HS256 with the JWK', hmacWith(JSON.stringify(jwkOf(issuer.publicKey)), { alg: 'HS256' })],
    ['HS256 with the modulus', hmacWith(jwkOf(issuer.publicKey).n as string, { alg: 'HS256' })],
    ['HS256 with nothing', hmacWith('', { alg: 'HS256' })],
    ['crit', signedBy(issuer, { alg: 'RS256', crit: ['exp'] })],
    ['crit that is empty', signedBy(issuer, { alg: 'RS256', crit: [] })],
  ])('%s', async (_, token) => {
    const error = await rejection('ERR_SESSION_ALGORITHM', () => codec.verify(token, session))
    expectWithout(error, [token, payload])
    // Also where secrets are in the same ring.
    const mixed = jwt({ keys: [issuer.publicKey, SECRET] })
    expect(await failure(() => mixed.verify(token, session))).toMatch(/ERR_SESSION_(ALGORITHM|SIGNATURE)/)
  })

  test('the secret of one key does not make tokens of another', async () => {
    const mixed = jwt({
      keys: [
        { key: issuer.publicKey, kid: 'one' },
        { key: SECRET, kid: 'two' },
      ],
    })
    await rejection('ERR_SESSION_SIGNATURE', () =>
      mixed.verify(hmacWith(SECRET, { alg: 'HS256', kid: 'one' }), session),
    )
    await rejection('ERR_SESSION_SIGNATURE', () =>
      mixed.verify(hmacWith(pemOf(issuer.publicKey), { alg: 'HS256' }), session),
    )
    await rejection('ERR_SESSION_SIGNATURE', () =>
      mixed.verify(hmacWith(SECRET, { alg: 'RS256', kid: 'two' }), session),
    )
  })
})

describe('a key that the token brought', () => {
  const jwk = jwkOf(attacker.publicKey)
  const chain = [attacker.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')]
  test.each<[string, object]>([
    ['jwk', { jwk }],
    ['jwk and kid', { jwk: { ...jwk, kid: 'one' }, kid: 'one' }],
    ['jku', { jku: 'https://attacker.example/jwks.json', kid: 'one' }],
    ['x5u', { x5u: 'https://attacker.example/chain.pem' }],
    ['x5c', { x5c: chain }],
    ['a kid that is a path', { kid: '../../../../dev/null' }],
    ['a kid that is SQL', { kid: "x' UNION SELECT 'key' --" }],
    ['a kid that is an address', { kid: 'https://attacker.example/key.pem' }],
    ['a kid that is an object', { kid: { toString: 'one' } }],
    ['a kid of the prototype', { kid: '__proto__' }],
  ])('%s', async (_, header) => {
    const token = signedBy(attacker, { alg: 'RS256', ...header })
    const error = await rejection('ERR_SESSION_SIGNATURE', () => codec.verify(token, session))
    expectWithout(error, [token, 'attacker'])
    // What the header says beside the algorithm changes nothing for who may sign.
    expect((await codec.verify(signedBy(issuer, { alg: 'RS256', ...header }), session)).kid).toBe('one')
  })

  test('a header with a name twice', async () => {
    const [, , signature] = signedBy(issuer, { alg: 'RS256' }).split('.')
    for (const header of ['{"alg":"none","alg":"RS256"}', '{"alg":"RS256","kid":"a","kid":"one"}']) {
      const token = `${base64url(header)}.${payload}.${signature}`
      await rejection('ERR_SESSION_MALFORMED', () => codec.verify(token, session))
    }
  })
})

test('a payload or signature in base64url that is not strict is refused before its signature is looked at', async () => {
  // They end in bits that no byte has: to a tolerant reader both are `e30`.
  for (const loose of ['e31', 'e3_']) {
    const signingInput = `${base64url('{"alg":"RS256"}')}.${loose}`
    const signature = base64url(sign('sha256', Buffer.from(signingInput), issuer.privateKey))
    const error = await rejection('ERR_SESSION_MALFORMED', () => codec.verify(`${signingInput}.${signature}`, session))
    expect(error.verified).toBeUndefined()
  }
  const good = signedBy(issuer, { alg: 'RS256' })
  const last = good.at(-1) as string
  // 256 bytes leave four bits over.
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const other = digits[digits.indexOf(last) + 1] as string
  await rejection('ERR_SESSION_MALFORMED', () => codec.verify(good.slice(0, -1) + other, session))
})

describe('kid', () => {
  const first = pairFor('ES256', 'kid one')
  const second = pairFor('ES256', 'kid two')
  const ring = jwt({
    keys: [
      { key: first.privateKey, kid: 'one' },
      { key: second.privateKey, kid: 'two' },
    ],
  })
  const sign = (privateKey: typeof first.privateKey, kid?: string): Promise<string> => {
    const keys = { key: privateKey, kid: kid ?? 'unwritten' }
    return (jwt({ keys, kid: kid !== undefined }) as Required<SessionCodec>).sign(
      { data: {} },
      session,
    ) as Promise<string>
  }

  test.each<[string, string | undefined]>([
    ['its own', 'two'],
    ['one that nobody has', 'three'],
    ['none', undefined],
  ])('%s: the key that signed is found, and told', async (_, kid) => {
    const record = await ring.verify(await sign(second.privateKey, kid), session)
    expect(record).toMatchObject({ keyIndex: 1, kid: 'two' })
  })

  test("another key's: that key alone is tried", async () => {
    const token = await sign(second.privateKey, 'one')
    await rejection('ERR_SESSION_SIGNATURE', () => ring.verify(token, session))
  })

  test('the key it names is tried first, also where another would verify', async () => {
    const twice = jwt({ keys: ['one', 'two'].map((kid) => ({ key: SECRET, kid })) })
    for (const [index, kid] of ['one', 'two'].entries()) {
      const token = hmacWith(SECRET, { alg: 'HS256', kid })
      expect(await twice.verify(token, session)).toMatchObject({ kid, keyIndex: index })
    }
  })

  test('two keys with the same id', async () => {
    const same = jwt({ keys: [first.publicKey, second.publicKey].map((key) => ({ key, kid: 'same' })) })
    expect((await same.verify(await sign(second.privateKey, 'same'), session)).keyIndex).toBe(1)
  })

  test('is written before typ, as PyJWT sorts it, or not at all', async () => {
    const header = async (
      options: object,
      key: typeof first.privateKey | string = first.privateKey,
    ): Promise<string> => {
      const codec = jwt({ keys: { key, kid: 'é"1' }, ...options }) as Required<SessionCodec>
      const token = await codec.sign({ data: {} }, session)
      return Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()
    }
    expect(await header({})).toBe('{"alg":"ES256","kid":"é\\"1","typ":"JWT"}')
    expect(await header({}, SECRET)).toBe('{"alg":"HS256","kid":"\\u00e9\\"1","typ":"JWT"}')
    expect(await header({ kid: false })).toBe('{"alg":"ES256","typ":"JWT"}')
  })

  test('is told by events and in the public set', async () => {
    const kids: (string | undefined)[] = []
    const sessions = createSessions({ codecs: [ring], expose: true, on: ({ kid }) => kids.push(kid), secure: false })
    const current = await sessions.load(null)
    Object.assign(current.data, { a: 1 })
    const [cookie = ''] = await sessions.commit(current)
    await sessions.load(cookie.split(';')[0])
    expect(kids.filter((kid) => kid === 'one').length).toBeGreaterThan(0)
    expect((await publicKeysOf(ring)).map(({ kid }) => kid)).toEqual(['one', 'two'])
  })
})

async function failure(run: () => unknown): Promise<string> {
  try {
    await run()
    return 'none'
  } catch (error) {
    return (error as { code: string }).code
  }
}
