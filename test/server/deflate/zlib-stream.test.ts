/** What is deflated here, against the zlib of the runtime. */
import { createHash } from 'node:crypto'
import { deflateSync, inflateSync } from 'node:zlib'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { platform } from '#platform'
import { deflateZlib } from '../../../src/server/deflate/zlib-stream.js'
import { writeBson } from '../../../src/shared/bson/writer.js'
import { inflateZlib } from '../../../src/shared/inflate.js'
import { randomData } from '../../interop/random-data.js'
import { type RandomBytes, randomBytes, seed } from '../../shared/shared.helpers.js'

/** Octets of the longest text that is deflated here. */
const LONGEST = 2048

/** The type of the first block, which must be the last (RFC 1951 §3.2.3). */
function blockType(stream: Uint8Array): string {
  const head = (stream[2] ?? 0) & 7
  expect(head & 1).toBe(1)
  return ['stored', 'fixed', 'dynamic', 'reserved'][head >> 1] as string
}

/** Deflates at level 9, and looks at what two readers make of it. */
function deflated(text: Uint8Array): Uint8Array {
  const before = text.slice()
  const stream = deflateZlib(text, 9)
  expect(Buffer.compare(text, before)).toBe(0)
  expect(Buffer.compare(inflateSync(stream), text)).toBe(0)
  expect(Buffer.compare(inflateZlib(stream, LONGEST), text)).toBe(0)
  // The head, a block that is stored in whole, and the sum.
  expect(stream.length).toBeLessThanOrEqual(text.length + 11)
  return stream
}

/** Texts with repeats near and far, of few symbols or many. */
function randomText(random: RandomBytes, longest: number): Uint8Array {
  const length = random.below(longest + 1)
  const symbols = random.pick([1, 2, 3, 20, 96, 256])
  const skew = random.pick([1, 1, 4])
  const repeatsOneIn = random.pick([3, 3, 20, 10_000])
  const text: number[] = []
  while (text.length < length) {
    const repeats = text.length > 0 && random.below(repeatsOneIn) === 0
    const distance = 1 + random.below(random.pick([4, 40, text.length]) || 1)
    const times = repeats ? random.pick([3, 4, 8, 80, 300]) : 1
    for (let time = 0; time < times; time++) {
      const again = text[text.length - distance]
      let octet = random.below(symbols)
      for (let turn = 1; turn < skew; turn++) octet = Math.min(octet, random.below(symbols))
      text.push(repeats && again !== undefined ? again : octet)
    }
  }
  return Uint8Array.from(text.slice(0, length))
}

const octets = (text: string): Uint8Array => new TextEncoder().encode(text)

describe(`a text comes back, SEED=${seed}`, () => {
  const random = randomBytes(seed)

  test('whatever it is', () => {
    const types = new Set<string>()
    for (let count = 0; count < 2000; count++) {
      types.add(blockType(deflated(randomText(random, random.pick([20, 300, LONGEST])))))
    }
    expect([...types].sort()).toEqual(['dynamic', 'fixed', 'stored'])
  })

  test.each([0, 1, 2, 3, 4, 5, 256, 257, 258, 259, 260, 514, 515, 2047, LONGEST])(
    '%i times the same octet',
    (length) => {
      deflated(new Uint8Array(length).fill(200))
    },
  )

  test('from a repeat at the longest distance', () => {
    const text = random.bytes(LONGEST)
    text.copyWithin(LONGEST - 200, 0, 200)
    expect(deflated(text).length).toBeLessThan(LONGEST - 100)
  })

  test.each([
    ['all octets alike often', Array.from({ length: LONGEST }, (_, index) => (index * 37) % 256)],
    ['the lowest and the highest octet', Array.from({ length: 600 }, () => random.pick([0, 255]))],
    [
      'gaps of every width between the octets',
      Array.from({ length: 900 }, () => ((value) => (value * (value + 1)) / 2)(random.below(22))),
    ],
    ['words of every length', Array.from({ length: LONGEST }, () => Math.clz32(random.below(2 ** 31) + 1) * 7)],
    ['one long repeat, then none', [...Array.from({ length: 900 }, () => 5), ...random.bytes(900)]],
  ])('with codes for %s', (_, text) => {
    deflated(Uint8Array.from(text))
  })

  test('as a part of a larger array', () => {
    const whole = random.bytes(500)
    expect(deflateZlib(whole.subarray(100, 400), 9)).toEqual(deflateZlib(whole.slice(100, 400), 9))
  })
})

test.each([
  ['nothing', '', 'fixed'],
  ['a short text', 'user', 'fixed'],
  ['what repeats', 'session '.repeat(20), 'fixed'],
  [
    'a longer text',
    `${'The quick brown fox jumps over the lazy dog while '.repeat(2)}nobody looks at the sessions of five wizards`,
    'dynamic',
  ],
])('%s takes the type of block that suits it', (_, text, type) => {
  expect(blockType(deflated(octets(text)))).toBe(type)
})

test('what does not get shorter is stored, with eleven octets around it', () => {
  for (const length of [300, LONGEST]) {
    const text = randomBytes(length).bytes(length)
    const stream = deflated(text)
    expect(blockType(stream)).toBe('stored')
    expect(stream).toHaveLength(length + 11)
  }
})

/** A session of words and numbers, as applications have them. */
function wordySession(random: RandomBytes): Uint8Array {
  const words =
    'user name email roles admin editor cart price quantity theme dark light locale visits last_seen token order'.split(
      ' ',
    )
  const word = (): string => random.pick(words)
  const data = Array.from({ length: 2 + random.below(14) }, (_, index): [string, unknown] => [
    `${word()}${index}`,
    random.pick<unknown>([
      word(),
      random.below(10_000),
      new Date(random.below(2 ** 31)),
      [word(), word()],
      { [word()]: word() },
    ]),
  ])
  return writeBson({
    _id: Buffer.from(random.bytes(16)).toString('hex'),
    _creation_time: 1.5,
    ...Object.fromEntries(data),
  }).slice()
}

test('sessions of words get as short as they were', () => {
  const random = randomBytes(23)
  const lengths = Array.from({ length: 400 }, () => deflated(wordySession(random)).length)
  // The zlib of Node 20 takes 79 977.
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(79_733)
})

test(`random sessions get about as short as zlib makes them, SEED=${seed}`, () => {
  const sessions = randomData('bson', 600, seed).map((data) =>
    writeBson({ _id: '0123456789abcdef'.repeat(2), _creation_time: 1.5, ...data, _accessed_time: 2.5 }).slice(),
  )
  let own = 0
  let zlib = 0
  for (const session of sessions.filter(({ length }) => length <= LONGEST)) {
    own += deflated(session).length
    zlib += deflateSync(session, { level: 9 }).length
  }
  expect(zlib).toBeGreaterThan(20_000)
  // The zlib of some runtimes finds repeats of three octets, too: 1.5 % in such data, and nothing in words.
  expect(own / zlib).toBeLessThan(1.05)
})

test('the last text that takes fixed codes is as long as a stored one', () => {
  // Octets from 144 on have 9 bits there, those below have 8.
  const text = (length: number) => Uint8Array.from({ length }, (_, index) => 255 - 3 * index)
  expect([30, 31].map((length) => blockType(deflated(text(length))))).toEqual(['fixed', 'stored'])
  expect([30, 31].map((length) => deflated(text(length)).length)).toEqual([41, 42])
})

test('what throws in the middle leaves nothing of its text for the next one', () => {
  const random = randomBytes(29)
  const texts = Array.from({ length: 40 }, () => randomText(random, 300))
  const streams = texts.map((text) => deflateZlib(text, 9))
  let thrown = 0
  for (let place = 0; place < 120; place++) {
    const index = place % texts.length
    let left = place
    // So many calls away from the end of the stack, which is then reached somewhere in the middle of the work.
    const call = (): void => {
      try {
        call()
      } catch {}
      if (left-- !== 0) return
      try {
        deflateZlib(texts[index] as Uint8Array, 9)
      } catch {
        thrown++
      }
    }
    call()
    const next = (index * 7 + 3) % texts.length
    expect(Buffer.compare(deflateZlib(texts[next] as Uint8Array, 9), streams[next] as Uint8Array)).toBe(0)
  }
  expect(thrown).toBeGreaterThan(0)
})

describe('the limit', () => {
  afterEach(() => vi.restoreAllMocks())

  test('beyond it the platform deflates', () => {
    const spy = vi.spyOn(platform, 'deflate')
    const text = randomBytes(3).bytes(LONGEST + 1)
    deflateZlib(text.subarray(0, LONGEST), 9)
    expect(spy).toHaveBeenCalledTimes(0)
    expect(Buffer.compare(inflateSync(deflateZlib(text, 9)), text)).toBe(0)
    expect(spy).toHaveBeenCalledTimes(1)
  })
})

test("a stream depends on nothing that was deflated before, and is nobody else's", () => {
  const random = randomBytes(11)
  const texts = Array.from({ length: 300 }, () => randomText(random, 600))
  const first = texts.map((text) => deflateZlib(text, 9))
  const copies = first.map((stream) => stream.slice())
  // More octets than places are remembered of.
  for (let round = 0; round < 3; round++) {
    for (const index of texts.keys()) {
      const other = (index * 7 + round) % texts.length
      expect(deflateZlib(texts[other] as Uint8Array, 9)).toEqual(copies[other])
    }
  }
  expect(first).toEqual(copies)
})

test('places are counted up to 65536 and then anew: nothing is left of those before', () => {
  const repeat = randomBytes(5).bytes(40)
  const text = new Uint8Array(LONGEST).fill(1)
  text.set(repeat, 100)
  text.set(repeat, 1000)
  // So many fit in, so the text has the same places in each round, and nothing between has its octets.
  for (let index = 0; index < 4 * 31; index++) deflated(index % 31 === 0 ? text : new Uint8Array(LONGEST))
})

test('each platform and runtime makes the same octets', () => {
  const random = randomBytes(17)
  const hash = createHash('sha256')
  for (let count = 0; count < 300; count++) hash.update(deflateZlib(randomText(random, LONGEST), 9))
  expect(hash.digest('hex')).toBe('2eb769a3b16f077b0bcbea2749467636b36dc125d4d8eeca7c0e270cbcf65603')
})

test.each([
  [6, '789c'],
  [9, '78da'],
] as const)('level %i is told as zlib tells it', (level, head) => {
  const text = octets('a session')
  expect(Buffer.from(deflateZlib(text, level).subarray(0, 2)).toString('hex')).toBe(head)
  expect(Buffer.from(deflateSync(text, { level }).subarray(0, 2)).toString('hex')).toBe(head)
})
