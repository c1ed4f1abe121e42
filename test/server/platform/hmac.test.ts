/** HMAC of each platform against that of Node's library. RFC 2104. */
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { platform } from '#platform'
import type { HashName } from '../../../src/server/platform/platform.js'
import { randomBytes, seed } from '../../shared/shared.helpers.js'

const HASHES: HashName[] = ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512']
/** Around the blocks of the hashes, of 64 and 128 bytes. */
const KEY_LENGTHS = [1, 20, 32, 63, 64, 65, 127, 128, 129, 400]
/** Around the length of a cookie, and three times of it. */
const DATA_LENGTHS = [0, 1, 55, 56, 64, 119, 500, 4095, 4096, 4097, 12_287, 12_288, 12_289, 30_000]

const expected = (hash: HashName, key: Uint8Array, data: string | Uint8Array) =>
  createHmac(hash.replace('-', '').toLowerCase(), key).update(data)

describe.each(HASHES)('%s', (hash) => {
  const random = randomBytes(seed)

  test(`keys and data of any length, SEED=${seed}`, async () => {
    for (const keyLength of KEY_LENGTHS) {
      const secret = random.bytes(keyLength)
      const key = platform.hmacKey(secret, hash)
      // One key signs them all, so that nothing of a longer text may be left in a shorter one.
      for (const length of [...DATA_LENGTHS, ...[...DATA_LENGTHS].reverse()]) {
        const data = random.bytes(length)
        const mac = expected(hash, secret, data).digest()
        expect(Buffer.compare(await key.sign(data), mac)).toBe(0)
        expect(await key.verify(data, mac)).toBe(true)
        const at = random.below(mac.length)
        mac[at] = (mac[at] ?? 0) ^ (1 << random.below(8))
        expect(await key.verify(data, mac)).toBe(false)
      }
    }
  })

  test.each(['a', 'é', '€', '😀'])('texts of "%s", of any length', async (character) => {
    const secret = random.bytes(40)
    const key = platform.hmacKey(secret, hash)
    for (const length of [1, 1365, 1366, 2048, 4095, 4096, 4097, 9000, 30]) {
      const text = character.repeat(length)
      expect(Buffer.compare(await key.sign(text), expected(hash, secret, text).digest())).toBe(0)
      expect(await key.verify(text, await key.sign(text))).toBe(true)
    }
  })
})

test("a MAC stays what it was when the key signs again, and is the key's alone", async () => {
  const [one, other] = ['one', 'other'].map((name) => platform.hmacKey(new TextEncoder().encode(name), 'SHA-256'))
  const first = await one?.sign('data')
  const before = Uint8Array.from(first ?? [])
  for (let count = 0; count < 600; count++) await other?.sign(`data ${count}`)
  await one?.sign('other data')
  expect(Uint8Array.from(first ?? [])).toEqual(before)
  expect(Uint8Array.from((await one?.sign('data')) ?? [])).toEqual(before)
})

test('a MAC is in an array of its own, whose memory shows nothing else', async () => {
  const mac = await platform.hmacKey(new TextEncoder().encode('key'), 'SHA-256').sign('data')
  expect([mac.byteOffset, mac.buffer.byteLength]).toEqual([0, 32])
})
