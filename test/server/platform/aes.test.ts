/** AES-256 in the ways of Beaker's cookies, and SHA-1, by the examples of their specifications. */
import { describe, expect, test } from 'vitest'
import { platform } from '#platform'
import { decryptEcb } from '../../../src/server/codecs/beaker-cipher.js'

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
const hex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('hex')

// NIST SP 800-38A, appendix F: key and the first two blocks.
const key = bytes('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4')
const plaintext = '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51'
const zeros = new Uint8Array(16)

describe('AES', () => {
  // F.5.5
  const counter = bytes('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff')
  const inCtr = '601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5'
  test('CTR', async () => {
    expect(hex(await platform.encrypt('CTR', bytes(plaintext), { key, iv: counter }))).toBe(inCtr)
    expect(hex(await platform.decrypt('CTR', bytes(inCtr), { key, iv: counter }))).toBe(plaintext)
    // as long as the text is, and no longer
    expect(hex(await platform.encrypt('CTR', bytes(plaintext).subarray(0, 5), { key, iv: counter }))).toBe(
      inCtr.slice(0, 10),
    )
    expect(await platform.encrypt('CTR', new Uint8Array(), { key, iv: counter })).toHaveLength(0)
  })

  test('CTR counts in all bytes of its block', async () => {
    const last = bytes('ff'.repeat(16))
    const two = await platform.encrypt('CTR', new Uint8Array(32), { key, iv: last })
    expect(hex(two.subarray(16))).toBe(hex(await platform.encrypt('CTR', zeros, { key, iv: zeros })))
  })

  // F.2.5
  const iv = bytes('000102030405060708090a0b0c0d0e0f')
  const inCbc = 'f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d'
  test('CBC pads', async () => {
    const sealed = await platform.encrypt('CBC', bytes(plaintext), { key, iv })
    expect(hex(sealed)?.slice(0, 64)).toBe(inCbc)
    expect(sealed).toHaveLength(48)
    expect(hex(await platform.decrypt('CBC', sealed, { key, iv }))).toBe(plaintext)
    const short = await platform.encrypt('CBC', bytes('0102'), { key, iv })
    expect(hex(await platform.decrypt('CBC', short, { key, iv }))).toBe('0102')
  })

  test.each([
    ['wrong padding', bytes(inCbc)],
    ['half a block', bytes(inCbc).subarray(0, 24)],
    ['nothing', new Uint8Array()],
  ])('CBC: %s is refused', async (_, sealed) => {
    expect(await platform.decrypt('CBC', sealed, { key, iv })).toBeUndefined()
  })

  // The Galois/Counter Mode of Operation (McGrew, Viega), test case 14.
  const gcm = { key: new Uint8Array(32), iv: new Uint8Array(12) }
  const inGcm = 'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919'
  test('GCM puts its tag last', async () => {
    expect(hex(await platform.encrypt('GCM', zeros, gcm))).toBe(inGcm)
    expect(hex(await platform.decrypt('GCM', bytes(inGcm), gcm))).toBe(hex(zeros))
  })

  test.each([0, 15, 16, 31])('GCM: another byte %i is refused', async (at) => {
    const sealed = bytes(inGcm)
    sealed[at] = (sealed[at] as number) ^ 1
    expect(await platform.decrypt('GCM', sealed, gcm)).toBeUndefined()
  })

  test.each([0, 4, 15])('GCM: %i bytes are too few', async (length) => {
    expect(await platform.decrypt('GCM', bytes(inGcm).subarray(0, length), gcm)).toBeUndefined()
  })

  // F.1.5
  const inEcb = 'f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870'
  test('ECB is decrypted, and keeps its padding', async () => {
    expect(hex(await decryptEcb(bytes(inEcb), key))).toBe(plaintext)
    expect(hex(await decryptEcb(bytes(inEcb.slice(0, 32)), key))).toBe(plaintext.slice(0, 32))
    expect(hex(await decryptEcb(new Uint8Array(), key))).toBe('')
    expect(await decryptEcb(bytes(inEcb).subarray(0, 20), key)).toBeUndefined()
  })

  test('bytes that are a part of a larger array count alone', async () => {
    const part = (bytes: Uint8Array): Uint8Array => Uint8Array.of(9, 9, ...bytes, 9).subarray(2, bytes.length + 2)
    const options = { key: part(key), iv: part(counter) }
    expect(hex(await platform.decrypt('CTR', part(bytes(inCtr)), options))).toBe(plaintext)
    expect(hex(await decryptEcb(part(bytes(inEcb)), options.key))).toBe(plaintext)
  })
})

describe('SHA-1', () => {
  test('of FIPS 180-2, appendix A', async () => {
    const digest = await platform.sha1(new TextEncoder().encode('abc'))
    expect(hex(digest)).toBe('a9993e364706816aba3e25717850c26c9cd0d89d')
  })

  test('HMAC of RFC 2202 §3', async () => {
    const hmac = platform.hmacKey(new Uint8Array(20).fill(0x0b), 'SHA-1')
    expect(hex(await hmac.sign('Hi There'))).toBe('b617318655057264e28bc0b6fb378c8ef146be00')
    expect(await hmac.verify('Hi There', bytes('b617318655057264e28bc0b6fb378c8ef146be00'))).toBe(true)
    expect(await hmac.verify('Hi There', bytes('b617318655057264e28bc0b6fb378c8ef146be01'))).toBe(false)
  })
})
