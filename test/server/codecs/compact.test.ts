/** Our own compact format: its bytes as FORMATS §11 says, what it is bound to, and what it refuses. */
import { serialize } from 'bson'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { platform } from '#platform'
import { data as measured, meta as measuredMeta } from '../../../bench/session.mjs'
import {
  beakerJwt,
  type CodecContext,
  compact,
  type SessionCodec,
  type SessionRecord,
} from '../../../src/server/index.js'
import { decodeCookie85 } from '../../../src/shared/base85.js'
import { encodeCookie85 } from '../../../src/shared/encode-base85.js'
import { OLD_SECRET, rejection, SECRET, START } from '../server.helpers.js'
import { compactValue, deflated, digits } from './compact.helpers.js'

const context: CodecContext = { cookieName: 'sid', purpose: 'session', now: new Date(START) }
const half: CodecContext = { ...context, purpose: 'public' }
const codec = compact({ secrets: SECRET })
const dave = { user: 'dave' }

async function sign(record: SessionRecord, by: SessionCodec = codec, where = context): Promise<string> {
  return (by as Required<SessionCodec>).sign(record, where)
}
const verify = async (value: string, by = codec, where = context): Promise<SessionRecord> => by.verify(value, where)
const refused = (code: string, value: string, by = codec): Promise<unknown> => rejection(code, () => verify(value, by))

describe('the bytes', () => {
  test('of a session with all facts', async () => {
    const value = await sign({
      data: dave,
      id: '000102030405060708090a0b0c0d0eff',
      createdAt: new Date(1000),
      accessedAt: new Date(1064),
      expiresAt: new Date(1000),
      version: 300,
    })
    const id = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]
    const head = [2 + 8 + 16 + 32 + 64, ...id, 0xd0, 0x0f, 0x80, 0x01, 0x7f, 0xac, 0x02]
    expect(value).toBe(compactValue(serialize(dave), { secret: SECRET, head }))
  })

  test('of one that says nothing about itself', async () => {
    expect(await sign({ data: {} })).toBe(compactValue(serialize({}), { secret: SECRET }))
  })

  test('with an id of another kind', async () => {
    const value = await sign({ data: dave, id: 'é1' })
    expect(value).toBe(compactValue(serialize(dave), { secret: SECRET, head: [4, 3, 0xc3, 0xa9, 0x31] }))
    expect((await verify(value)).id).toBe('é1')
  })

  test('deflated, where that is shorter', async () => {
    const data = { text: 'swordfish '.repeat(20) }
    const value = await sign({ data })
    expect((decodeCookie85(value.slice(21))[0] as number) & 1).toBe(1)
    expect((await verify(value)).data).toEqual(data)
    const ours = compactValue(deflated(serialize(data)), { secret: SECRET, head: [1] })
    expect((await verify(ours)).data).toEqual(data)
  })

  test('times before 1970 and in any order', async () => {
    const times = { createdAt: new Date(-5), accessedAt: new Date(-8e15), expiresAt: new Date(8e15) }
    await rejection('ERR_SESSION_UNWRITABLE', sign({ data: dave, ...times }))
    const record = { createdAt: new Date(-5), accessedAt: new Date(-1e14), expiresAt: new Date(START + 1) }
    expect(await verify(await sign({ data: dave, ...record }))).toMatchObject(record)
  })

  test.each([-1, 1.5, Number.NaN, 2 ** 53])('no version %d', async (version) => {
    expect(await rejection('ERR_SESSION_UNWRITABLE', sign({ data: dave, version }))).toMatchObject({ path: 'version' })
  })

  test.each([0, 127, 128, 2 ** 53 - 1])('version %d', async (version) => {
    expect((await verify(await sign({ data: dave, version }))).version).toBe(version)
  })

  test('without a version there is none', async () => {
    expect(await verify(await sign({ data: dave }))).not.toHaveProperty('version')
  })

  test('an id that no text can hold', async () => {
    expect(await rejection('ERR_SESSION_UNWRITABLE', sign({ data: dave, id: '\ud800' }))).toMatchObject({ path: 'id' })
  })
})

describe('the digits', () => {
  test('are those of the helper, for all bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const text = encodeCookie85(bytes)
        expect(text).toBe(digits(bytes))
        expect(text).not.toMatch(/[\s"%&',;<>\\]/)
        expect([...decodeCookie85(text)]).toEqual([...bytes])
      }),
    )
  })

  test('are 85 in the order of ASCII', () => {
    const all = Array.from({ length: 85 }, (_, value) => encodeCookie85(Uint8Array.of(0, 0, 0, value)).slice(4))
    expect(all).toEqual([...new Set(all)].sort())
    expect(all.at(-1)).toBe('~')
  })
})

test('takes at most 0.62 of what beakerJwt does, with its end and version', async () => {
  const record = {
    data: measured,
    ...measuredMeta,
    version: 9,
    expiresAt: new Date(+measuredMeta.accessedAt + 1_800_000),
  }
  const [ours, theirs] = [await sign(record), await sign(record, beakerJwt({ secrets: SECRET }))]
  expect(ours.length / theirs.length).toBeLessThanOrEqual(0.62)
})

describe('what a value is good for', () => {
  test('neither another name nor another purpose', async () => {
    await refused('ERR_SESSION_SIGNATURE', compactValue(serialize(dave), { secret: SECRET, cookieName: 'other' }))
    await refused('ERR_SESSION_SIGNATURE', compactValue(serialize(dave), { secret: SECRET, purpose: 'public' }))
    const value = await sign({ data: dave }, codec, half)
    await refused('ERR_SESSION_SIGNATURE', value)
    await rejection('ERR_SESSION_SIGNATURE', () => verify(value, codec, { ...half, cookieName: 'other' }))
  })

  test('also when it is remembered', async () => {
    const value = await sign({ data: dave })
    await verify(value)
    await rejection('ERR_SESSION_SIGNATURE', () => verify(value, codec, { ...context, cookieName: 'other' }))
    await rejection('ERR_SESSION_SIGNATURE', () => verify(value, codec, half))
  })

  test('no MAC of another length', async () => {
    for (const bytes of [12, 20, 32]) {
      const value = compactValue(serialize(dave), { secret: SECRET, bytes })
      await rejection('ERR_SESSION_SIGNATURE', () => verify(value))
    }
  })

  test('the same secret in beakerJwt makes nothing that both take', async () => {
    const token = beakerJwt({ secrets: SECRET })
    const value = await sign({ data: dave })
    expect(token.matches(value)).toBe(false)
    expect(codec.matches(await sign({ data: dave }, token))).toBe(false)
  })
})

describe('the end', () => {
  test('is that of the record, to the millisecond', async () => {
    const value = await sign({ data: dave, expiresAt: new Date(START + 1000) })
    const at = (time: number) => () => verify(value, codec, { ...context, now: new Date(START + time) })
    expect((await at(999)()).expiresAt).toEqual(new Date(START + 1000))
    expect(await rejection('ERR_SESSION_EXPIRED', at(1000))).toMatchObject({ verified: true })
    expect((await at(999)()).data).toEqual(dave)
  })

  test('moves with each write where the codec has one', async () => {
    const short = compact({ secrets: SECRET, expires: '10m' })
    const value = await sign({ data: dave, expiresAt: new Date(START + 1000) }, short)
    expect((await verify(value, short)).expiresAt).toEqual(new Date(START + 600_000))
    expect(() => compact({ secrets: SECRET, expires: 0.5 })).toThrow('"expires"')
  })
})

describe('what verified and can not be read', () => {
  const made = (head: readonly number[], rest: Uint8Array = serialize(dave)): string =>
    compactValue(rest, { secret: SECRET, head })

  /** 2^53 - 2: half of it twice is more milliseconds than a Date holds. */
  const MOST = [254, 255, 255, 255, 255, 255, 255, 15]

  test.each<[string, string, string]>([
    ['a later layout', made([128]), 'ERR_SESSION_UNSUPPORTED'],
    ['two ids', made([6, ...new Array(17).fill(0)]), 'ERR_SESSION_UNSUPPORTED'],
    [
      'an id that ends too soon',
      compactValue(new Uint8Array(6), { secret: SECRET, head: [2] }),
      'ERR_SESSION_MALFORMED',
    ],
    ['an id longer than all', made([4, 200, 1]), 'ERR_SESSION_MALFORMED'],
    ['an id that is not text', made([4, 1, 0xff]), 'ERR_SESSION_MALFORMED'],
    ['a number without an end', made([64, ...new Array(20).fill(255)]), 'ERR_SESSION_CLAIMS'],
    ['a time that no Date has', made([24, ...MOST, ...MOST]), 'ERR_SESSION_CLAIMS'],
    ['no BSON', made([0], new Uint8Array(9)), 'ERR_SESSION_BSON'],
    ['no stream', made([1]), 'ERR_SESSION_COMPRESSION'],
    ['bytes after the document', made([0], Buffer.concat([serialize(dave), Buffer.of(0)])), 'ERR_SESSION_BSON'],
  ])('%s', async (_, value, code) => {
    expect(await refused(code, value)).toMatchObject({ verified: true })
  })

  test.each([
    [64, true],
    [63, false],
  ])('at most so many bytes as maxInflated says: %d', async (maxInflated, isGood) => {
    const data = { text: 'x'.repeat(64 - 16) }
    expect(serialize(data).length).toBe(64)
    for (const value of [
      compactValue(serialize(data), { secret: SECRET }),
      compactValue(deflated(serialize(data)), { secret: SECRET, head: [1] }),
    ]) {
      const small = compact({ secrets: SECRET, maxInflated })
      if (isGood) expect((await verify(value, small)).data).toEqual(data)
      else await refused('ERR_SESSION_LIMIT', value, small)
    }
    expect(() => compact({ secrets: SECRET, maxInflated: 0 })).toThrow('"maxInflated"')
  })
})

test('a server inflates by its platform: our own inflate takes ten times as long for a megabyte, with each request', async () => {
  const value = await sign({ data: { text: 'x'.repeat(100_000) } })
  const { inflate } = platform
  const inflated: number[] = []
  const watched = (bytes: Uint8Array, limit: number): Uint8Array => {
    inflated.push(limit)
    return inflate(bytes, limit)
  }
  try {
    Object.assign(platform, { inflate: watched })
    expect((await verify(value)).data).toEqual({ text: 'x'.repeat(100_000) })
  } finally {
    Object.assign(platform, { inflate })
  }
  expect(inflated).toEqual([1_048_576])
})

test('nothing is shared between two sessions of one value', async () => {
  const value = await sign({ data: { list: [1] }, createdAt: new Date(5) })
  const first = await verify(value)
  ;(first.data.list as number[]).push(2)
  first.createdAt?.setTime(0)
  expect(await verify(value)).toMatchObject({ data: { list: [1] }, createdAt: new Date(5) })
})

test('keys rotate', async () => {
  const old = await sign({ data: dave }, compact({ secrets: OLD_SECRET }))
  expect((await verify(old, compact({ secrets: [SECRET, OLD_SECRET] }))).keyIndex).toBe(1)
  await refused('ERR_SESSION_SIGNATURE', old)
})

test('a session of beakerJwt keeps its types', async () => {
  const token = beakerJwt({ secrets: SECRET })
  const record = await verify(await sign({ data: { n: 1 }, id: 'x' }, token), token)
  const moved = await verify(await sign({ ...record, data: { ...record.data, m: 2 } }))
  expect(moved.data).toEqual({ n: 1, m: 2 })
  expect(moved.id).toBe('x')
})
