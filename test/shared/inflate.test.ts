/** Inflating against the zlib of Node, and streams that no compressor writes. */
import { once } from 'node:events'
import { constants, createDeflate, deflateSync, inflateRawSync, inflateSync } from 'node:zlib'
import { zlibSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import { inflateZlib } from '../../src/shared/inflate.js'
import { runs } from '../random.js'
import { type DeflateWriter, deflateWriter, zlibOf } from './deflate-stream.js'
import { codeOf, randomBytes, seed } from './shared.helpers.js'

const LIMIT = 65_536
const COMPRESSION = 'ERR_SESSION_COMPRESSION'
/** Told apart without a walk through every byte in the matcher. */
const equal = (a: Uint8Array | undefined, b: Uint8Array) => a !== undefined && Buffer.compare(a, b) === 0
const inflate = (bytes: Uint8Array, limit = LIMIT) => inflateZlib(bytes, limit)
const refusal = (bytes: Uint8Array, limit = LIMIT) => codeOf(() => inflateZlib(bytes, limit))
const utf8 = (text: string) => new TextEncoder().encode(text)
const text = utf8('the session of dave, '.repeat(40))

/** What zlib says of a stream: its bytes, or undefined. */
function zlib(bytes: Uint8Array): Uint8Array | undefined {
  try {
    return new Uint8Array(inflateSync(bytes))
  } catch {
    return undefined
  }
}

describe(`what zlib wrote, SEED=${seed}`, () => {
  const random = randomBytes(seed)
  const contents: Record<string, Uint8Array> = {
    nothing: new Uint8Array(),
    'one byte': Uint8Array.of(7),
    text,
    zeros: new Uint8Array(50_000),
    'random bytes': random.bytes(20_000),
    'few symbols': Uint8Array.from({ length: 20_000 }, () => random.below(3)),
    'far repeats': Uint8Array.from([...random.bytes(400), ...new Uint8Array(32_000), ...random.bytes(10)]),
    'a skewed alphabet': Uint8Array.from({ length: 30_000 }, () => Math.clz32(random.below(2 ** 31)) * 7),
  }
  // a match as far back as one can be
  contents['the longest distance'] = Uint8Array.from([
    ...(contents['far repeats'] as Uint8Array).subarray(0, 300),
    ...random.bytes(32_468),
    ...(contents['far repeats'] as Uint8Array).subarray(0, 300),
  ])

  test.each(Object.entries(contents))('%s: every level, strategy and window', (_, content) => {
    for (let level = 0; level <= 9; level++)
      expect(equal(inflate(deflateSync(content, { level })), content), `level ${level}`).toBe(true)
    for (const strategy of [constants.Z_FILTERED, constants.Z_HUFFMAN_ONLY, constants.Z_RLE, constants.Z_FIXED]) {
      expect(equal(inflate(deflateSync(content, { strategy })), content), `strategy ${strategy}`).toBe(true)
    }
    for (let windowBits = 9; windowBits <= 15; windowBits++) {
      expect(equal(inflate(deflateSync(content, { windowBits })), content), `window ${windowBits}`).toBe(true)
    }
    expect(equal(inflate(deflateSync(content, { memLevel: 1 })), content)).toBe(true)
  })

  test('every length from 0 to 600', () => {
    for (let length = 0; length <= 600; length++) {
      const content = random.bytes(length).map((byte) => byte & 15)
      expect(equal(inflate(deflateSync(content, { level: 1 + random.below(9) })), content), `${length}`).toBe(true)
    }
  })

  test('a checksum whose sums wrap often', () => {
    const content = new Uint8Array(1_048_576).fill(255)
    expect(equal(inflate(deflateSync(content), content.length), content)).toBe(true)
  })

  test('a part of a larger array', () => {
    const stream = deflateSync(text)
    const around = Uint8Array.from([1, 2, 3, ...stream, 4, 5])
    expect(inflate(around.subarray(3, 3 + stream.length))).toEqual(text)
  })
})

describe('the limit', () => {
  const blocks = { stored: { level: 0 }, fixed: { strategy: constants.Z_FIXED }, dynamic: { level: 9 } }

  test.each(Object.entries(blocks))('%s blocks: at it, and one past it', (_, options) => {
    for (const content of [text, new Uint8Array(5_000), randomBytes(1).bytes(3_000)]) {
      const stream = deflateSync(content, options)
      expect(equal(inflate(stream, content.length), content)).toBe(true)
      for (const limit of [content.length - 1, content.length - 200, 1, 0]) {
        expect(refusal(stream, limit)).toBe('ERR_SESSION_LIMIT')
      }
    }
  })

  test('nothing is within a limit of nothing', () => {
    expect(inflate(deflateSync(''), 0)).toEqual(new Uint8Array())
    expect(refusal(deflateSync('a'), 0)).toBe('ERR_SESSION_LIMIT')
  })

  test('a smaller limit counts after a larger one', () => {
    expect(inflate(deflateSync(text), LIMIT)).toEqual(text)
    expect(refusal(deflateSync(text), 100)).toBe('ERR_SESSION_LIMIT')
  })

  test('a cookie of 4 096 bytes that would inflate to 2.5 MB takes no more memory than the limit allows', () => {
    // base85 inside base64url leaves 3/4 of 4/5 of a cookie
    const bomb = deflateSync(new Uint8Array(2_500_000), { level: 9 })
    expect(bomb.length).toBeLessThan(4096 * (3 / 4) * (4 / 5))
    const before = process.memoryUsage().arrayBuffers
    expect(refusal(bomb)).toBe('ERR_SESSION_LIMIT')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * LIMIT)
  })
})

describe('the stream around the blocks', () => {
  const stream = new Uint8Array(deflateSync(text))
  const changed = (index: number, byte: number) => {
    const copy = stream.slice()
    copy[index < 0 ? copy.length + index : index] = byte
    return copy
  }

  test('headers of two bytes: CM, CINFO, FCHECK and FDICT as zlib wants them', () => {
    for (let method = 0; method < 256; method++) {
      for (let flags = 0; flags < 256; flags++) {
        const rest = (method * 256 + flags) % 31
        // What FCHECK refuses, the neighbours of what it takes stand for.
        if (rest > 1 && rest < 30) continue
        const valid = (method & 15) === 8 && method >> 4 <= 7 && rest === 0 && !(flags & 32)
        const bytes = Uint8Array.from([method, flags, 3, 0, 0, 0, 0, 1])
        if ((refusal(bytes) === 'none') !== valid) expect.fail(`${method} ${flags}`)
      }
    }
  })

  test('a preset dictionary is refused', () => {
    const dictionary = Buffer.from('the session of dave')
    expect(refusal(deflateSync(text, { dictionary }))).toBe(COMPRESSION)
  })

  test('each bit of the checksum counts', () => {
    for (let place = 1; place <= 4; place++) {
      for (let bit = 0; bit < 8; bit++) {
        expect(refusal(changed(-place, (stream.at(-place) as number) ^ (1 << bit)))).toBe(COMPRESSION)
      }
    }
  })

  test.each([0, 1, 9])('cut at every byte, level %i', (level) => {
    const whole = deflateSync(text, { level })
    for (let length = 0; length < whole.length; length++) expect(refusal(whole.subarray(0, length))).toBe(COMPRESSION)
  })

  test('bytes after the stream are refused', () => {
    for (const after of [[0], [0, 0, 0, 0], [...stream], [...stream.subarray(-4)]]) {
      expect(refusal(Uint8Array.from([...stream, ...after]))).toBe(COMPRESSION)
    }
  })

  test('bytes between the last block and a checksum that fits are refused', () => {
    const blocks = stream.subarray(2, -4)
    expect(inflate(zlibOf(blocks, text))).toEqual(text)
    for (const junk of [[0], [1, 2, 3], [...stream.subarray(-4)]]) {
      expect(refusal(zlibOf(Uint8Array.from([...blocks, ...junk]), text))).toBe(COMPRESSION)
    }
  })

  test('gzip and bare DEFLATE are refused', () => {
    expect(refusal(stream.subarray(2, -4))).toBe(COMPRESSION)
    expect(refusal(Uint8Array.from([31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]))).toBe(COMPRESSION)
  })
})

describe('blocks, as zlib takes them', () => {
  const end = Array(256).fill(0)
  const long = new Uint8Array(60_000).fill(97)
  const same = (stream: Uint8Array, content: Uint8Array) => {
    expect(equal(zlib(stream), content)).toBe(true)
    expect(equal(inflate(stream), content)).toBe(true)
  }
  const refused = (stream: Uint8Array, limit = LIMIT) => {
    expect(zlib(stream)).toBeUndefined()
    expect(refusal(stream, limit)).toBe(COMPRESSION)
  }

  test('stored: its length twice, bits up to the byte ignored', () => {
    const block = (length: number, complement: number) =>
      deflateWriter().bits(1, 3).bits(31, 5).bytes(length, 0, complement, 255)
    same(block(2, 253).bytes(104, 105).zlib(utf8('hi')), utf8('hi'))
    refused(block(2, 252).bytes(104, 105).zlib(utf8('hi')))
    same(block(0, 255).zlib(utf8('')), utf8(''))
    refused(block(9, 246).bytes(104).zlib(utf8('h')))
  })

  test('block type 3', () => refused(deflateWriter().bits(1, 1).bits(3, 2).zlib(utf8(''))))

  test('stored, fixed and empty blocks after each other', () => {
    const stream = deflateWriter().bits(0, 3).align().bytes(1, 0, 254, 255, 97).fixed([98], false).fixed([], false)
    same(stream.fixed([{ length: 257, distance: 1 }]).zlib(utf8('ababa')), utf8('ababa'))
  })

  test('matches: over themselves, of every length, from the block before', () => {
    const runs: [symbol: number, extra: [number, number], length: number][] = [
      [257, [0, 0], 3],
      [264, [0, 0], 10],
      [265, [1, 1], 12],
      [284, [30, 5], 257],
      // 258 said in two ways
      [284, [31, 5], 258],
      [285, [0, 0], 258],
    ]
    for (const [length, lengthExtra, count] of runs) {
      const content = utf8('a'.repeat(count + 1))
      same(
        deflateWriter()
          .fixed([97, { length, lengthExtra, distance: 0 }])
          .zlib(content),
        content,
      )
      same(
        deflateWriter()
          .fixed([97], false)
          .fixed([{ length, lengthExtra, distance: 0 }])
          .zlib(content),
        content,
      )
    }
  })

  test('a distance beyond the beginning', () => {
    same(
      deflateWriter()
        .fixed([97, 98, { length: 257, distance: 1 }])
        .zlib(utf8('ababa')),
      utf8('ababa'),
    )
    refused(
      deflateWriter()
        .fixed([97, 98, { length: 257, distance: 2 }])
        .zlib(utf8('ab\0ab')),
    )
    refused(
      deflateWriter()
        .fixed([{ length: 257, distance: 0 }])
        .zlib(utf8('\0\0\0')),
    )
    // what an earlier call left in the buffer is nothing to refer to
    inflateZlib(deflateSync(long), LIMIT)
    refused(
      deflateWriter()
        .fixed([97, { length: 257, distance: 1 }])
        .zlib(utf8('aaaa')),
    )
  })

  test.each([286, 287])('length symbol %i', (length) => {
    const block = (bits: number) => deflateWriter().fixed([97, { length, lengthExtra: [0, bits], distance: 0 }])
    // where they would continue the table of lengths
    for (let size = 258; size < 600; size++) refused(block(6).zlib(new Uint8Array(1 + size).fill(97)))
    refused(block(0).zlib(new Uint8Array(1 + 258).fill(97)))
  })

  test.each([30, 31])('distance symbol %i', (distance) => {
    const runs = Array(200).fill({ length: 285, distance: 0 })
    for (const distanceExtra of [
      [0, 0],
      [0, 14],
    ] as [number, number][]) {
      const block = deflateWriter().fixed([97, ...runs, { length: 257, distance, distanceExtra }])
      refused(block.zlib(new Uint8Array(1 + 200 * 258 + 3).fill(97)))
    }
  })

  describe('codes of its own', () => {
    const block = (
      literals: number[],
      distances: number[],
      symbols: Parameters<DeflateWriter['fixed']>[0],
      content = '',
    ) => deflateWriter().dynamic({ literals, distances }, symbols).zlib(utf8(content))
    const literals = (lengths: Record<number, number>, count = 257) =>
      Array.from({ length: count }, (_, symbol) => lengths[symbol] ?? 0)

    test('complete ones', () => {
      same(block(literals({ 97: 1, 256: 1 }), [0], [97, 256], 'a'), utf8('a'))
      const match = { length: 257, distance: 0 }
      same(block(literals({ 97: 1, 256: 2, 257: 2 }, 258), [1, 1], [97, match, 256], 'aaaa'), utf8('aaaa'))
      // the longest code there may be
      const ladder = literals({
        ...Object.fromEntries(Array.from({ length: 14 }, (_, n) => [97 + n, n + 1])),
        255: 15,
        256: 15,
      })
      same(block(ladder, [0], [110, 97, 255 - 255 + 97, 256], 'naa'), utf8('naa'))
    })

    test('a single code of one bit is enough, and its other half is no code', () => {
      same(block(literals({ 256: 1 }), [0], [256]), utf8(''))
      const match = { length: 257, distance: 0 }
      const lengths = literals({ 97: 1, 256: 2, 257: 2 }, 258)
      same(block(lengths, [1], [97, match, 256], 'aaaa'), utf8('aaaa'))
      const other = deflateWriter()
        .dynamic({ literals: lengths, distances: [1] }, [97])
        .code(3, 2)
        .code(1, 1)
        .code(2, 2)
      refused(other.zlib(utf8('aaaa')))
    })

    test('over-subscribed ones', () => {
      refused(block(literals({ 97: 1, 98: 1, 256: 1 }), [0], [97, 256], 'a'))
      refused(block(literals({ 97: 1, 98: 2, 99: 2, 256: 15 }), [0], [97], 'a'))
      refused(block(literals({ 97: 1, 256: 1 }), [1, 1, 1], [97, 256], 'a'))
      refused(block(literals({ 97: 1, 256: 1 }), [1, 2, 2, 2], [97, 256], 'a'))
    })

    test('incomplete ones', () => {
      refused(block(literals({ 97: 2, 256: 1 }), [0], [97, 256], 'a'))
      refused(block(literals({ 256: 2 }), [0], [256]))
      refused(block(literals({ 97: 2, 98: 2, 256: 2 }), [0], [97, 256], 'a'))
      refused(block(literals({ 97: 1, 256: 1 }), [2, 2], [97, 256], 'a'))
      refused(block(literals({ 97: 1, 256: 1 }), [2], [97, 256], 'a'))
    })

    test('no code for the end', () => {
      refused(block(literals({ 97: 1, 98: 1 }), [0], [97], 'a'))
      refused(block(end.concat(0), [0], []))
    })

    test('more codes than there are symbols', () => {
      const lengths = { 97: 1, 256: 1 }
      same(block(literals(lengths, 286), Array(30).fill(0), [97, 256], 'a'), utf8('a'))
      refused(block(literals(lengths, 287), [0], [97, 256], 'a'))
      refused(block(literals(lengths, 288), [0], [97, 256], 'a'))
      refused(block(literals(lengths), Array(31).fill(0), [97, 256], 'a'))
      refused(block(literals(lengths), Array(32).fill(0), [97, 256], 'a'))
    })

    test('the code for lengths: over-subscribed, incomplete, empty', () => {
      const zeros = (head: DeflateWriter) => head.bits(0, 16).bits(0, 16).zlib(utf8(''))
      refused(zeros(deflateWriter().dynamicHead(257, 1, { 0: 1, 1: 1, 2: 1 })))
      refused(zeros(deflateWriter().dynamicHead(257, 1, { 0: 1, 1: 2 })))
      refused(zeros(deflateWriter().dynamicHead(257, 1, {})))
    })

    test('the code for lengths: a single one is incomplete too', () => {
      // every literal 9 bits is what 258 times the same length says, were it allowed
      const head = deflateWriter().dynamicHead(257, 1, { 1: 1 })
      refused(head.bits(0, 258).zlib(utf8('')))
      // 1 for the end alone, by runs of zeros
      const runs = deflateWriter().dynamicHead(257, 1, { 18: 1 })
      refused(runs.code(0, 1).bits(127, 7).code(0, 1).bits(108, 7).zlib(utf8('')))
    })

    test('repeats: of nothing before, and past the last code', () => {
      // 16 is code 0, 1 is code 10, 18 is code 11
      const head = () => deflateWriter().dynamicHead(257, 1, { 16: 1, 1: 2, 18: 2 })
      const zeros = (writer: DeflateWriter, count: number) => writer.code(3, 2).bits(count - 11, 7)
      const one = (writer: DeflateWriter) => writer.code(2, 2)
      // 1 for the end and 1 for the only distance; the end itself is code 0
      same(
        one(one(zeros(zeros(head(), 138), 118)))
          .code(0, 1)
          .zlib(utf8('')),
        utf8(''),
      )
      // a first repeat stands for three lengths that nobody said
      refused(
        one(one(zeros(zeros(head().code(0, 1).bits(0, 2), 138), 115)))
          .code(0, 1)
          .zlib(utf8('')),
      )
      // three more ones after both are two too many
      refused(
        one(zeros(zeros(head(), 138), 118))
          .code(0, 1)
          .bits(0, 2)
          .code(0, 1)
          .zlib(utf8('')),
      )
      refused(zeros(zeros(head(), 138), 138).zlib(utf8('')))
    })
  })
})

describe('flushes', () => {
  const random = randomBytes(seed)
  const { Z_PARTIAL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_BLOCK } = constants

  test.each([Z_PARTIAL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_BLOCK])('kind %i, after every few bytes', async (kind) => {
    for (const level of [0, 1, 6, 9]) {
      const parts = Array.from({ length: 300 }, () => random.bytes(random.below(40)).map((byte) => byte & 31))
      expect(equal(inflate(await flushed(parts, level, kind)), Buffer.concat(parts)), `level ${level}`).toBe(true)
    }
  })

  test('what fflate writes', () => {
    for (let level = 0; level <= 9; level++) {
      const content = random.bytes(random.below(9_000)).map((byte) => byte & 31)
      expect(equal(inflate(zlibSync(content, { level: level as 9 })), content), `level ${level}`).toBe(true)
    }
  })
})

/** A stream of parts, flushed after each. */
async function flushed(parts: readonly Uint8Array[], level: number, kind: number): Promise<Uint8Array> {
  const stream = createDeflate({ level })
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  for (const part of parts) {
    stream.write(part)
    await new Promise<void>((resolve) => stream.flush(kind, resolve))
  }
  stream.end()
  await once(stream, 'end')
  return Buffer.concat(chunks)
}

describe(`corruptions, SEED=${seed}`, () => {
  const random = randomBytes(seed)
  const samples = [
    text,
    random.bytes(300),
    Uint8Array.from({ length: 2_000 }, () => random.below(20)),
    new Uint8Array(3_000),
  ].flatMap((content) =>
    [{ level: 9 }, { strategy: constants.Z_FIXED }, { level: 0 }].map((options) => deflateSync(content, options)),
  )
  const limit = 4_000

  function corrupt(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const copy = Uint8Array.from(bytes)
    // the first bytes have the codes
    const reach = random.below(2) ? copy.length : Math.min(copy.length, 60)
    for (let times = 1 + random.below(3); times > 0; times--) copy[random.below(reach)] = random.below(256)
    return random.below(4) ? copy : copy.slice(0, random.below(copy.length + 1))
  }

  const rounds = runs(1_500)

  test(`${rounds} streams: the bytes that zlib gives, or an error, and never more than the limit`, () => {
    for (let round = 0; round < rounds; round++) {
      const stream = corrupt(samples[random.below(samples.length)] as Uint8Array)
      let result: Uint8Array | undefined
      const code = codeOf(() => {
        result = inflateZlib(stream, limit)
      })
      if (result) {
        expect(result.length).toBeLessThanOrEqual(limit)
        expect(equal(zlib(stream), result)).toBe(true)
      } else expect([COMPRESSION, 'ERR_SESSION_LIMIT']).toContain(code)
    }
  })

  test(`${rounds} streams whose checksum fits: what zlib makes of the blocks`, () => {
    const counts = { good: 0, long: 0, broken: 0 }
    for (let round = 0; round < rounds; round++) {
      const sample = samples[random.below(samples.length)] as Uint8Array
      const blocks = random.below(5) ? corrupt(sample.subarray(2, -4)) : random.bytes(1 + random.below(60))
      let said: { buffer: Buffer; engine: { bytesWritten: number } } | undefined
      try {
        said = inflateRawSync(blocks, { info: true }) as unknown as typeof said
      } catch {}
      const content = new Uint8Array(said?.buffer ?? [])
      const stream = zlibOf(blocks.subarray(0, said?.engine.bytesWritten), content)
      const note = `${Buffer.from(stream).toString('hex')}`
      if (!said) {
        counts.broken++
        expect([COMPRESSION, 'ERR_SESSION_LIMIT'], note).toContain(refusal(stream, limit))
      } else if (content.length > limit) {
        counts.long++
        expect(refusal(stream, limit), note).toBe('ERR_SESSION_LIMIT')
      } else {
        counts.good++
        expect(equal(inflate(stream, limit), content), note).toBe(true)
      }
    }
    expect(counts.good).toBeGreaterThan(rounds / 20)
    expect(counts.broken).toBeGreaterThan(rounds / 20)
  })
})

test('each result has its own array', () => {
  const first = inflateZlib(deflateSync('first'), LIMIT)
  const other = inflateZlib(deflateSync('other'), LIMIT)
  expect(other.buffer).not.toBe(first.buffer)
  expect(first.buffer.byteLength).toBe(5)
  expect([first, other]).toEqual([utf8('first'), utf8('other')])
})

test('an error leaves nothing behind', () => {
  for (const broken of [
    deflateSync(text).subarray(0, 20),
    Uint8Array.of(0x78),
    deflateSync(new Uint8Array(LIMIT + 1)),
  ]) {
    expect(refusal(broken)).not.toBe('none')
    expect(inflate(deflateSync(text))).toEqual(text)
  }
})
