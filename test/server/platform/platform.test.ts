import { inflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { platform } from '#platform'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe('HMAC', () => {
  // RFC 4231 §4.2 to §4.8.
  test.each([
    ['0b'.repeat(20), text('Hi There'), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [
      hex(text('Jefe')),
      text('what do ya want for nothing?'),
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    [
      'aa'.repeat(20),
      new Uint8Array(50).fill(0xdd),
      '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
    ],
    [
      'aa'.repeat(131),
      text('Test Using Larger Than Block-Size Key - Hash Key First'),
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
  ])('SHA-256 of RFC 4231 (%#)', async (secret, data, mac) => {
    const key = platform.hmacKey(Buffer.from(secret, 'hex'), 'SHA-256')
    expect(hex(await key.sign(data))).toBe(mac)
    expect(await key.verify(data, Buffer.from(mac, 'hex'))).toBe(true)
    expect(await key.verify(data, Buffer.from(mac, 'hex').fill(0, 31))).toBe(false)
  })

  test.each([
    ['SHA-384', 'afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6'],
    [
      'SHA-512',
      '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
    ],
  ] as const)('%s of RFC 4231', async (hash, mac) => {
    expect(hex(await platform.hmacKey(new Uint8Array(20).fill(0x0b), hash).sign('Hi There'))).toBe(mac)
  })

  test('text is its UTF-8', async () => {
    const key = platform.hmacKey(text('key'), 'SHA-256')
    expect(await key.sign('é€😀')).toEqual(await key.sign(text('é€😀')))
    expect(await key.verify('é€😀', await key.sign(text('é€😀')))).toBe(true)
  })

  test('bytes that are a part of a larger array count alone', async () => {
    const whole = text('--key--')
    const key = platform.hmacKey(whole.subarray(2, 5), 'SHA-256')
    expect(await key.sign(text('--data--').subarray(2, 6))).toEqual(
      await platform.hmacKey(text('key'), 'SHA-256').sign('data'),
    )
  })

  test('a MAC of another length verifies nothing', async () => {
    const key = platform.hmacKey(text('key'), 'SHA-256')
    const mac = new Uint8Array(await key.sign('data'))
    for (const other of [new Uint8Array(), mac.slice(0, 31), new Uint8Array([...mac, 0])]) {
      expect(await key.verify('data', other)).toBe(false)
    }
  })
})

describe('deflate', () => {
  test('any bytes come back, at every level', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 20_000 }), fc.integer({ min: 0, max: 9 }), async (bytes, level) => {
        const stream = await platform.deflate(bytes, level)
        expect(new Uint8Array(inflateSync(stream))).toEqual(bytes)
        // RFC 1950 §2.2: a window of 32 KiB, and a check of the two bytes.
        expect([stream[0], (((stream[0] ?? 0) << 8) + (stream[1] ?? 0)) % 31]).toEqual([0x78, 0])
      }),
      { numRuns: 200 },
    )
  })

  test('is a zlib stream that compresses', async () => {
    const stream = await platform.deflate(text('session '.repeat(100)), 9)
    expect(hex(stream.subarray(0, 2))).toBe('78da')
    expect(stream.length).toBeLessThan(40)
  })
})

test('random bytes', () => {
  expect(platform.randomBytes(16)).toHaveLength(16)
  expect(platform.randomBytes(0)).toHaveLength(0)
  const seen = new Set(Array.from({ length: 1000 }, () => hex(platform.randomBytes(16))))
  expect(seen.size).toBe(1000)
  const bytes = platform.randomBytes(20_000)
  expect(new Set(bytes).size).toBe(256)
})
