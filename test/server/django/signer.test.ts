/** Django's signer: base 62, salted keys, rotation, and what is refused. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createDjangoSecrets,
  createTimestampSigner,
  decodeBase62,
  encodeBase62,
  fixedSecrets,
  looksLikeDjangoSigned,
} from '../../../src/server/django/signer.js'

const secretKey = 'vector-secret-key-0123456789-abcdefghijklmnop'
const other = 'another-secret-key-0123456789-abcdefghijklmno'
const session = { purpose: 'session', cookieName: 'sessionid' } as const
const half = { purpose: 'public', cookieName: 'sessionid' } as const
const at = new Date(1_700_000_000_250)
// What Django 3.2 made of {"a":1} at that time for its backend signed_cookies, and by SHA-1 for its table.
const cookie = 'eyJhIjoxfQ:1r31eq:CKc0KM_C9PJNSMGnxVkD2Ejvs1QBM3AqYG-sIXUg0h8'
const bySha1 = 'eyJhIjoxfQ:1r31eq:1BMHZgCHGMrBT16mZqvVb4X_x3U'

function signerOf(keys: readonly string[], salt = 'django.contrib.sessions.backends.signed_cookies', legacy = true) {
  const [first = '', ...fallbacks] = keys
  const secrets = fixedSecrets({ secretKey: first }, fallbacks, 'fallbacks')
  const signer = createTimestampSigner({ secrets, salt, legacy })
  return {
    sign: async (text: string, time = at, use: typeof session | typeof half = session) => signer.sign(text, time, use),
    unsign: async (value: string, use: typeof session | typeof half = session) => signer.unsign(value, use),
  }
}

describe('base 62', () => {
  test.each([
    [0, '0'],
    [9, '9'],
    [10, 'A'],
    [35, 'Z'],
    [36, 'a'],
    [61, 'z'],
    [62, '10'],
    [1_700_000_000, '1r31eq'],
    [62 ** 8 - 1, 'zzzzzzzz'],
  ])('%d is %s', (number, text) => {
    expect(encodeBase62(number)).toBe(text)
    expect(decodeBase62(text)).toBe(number)
  })

  test('and back', () => {
    fc.assert(fc.property(fc.nat(2 ** 31 - 1), (number) => decodeBase62(encodeBase62(number)) === number))
  })

  test('nine digits, none, and other characters are refused', () => {
    for (const text of ['', '100000000', '-1', '1.', 'é', ' 1']) {
      expect(() => decodeBase62(text), text).toThrow(expect.objectContaining({ code: 'ERR_SESSION_MALFORMED' }))
    }
  })
})

describe('signing', () => {
  test('is that of Django, to the letter', async () => {
    expect(await signerOf([secretKey]).sign('eyJhIjoxfQ')).toBe(cookie)
    expect(await signerOf([secretKey]).unsign(cookie)).toEqual({
      text: 'eyJhIjoxfQ',
      signedAt: new Date(1_700_000_000_000),
      keyIndex: 0,
    })
  })

  test('by SHA-1 is read, counted after all other keys, and can be turned off', async () => {
    const salt = 'django.contrib.sessions.SessionStore'
    expect(await signerOf([secretKey], salt).unsign(bySha1)).toMatchObject({ text: 'eyJhIjoxfQ', keyIndex: 1 })
    expect(await signerOf([other, secretKey], salt).unsign(bySha1)).toMatchObject({ keyIndex: 3 })
    await expect(signerOf([secretKey], salt, false).unsign(bySha1)).rejects.toMatchObject({
      code: 'ERR_SESSION_SIGNATURE',
    })
  })

  test('the first secret signs, all verify', async () => {
    const ring = signerOf([other, secretKey])
    expect(await ring.unsign(cookie)).toMatchObject({ keyIndex: 1 })
    const fresh = await ring.sign('eyJhIjoxfQ')
    expect(await signerOf([other]).unsign(fresh)).toMatchObject({ keyIndex: 0 })
    await expect(signerOf([secretKey]).unsign(fresh)).rejects.toMatchObject({ code: 'ERR_SESSION_SIGNATURE' })
  })

  test('another salt is another key', async () => {
    const error = await signerOf([secretKey], 'django.contrib.sessions.SessionStore')
      .unsign(cookie)
      .catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'ERR_SESSION_SIGNATURE' })
    expect(error).not.toHaveProperty('verified', true)
  })

  test('the public half has keys of its own, for each cookie name', async () => {
    const signer = signerOf([secretKey])
    const value = await signer.sign('eyJhIjoxfQ', at, half)
    expect(await signer.unsign(value, half)).toMatchObject({ text: 'eyJhIjoxfQ' })
    await expect(signer.unsign(value)).rejects.toMatchObject({ code: 'ERR_SESSION_SIGNATURE' })
    const secrets = createDjangoSecrets({ secretKey })
    const elsewhere = createTimestampSigner({ secrets, salt: 's', legacy: true })
    await expect((async () => elsewhere.unsign(value, { ...half, cookieName: 'other' }))()).rejects.toMatchObject({
      code: 'ERR_SESSION_SIGNATURE',
    })
  })

  test('a verified time that no Date can hold is told as such', async () => {
    const signer = signerOf([secretKey])
    const value = await signer.sign('eyJhIjoxfQ', { getTime: () => 62 ** 8 * 1000 - 1000 } as Date)
    expect(value).toMatch(/:zzzzzzzz:/)
    await expect(signer.unsign(value)).rejects.toMatchObject({ code: 'ERR_SESSION_CLAIMS', verified: true })
  })
})

describe('shape', () => {
  test.each([
    ['eyJhIjoxfQ:1r31eq', 'two parts'],
    [`${cookie}:x`, 'four parts'],
    [`a${cookie.replace(':', '=:')}`, 'padding'],
    [cookie.slice(0, -1), 'a signature of 42 digits'],
    [`${cookie}=`, 'padding of the signature'],
    [cookie.replace('1r31eq', ''), 'no time'],
    [cookie.replace('1r31eq', '-1r31eq'), 'a time before 1970'],
    [cookie.replace('eyJ', 'e.J'), 'a point inside'],
    [`${cookie}\n`, 'a line more'],
  ])('%j is not one: %s', async (value) => {
    expect(looksLikeDjangoSigned(value)).toBe(false)
    await expect(signerOf([secretKey]).unsign(value)).rejects.toMatchObject({ code: 'ERR_SESSION_MALFORMED' })
  })

  test('bits of a signature that stand for nothing are refused', async () => {
    // The last of 43 digits has two bits more than 32 bytes need.
    const value = `${cookie.slice(0, -1)}9`
    expect(looksLikeDjangoSigned(value)).toBe(true)
    await expect(signerOf([secretKey]).unsign(value)).rejects.toMatchObject({ code: 'ERR_SESSION_MALFORMED' })
  })

  // Four megabytes take milliseconds; if the time grew with their square, it would take longer than the timeout.
  test.each(['a:', ':', 'a', '.', 'a.b:', 'a:b:'])('is told in a time that grows only with the length: %j', (shape) => {
    expect(looksLikeDjangoSigned(`${shape.repeat(4_194_304 / shape.length)}!`)).toBe(false)
  })
})

describe('secrets', () => {
  const make = (options: object) => () => createDjangoSecrets({ secretKey, ...options })
  const count = async (options: object) => (await make(options)().keys('salt', 'SHA-256')).length

  test.each([
    [{ secretKey: '' }, 'secretKey'],
    [{ secretKey: undefined }, 'secretKey'],
    [{ secretKey: 'short' }, 'secretKey'],
    [{ secretKeyFallbacks: ['short'] }, 'secretKeyFallbacks'],
    [{ secretKeyFallbacks: secretKey }, 'secretKeyFallbacks'],
    [{ secretKey: '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE' }, 'secretKey'],
  ])('%j throws and names the option', (options, name) => {
    expect(make(options)).toThrow(TypeError)
    expect(make(options)).toThrow(`"${name}"`)
  })

  test('a text with commas is one secret', async () => {
    expect(await count({ secretKey: `${secretKey},${other}` })).toBe(1)
  })

  test('bytes are a secret too, and a short one with leave', async () => {
    const key = new TextEncoder().encode(secretKey)
    const secrets = createDjangoSecrets({ secretKey: key })
    key.fill(0)
    const salt = 'django.contrib.sessions.backends.signed_cookies'
    const signer = createTimestampSigner({ secrets, salt, legacy: true })
    expect(await signer.sign('eyJhIjoxfQ', at, session)).toBe(cookie)
    expect(await count({ secretKey: 'x', allowWeakSecrets: true })).toBe(1)
  })
})
