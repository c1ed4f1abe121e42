import { Double, serialize } from 'bson'
import { describe, expect, test } from 'vitest'
import { beakerDict, withFloatTimes } from '../../../src/server/codecs/beaker-dict.js'
import { beakerRecord } from '../../../src/server/codecs/beaker-meta.js'
import { readJson } from '../../../src/server/json/reader.js'
import { lightBsonTypes } from '../../../src/shared/bson/decimal.js'
import { bsonOrigin } from '../../../src/shared/bson/origin.js'
import { takeBeakerMeta } from '../../../src/shared/decode.js'
import type { SessionData } from '../../../src/shared/types.js'
import { START } from '../server.helpers.js'

describe('the session to write', () => {
  const times = { createdAt: new Date(START), accessedAt: new Date(START + 1) }

  test('has _id first and the times last', () => {
    expect(Object.entries(beakerDict({ data: { b: 1, a: 2 }, id: 'x', ...times }))).toEqual([
      ...Object.entries({ _id: 'x', b: 1, a: 2, _creation_time: 1_700_000_000, _accessed_time: 1_700_000_000.001 }),
    ])
    expect(beakerDict({ data: { a: 1 } })).toStrictEqual({ a: 1 })
  })

  test('keeps microseconds of a time that is still the same', () => {
    const root = readJson('{"_creation_time":1700000000.25045,"_accessed_time":1700000000.25045}')
    const record = beakerRecord(takeBeakerMeta(root.value as SessionData), {})
    const again = beakerDict({ ...record, accessedAt: new Date(START + 900) }, root)
    expect(again).toEqual({ _creation_time: 1_700_000_000.25045, _accessed_time: 1_700_000_000.9 })
  })

  test('writes times as floats, also new ones, and keeps the type of others', () => {
    const root = bsonOrigin(serialize({ f: new Double(2), i: 2 }), lightBsonTypes)
    const origin = withFloatTimes(root)
    expect(origin.child?.('f')?.type).toBe('double')
    expect(origin.child?.('i')?.type).not.toBe('double')
    for (const at of [origin, withFloatTimes(undefined)]) {
      expect(at.child?.('_creation_time')?.type).toBe('double')
      expect(at.child?.('_accessed_time')?.type).toBe('double')
      expect(at.child?.('other')).toBeUndefined()
    }
    expect([...(withFloatTimes(undefined).keys?.() ?? [])]).toEqual([])
  })
})
