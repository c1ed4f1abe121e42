import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createHmacKeys, type HmacKeysOptions, type Secrets } from '../../../src/server/keys/hmac.js'
import { decodeBase64Url, encodeUtf8 } from '../../../src/shared/bytes.js'
import { expectWithout, OLD_SECRET, SECRET } from '../server.helpers.js'

const session = { purpose: 'session', cookieName: 'sid' } as const
const ring = (secrets: Secrets, options: Partial<HmacKeysOptions> = {}) =>
  createHmacKeys({ secrets, hash: 'SHA-256', ...options })
const other = 'a third secret, of thirty-two bytes or more'

describe('the list of secrets', () => {
  test('a text is one secret', () => {
    expect(ring(SECRET).size).toBe(1)
  })

  test('a text with commas is several, without the blanks around them', async () => {
    const hmacKeys = ring(` ${SECRET} ,\t${OLD_SECRET}\n`)
    expect(hmacKeys.size).toBe(2)
    expect(await hmacKeys.sign('x', session)).toEqual(await ring([SECRET]).sign('x', session))
    expect(await hmacKeys.verify('x', await ring([OLD_SECRET]).sign('x', session), session)).toBe(1)
  })

  test.each([`${SECRET},`, `,${SECRET}`, `${SECRET},,${OLD_SECRET}`, `${SECRET}, ,${OLD_SECRET}`, ''])(
    'an empty part is refused, whatever is allowed (%#)',
    (text) => {
      expect(() => ring(text)).toThrow(/"secrets" contains an empty secret/)
      expect(() => ring(text, { allowWeakSecrets: true })).toThrow(TypeError)
    },
  )

  test('a list is taken as it is, with commas and blanks', async () => {
    const hmacKeys = ring([` ${SECRET},${OLD_SECRET} `])
    expect(hmacKeys.size).toBe(1)
    expect(await hmacKeys.verify('x', await ring([SECRET]).sign('x', session), session)).toBe(-1)
  })

  test.each([[[]], [['']], [[SECRET, '']], [new Uint8Array()], [[new Uint8Array()]]])(
    'refuses nothing (%#)',
    (secrets) => {
      expect(() => ring(secrets, { allowWeakSecrets: true })).toThrow(TypeError)
    },
  )

  test.each([[undefined], [null], [5], [{}], [[5]], [[SECRET, undefined]], [[[SECRET]]]])('refuses %j', (secrets) => {
    expect(() => ring(secrets as unknown as Secrets)).toThrow(/Option "secrets"/)
  })

  test('bytes are a secret too, and a copy is kept', async () => {
    const bytes = encodeUtf8(SECRET)
    const alone = ring(bytes)
    const listed = ring([bytes])
    bytes.fill(0)
    const mac = await ring(SECRET).sign('x', session)
    expect(await alone.sign('x', session)).toEqual(mac)
    expect(await listed.sign('x', session)).toEqual(mac)
  })

  test('32 bytes are enough and 31 are not', () => {
    expect(ring(['x'.padStart(32, 'y')]).size).toBe(1)
    expect(() => ring(['x'.repeat(31)])).toThrow(/31 bytes; 32 are needed/)
    expect(() => ring([SECRET, 'x'.repeat(31)])).toThrow(TypeError)
    expect(ring(['x'.repeat(31)], { allowWeakSecrets: true }).size).toBe(1)
  })

  test('bytes of UTF-8 count, not characters', () => {
    expect(ring(['é'.repeat(16)]).size).toBe(1)
    expect(() => ring(['é'.repeat(15)])).toThrow(/30 bytes/)
  })
})

describe('a key file for a secret', () => {
  const pem =
    '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n'
  const jwk = JSON.stringify({ kty: 'RSA', n: 'a'.repeat(64), e: 'AQAB' })
  const files: Record<string, string> = {
    PEM: pem,
    'PEM after a byte order mark': `\uFEFF${pem}`,
    'PEM after blanks': `\r\n \t${pem}`,
    'PEM after a byte order mark and blanks': `\uFEFF\n${pem}`,
    'PEM after a text (RFC 7468 §2)': `Subject: example\n${pem}`,
    'PEM in quotes': `"${pem}"`,
    'PEM in one line with quotes': JSON.stringify(pem),
    'PEM behind an indent': pem.replace(/^/gm, '  '),
    'private key': pem.replaceAll('PUBLIC', 'PRIVATE'),
    JWK: jwk,
    'JWK after a byte order mark': `\uFEFF ${jwk}`,
    'JWK set': JSON.stringify({ keys: [{ kty: 'oct', k: 'a'.repeat(43) }] }),
    'JWK in quotes': `'${jwk}'`,
    'JWK as a text of JSON': JSON.stringify(jwk),
    'list of JWKs': `[${jwk}]`,
    'OpenSSH key in quotes': `"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'a'.repeat(43)} user@host"`,
    'OpenSSH key': `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'a'.repeat(43)} user@host`,
  }

  test.each(Object.entries(files))('%s is refused as text and as bytes', (name, file) => {
    const message = /OpenSSH/.test(name) ? /an OpenSSH public key/ : /a PEM or JWK/
    expect(() => ring([file])).toThrow(message)
    expect(() => ring(encodeUtf8(file))).toThrow(message)
    expect(ring([file], { allowWeakSecrets: true }).size).toBe(1)
  })

  test.each([pem, jwk])('refused also where a text is split at its commas (%#)', (file) => {
    expect(() => ring(file)).toThrow(TypeError)
  })

  test.each([
    '{not JSON, but long enough for a secret}',
    '[as this one is, with its brackets...]',
    '"a text of JSON that is long enough for a secret"',
    '12345678901234567890123456789012',
  ])('%s is none', (text) => {
    expect(ring([text]).size).toBe(1)
  })
})

describe('signing and verifying', () => {
  test('HS256 of RFC 7515 A.1', async () => {
    const key = decodeBase64Url(
      'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
    )
    const signingInput =
      'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'
    const mac = decodeBase64Url('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')
    expect(new Uint8Array(await ring(key).sign(signingInput, session))).toEqual(mac)
    expect(await ring(key).verify(encodeUtf8(signingInput), mac, session)).toBe(0)
  })

  test.each([
    ['SHA-256', 32],
    ['SHA-384', 48],
    ['SHA-512', 64],
  ] as const)('%s makes %i bytes', async (hash, bytes) => {
    const mac = await ring([SECRET], { hash }).sign('x', session)
    expect(mac.length).toBe(bytes)
    expect(await ring([SECRET], { hash }).verify('x', mac, session)).toBe(0)
  })

  test('a MAC that is changed, cut, longer or empty verifies with no key', async () => {
    const hmacKeys = ring([SECRET, OLD_SECRET])
    const mac = new Uint8Array(await hmacKeys.sign('x', session))
    const wrong = [
      new Uint8Array(),
      mac.slice(0, 16),
      mac.slice(0, 31),
      new Uint8Array([...mac, 0]),
      new Uint8Array(32),
    ]
    for (let bit = 0; bit < 256; bit++) {
      wrong.push(mac.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte)))
    }
    for (const candidate of wrong) expect(await hmacKeys.verify('x', candidate, session)).toBe(-1)
  })

  test('the first of a random ring signs, each verifies at its place', async () => {
    const pool = Array.from({ length: 8 }, (_, index) => `secret number ${index} of thirty-two bytes`)
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(pool, { minLength: 1 }), fc.string(), async (secrets, text) => {
        const hmacKeys = ring(secrets)
        expect(await hmacKeys.sign(text, session)).toEqual(await ring([secrets[0] as string]).sign(text, session))
        for (const secret of pool) {
          const mac = await ring([secret]).sign(text, session)
          expect(await hmacKeys.verify(text, mac, session)).toBe(secrets.indexOf(secret))
        }
      }),
      { numRuns: 40 },
    )
  })
})

describe('keys of the public half', () => {
  const half = { purpose: 'public', cookieName: 'sid' } as const

  test('are others than those of the session, for each cookie name', async () => {
    const hmacKeys = ring([SECRET])
    const uses = [session, half, { purpose: 'public', cookieName: 'other' }] as const
    for (const signer of uses) {
      const mac = await hmacKeys.sign('x', signer)
      for (const use of uses) expect(await hmacKeys.verify('x', mac, use)).toBe(use === signer ? 0 : -1)
    }
  })

  test("are derived from every secret, in the ring's order", async () => {
    const hmacKeys = ring([other, SECRET, OLD_SECRET])
    for (const [index, secret] of [other, SECRET, OLD_SECRET].entries()) {
      expect(await hmacKeys.verify('x', await ring([secret]).sign('x', half), half)).toBe(index)
    }
  })

  test('are not what a key of the session can be made to sign', async () => {
    // The label ends in an byte that no signing input of a token has.
    const hmacKeys = ring([SECRET])
    const derived = await hmacKeys.sign('sessionglass public half of sid', session)
    expect(await hmacKeys.verify('x', await ring([new Uint8Array(derived)]).sign('x', session), half)).toBe(-1)
  })
})

test('no message holds a secret', () => {
  const words = ['swordfish', 'MCowBQYDK2Vw']
  const wrong: unknown[] = [
    'swordfish',
    [`-----BEGIN X-----\nMCowBQYDK2Vw${'a'.repeat(40)}`],
    `${SECRET},`,
    ['swordfish', 5],
  ]
  for (const secrets of wrong) {
    let error: unknown
    try {
      ring(secrets as Secrets)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(TypeError)
    const { message } = error as Error
    for (const word of words) expect(message).not.toContain(word)
  }
  expectWithout(ring([SECRET]), ['swordfish'])
})
