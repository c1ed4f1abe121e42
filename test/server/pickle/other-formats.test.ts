/** What a pickle held, written as BSON and as JSON: what pymongo and json.dumps make of it, or the path of what they refuse. */
import * as bson from 'bson'
import { describe, expect, test } from 'vitest'
import { bsonTypesOf } from '../../../src/server/bson-types.js'
import { writeJson } from '../../../src/server/json/writer.js'
import { bsonOrigin } from '../../../src/shared/bson/origin.js'
import { readBson } from '../../../src/shared/bson/reader.js'
import { writeBson } from '../../../src/shared/bson/writer.js'
import { readPickle } from '../../../src/shared/pickle/reader.js'
import type { SessionData } from '../../../src/shared/types.js'
import { assemble } from '../../shared/pickle/assemble.js'

const types = bsonTypesOf(bson)

/** A session `{'a': [value]}`. */
function read(...value: (string | number[])[]): ReturnType<typeof readPickle> & { data: SessionData } {
  const document = readPickle(assemble([0x80, 2], '}U\x01a]', ...value, 'as.'))
  return { ...document, data: document.value as SessionData }
}

function asBson(...value: (string | number[])[]): unknown {
  const { data, origin } = read(...value)
  return (readBson(writeBson(data, { origin }), types).a as unknown[])[0]
}

function asJson(...value: (string | number[])[]): string {
  const { data, origin } = read(...value)
  return writeJson(data, { origin })
}

const one = 'G\x3f\xf0\0\0\0\0\0\0'
const ordered = 'ccollections\nOrderedDict\n)R(U\x01bK\x02U\x012K\x03U\x011K\x04u'
const counted = 'ccollections\ndefaultdict\nc__builtin__\nint\n\x85RU\x01bK\x02s'
/** 2023-11-14 22:13:20.123999 */
const bytes = '\x07\xe7\x0b\x0e\x16\x0d\x14\x01\xe4\x5f'

/** With an offset from UTC. */
function datetime(fields: string, seconds?: string): string {
  const zone = seconds === undefined ? '' : `cdatetime\ntimezone\ncdatetime\ntimedelta\nK\0${seconds}K\0\x87R\x85R`
  return `cdatetime\ndatetime\nU\x0a${fields}${zone}${seconds === undefined ? '\x85' : '\x86'}R`
}

const twoHours = 'M\x20\x1c'

describe('written', () => {
  test('a tuple is a list, with the types of its items', () => {
    expect(asBson(`K\x01${one})\x87`)).toEqual([1, 1, []])
    expect(asJson(`K\x01${one})\x87`)).toBe('{"a":[[1,1.0,[]]]}')
  })

  test('an OrderedDict and a defaultdict are documents in their order', () => {
    expect(asBson(ordered)).toEqual({ b: 2, 2: 3, 1: 4 })
    expect(asJson(ordered)).toBe('{"a":[{"b":2,"2":3,"1":4}]}')
    const { data, origin } = read(ordered)
    const document = bsonOrigin(writeBson(data, { origin }), types)
    expect([...(document.child?.('a')?.child?.('0')?.keys?.() ?? [])]).toEqual(['b', '2', '1'])
    expect(asJson(counted)).toBe('{"a":[{"b":2}]}')
    expect(asBson(counted)).toEqual({ b: 2 })
  })

  test('a datetime is its moment in milliseconds', () => {
    expect(asBson(datetime(bytes))).toEqual(new Date('2023-11-14T22:13:20.123Z'))
    expect(asBson(datetime(bytes, twoHours))).toEqual(new Date('2023-11-14T20:13:20.123Z'))
    expect(() => asJson(datetime(bytes, twoHours))).toThrowError(expect.objectContaining({ path: 'a.0' }))
  })

  test('of the years that Python has, in UTC', () => {
    const first = '\0\x01\x01\x01\x02\0\0\0\0\0'
    const before = '\0\x01\x01\x01\x01\x3b\x3b\x0f\x42\x3f'
    expect(asBson(datetime(first, twoHours))).toEqual(new Date(-62_135_596_800_000))
    expect(() => asBson(datetime(before, twoHours))).toThrowError(expect.objectContaining({ path: 'a.0' }))
    const last = '\x27\x0f\x0c\x1f\x17\x3b\x3b\x0f\x42\x3f'
    expect(asBson(datetime(last, 'K\0'))).toEqual(new Date(253_402_300_799_999))
    const after = '\x27\x0f\x0c\x1f\x16\0\0\0\0\0'
    expect(() => asBson(datetime(after, 'J\xe0\xe3\xff\xff'))).toThrowError(expect.objectContaining({ path: 'a.0' }))
  })

  test('what was changed in place is written as it is now', () => {
    const { data, origin } = read(`K\x01${one}\x86`)
    ;(data.a as unknown[][])[0]?.push('new')
    expect(readBson(writeBson(data, { origin }), types)).toEqual({ a: [[1, 1, 'new']] })
  })
})

test.each([
  ['a set', 'c__builtin__\nset\n]K\x01a\x85R'],
  ['a frozenset', 'c__builtin__\nfrozenset\n]K\x01a\x85R'],
  ['a bytearray', 'c__builtin__\nbytearray\nU\x01xU\x07latin-1\x86R'],
  ['a timedelta', 'cdatetime\ntimedelta\nK\x01K\x02K\x03\x87R'],
  ['a date', 'cdatetime\ndate\nU\x04\x07\xe7\x0b\x0e\x85R'],
  ['a time', 'cdatetime\ntime\nU\x06\x16\x0d\x14\0\0\0\x85R'],
  ['a Decimal', 'cdecimal\nDecimal\nU\x031.1\x85R'],
  ['a complex number', `c__builtin__\ncomplex\n${one}${one}\x86R`],
  ['a zone', 'cdatetime\ntimezone\ncdatetime\ntimedelta\nK\0K\0K\0\x87R\x85R'],
  ['a dict with other keys than text', '}K\x01K\x02s'],
  ['an OrderedDict with other keys than text', 'ccollections\nOrderedDict\n)RK\x01K\x02s'],
  ['an object of a class', 'cmyapp\nUser\n)\x81}U\x01nK\x01sb'],
  ['a class', 'cmyapp\nUser\n'],
])('%s is refused, with its path', (_, value) => {
  const failure = expect.objectContaining({ code: 'ERR_SESSION_UNWRITABLE', path: 'a.0' })
  expect(() => asBson(value)).toThrowError(failure)
  expect(() => asJson(value)).toThrowError(failure)
})
