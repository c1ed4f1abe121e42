/** How each platform inflates and reads base64url, against the readers that a page has. */
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { platform } from '#platform'
import { decodeBase64Url } from '../../../src/shared/bytes.js'
import { inflateZlib } from '../../../src/shared/inflate.js'
import { codeOf, randomBytes, seed } from '../../shared/shared.helpers.js'

const LIMIT = 65_536

/** What comes out, or the code of the error. */
function outcome(inflate: (bytes: Uint8Array, limit: number) => Uint8Array, bytes: Uint8Array, limit = LIMIT): string {
  let inflated = ''
  const code = codeOf(() => {
    inflated = Buffer.from(inflate(bytes, limit)).toString('hex')
  })
  return code === 'none' ? inflated : code
}

describe(`inflate, SEED=${seed}`, () => {
  const random = randomBytes(seed)
  const texts = [
    new Uint8Array(),
    Uint8Array.of(7),
    random.bytes(3000),
    new Uint8Array(60_000),
    new TextEncoder().encode('the session of dave, '.repeat(40)),
  ]

  test('streams of every level', () => {
    for (const text of texts) {
      for (const level of [0, 1, 6, 9]) {
        expect(Buffer.compare(platform.inflate(deflateSync(text, { level }), LIMIT), text)).toBe(0)
      }
    }
  })

  test('a stream that is cut, changed or followed by more is refused as in a page', () => {
    let refused = 0
    for (let count = 0; count < 3000; count++) {
      const stream = Uint8Array.from(deflateSync(random.pick(texts.slice(0, 4)).subarray(0, 400)))
      const kind = random.below(3)
      const at = random.below(stream.length)
      if (kind === 0) stream[at] = (stream[at] ?? 0) ^ (1 << random.below(8))
      const broken =
        kind === 0 ? stream : kind === 1 ? stream.subarray(0, at) : Uint8Array.of(...stream, ...random.bytes(1 + at))
      const inPage = outcome(inflateZlib, broken)
      expect(outcome(platform.inflate, broken)).toBe(inPage)
      if (inPage === 'ERR_SESSION_COMPRESSION') refused++
    }
    expect(refused).toBeGreaterThan(1000)
  })

  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['no zlib', new TextEncoder().encode('a text')],
    ['gzip', gzipSync('a text')],
    ['no head and no sum', deflateRawSync('a text')],
    ['a preset dictionary', Buffer.from('78bb006200624b542849ad280100074f0247', 'hex')],
  ])('%s is refused', (_, bytes) => {
    expect(outcome(platform.inflate, bytes)).toBe('ERR_SESSION_COMPRESSION')
  })

  test.each([1, 40, 5000, 20_000])('a limit of %i bytes', (limit) => {
    const [fits, tooLong] = [limit, limit + 1].map((length) => deflateSync(new Uint8Array(length).fill(3)))
    expect(platform.inflate(fits as Uint8Array, limit)).toHaveLength(limit)
    expect(outcome(platform.inflate, tooLong as Uint8Array, limit)).toBe('ERR_SESSION_LIMIT')
  })

  test('what came out stays when more is inflated', () => {
    const first = platform.inflate(deflateSync('first'), LIMIT)
    for (let count = 0; count < 2000; count++) platform.inflate(deflateSync('other'), LIMIT)
    expect(Buffer.from(first).toString()).toBe('first')
  })
})

test(`base64url is read as in a page, SEED=${seed}`, () => {
  const random = randomBytes(seed)
  const characters = [...'ABCDwxyz0189-_', '+', '/', '=', ' ', '\n', 'é', '\0']
  const read = (decode: (text: string) => Uint8Array) => (text: string) => outcome(() => decode(text), new Uint8Array())
  let good = 0
  for (let count = 0; count < 4000; count++) {
    const text = Array.from({ length: random.below(9) }, () =>
      random.pick(characters.slice(0, random.pick([14, 14, 21]))),
    ).join('')
    const inPage = read(decodeBase64Url)(text)
    expect([text, read(platform.decodeBase64Url)(text)]).toEqual([text, inPage])
    if (inPage !== 'ERR_SESSION_MALFORMED') good++
  }
  expect(good).toBeGreaterThan(500)
  const long = random.bytes(5000)
  expect(Buffer.compare(platform.decodeBase64Url(Buffer.from(long).toString('base64url')), long)).toBe(0)
})
