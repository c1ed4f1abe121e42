import * as bson from 'bson'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bsonTypesOf } from '../../../src/server/bson-types.js'
import { lightBsonTypes } from '../../../src/shared/bson/decimal.js'
import { bsonOrigin } from '../../../src/shared/bson/origin.js'
import { readBson } from '../../../src/shared/bson/reader.js'
import { writeBson } from '../../../src/shared/bson/writer.js'
import { isSessionError } from '../../../src/shared/errors.js'
import type { SessionData } from '../../../src/shared/types.js'
import { createRandom, seed } from '../../interop/random-data.js'
import { runs } from '../../random.js'
import { hex } from './bytes.js'

const bsonPackageTypes = bsonTypesOf(bson)

const types = bsonPackageTypes
const often = { seed, numRuns: runs(100) }

const text = fc.string({ unit: 'binary', maxLength: 70 })
/** Without `$`, which the package's reader makes a DBRef of, and `_bsontype`, which its writer refuses. */
const key = text
  .map((name) => name.replaceAll('\0', '').replace(/^\$/, ''))
  .filter((name) => name !== '_bsontype' && name !== 'toJSON')
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const bigint = fc.oneof(
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
)

/** Values that both libraries have, the same before writing and after reading. */
const leaf = fc.oneof(
  text,
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
  fc.uint8Array({ maxLength: 70 }),
  bigint,
  bytesOf(12).map((bytes) => new bson.ObjectId(bytes)),
  bytesOf(16).map((bytes) => new bson.Decimal128(bytes)),
  fc
    .tuple(fc.uint8Array({ maxLength: 20 }), fc.constantFrom(1, 2, 3, 5, 6, 128, 255))
    .map((of) => new bson.Binary(...of)),
  bytesOf(16).map((bytes) => new bson.UUID(bytes)),
  fc.tuple(fc.nat(), fc.nat()).map(([t, i]) => new bson.Timestamp({ t, i })),
  fc.tuple(key, fc.subarray([...'ilmsux'])).map(([pattern, flags]) => new bson.BSONRegExp(pattern, flags.join(''))),
  text.map((code) => new bson.Code(code)),
  fc.constantFrom(new bson.MinKey(), new bson.MaxKey()),
)
const { document } = fc.letrec<{ value: unknown; document: SessionData }>((tie) => ({
  value: fc.oneof({ maxDepth: 5, depthSize: 'small' }, leaf, fc.array(tie('value'), { maxLength: 5 }), tie('document')),
  document: fc
    .array(fc.tuple(fc.oneof(key, fc.constantFrom('_id', '__proto__', '7', 'constructor')), tie('value')), {
      maxLength: 8,
    })
    .map((members) => Object.fromEntries(members)),
}))

/** A value in a form that tells -0, NaN, types and key order apart, made without our own code. */
function told(value: unknown): unknown {
  if (typeof value === 'bigint') {
    return Number.isSafeInteger(Number(value)) ? told(Number(value)) : { bigint: `${value}` }
  }
  if (typeof value === 'number') return { number: Object.is(value, -0) ? '-0' : `${value}` }
  if (value instanceof Date) return { date: value.getTime() }
  if (value instanceof Uint8Array) return { bytes: hex(value) }
  if (Array.isArray(value)) return value.map(told)
  if (typeof value !== 'object' || value === null) return value
  // What its reader makes of bytes; with `promoteBuffers` it would make bytes of a UUID as well.
  if (value instanceof bson.Binary && value.sub_type === 0) return told(value.value())
  if ('_bsontype' in value && Object.getPrototypeOf(value) !== Object.prototype) {
    return { special: hex(bson.serialize({ value })) }
  }
  return { members: Object.entries(value).map(([name, member]) => [name, told(member)]) }
}

/** `_id` is written first. */
const idFirst = (data: SessionData): SessionData =>
  Object.hasOwn(data, '_id') ? Object.fromEntries([['_id', data._id], ...Object.entries(data)]) : data
const packageRead = (bytes: Uint8Array) => bson.deserialize(bytes, { useBigInt64: true, bsonRegExp: true })

describe(`against the bson package, SEED=${seed}`, () => {
  test('it reads what we write', () => {
    fc.assert(
      fc.property(document, (data) => {
        expect(told(packageRead(writeBson(data)))).toStrictEqual(told(idFirst(data)))
      }),
      often,
    )
  })

  test('we read what it writes, and write it again to the byte', () => {
    // Its writer makes a double of what is larger than an int32, which the origin must keep.
    fc.assert(
      fc.property(document, (data) => {
        const bytes = bson.serialize(data, { ignoreUndefined: true })
        const read = readBson(bytes, types)
        expect(told(read)).toStrictEqual(told(packageRead(bytes)))
        expect(hex(writeBson(read, { origin: bsonOrigin(bytes, types) }))).toBe(hex(bytes))
      }),
      often,
    )
  })

  test('light values are written as they were read', () => {
    fc.assert(
      fc.property(document, (data) => {
        const bytes = writeBson(data)
        const options = lightBsonTypes
        const read = readBson(bytes, options)
        expect(hex(writeBson(read))).toBe(hex(bytes))
        expect(hex(writeBson(read, { origin: bsonOrigin(bytes, options) }))).toBe(hex(bytes))
        expect(typeof JSON.stringify(read, (_, value) => (typeof value === 'bigint' ? `${value}` : value))).toBe(
          'string',
        )
      }),
      often,
    )
  })

  test('one key changed, every other element as it was', () => {
    fc.assert(
      fc.property(document, leaf, (data, value) => {
        const before = bson.serialize(data)
        const read = readBson(before, types)
        read.changed = value
        const after = readBson(writeBson(read, { origin: bsonOrigin(before, types) }), types)
        expect(told(after.changed)).toStrictEqual(told(value))
        delete after.changed
        const kept = writeBson(after, { origin: bsonOrigin(before, types) })
        if (!Object.hasOwn(data, 'changed')) expect(hex(kept)).toBe(hex(before))
      }),
      often,
    )
  })

  test('a light Decimal128 prints as that of the package', () => {
    // Of coefficients with 34 digits or less: others are zero to Python and to us.
    const decimal = fc.tuple(
      fc.boolean(),
      fc.bigInt({ min: 0n, max: 10n ** 34n - 1n }),
      fc.integer({ min: -6176, max: 6111 }),
    )
    fc.assert(
      fc.property(decimal, fc.nat({ max: 33 }), ([negative, coefficient, exponent], shorter) => {
        const text = `${negative ? '-' : ''}${coefficient / 10n ** BigInt(shorter)}E${exponent}`
        const { bytes } = bson.Decimal128.fromString(text)
        expect(String(lightBsonTypes.decimal128(new Uint8Array(bytes)))).toBe(new bson.Decimal128(bytes).toString())
      }),
      { ...often, numRuns: runs(300) },
    )
  })
})

describe(`corruptions, SEED=${seed}`, () => {
  const random = createRandom(seed)
  const corruptions: ((bytes: Uint8Array) => Uint8Array)[] = [
    (bytes) => bytes.subarray(0, random.below(bytes.length)),
    (bytes) => {
      const place = random.below(bytes.length)
      bytes[place] = (bytes[place] as number) ^ (1 << random.below(8))
      return bytes
    },
    (bytes) => {
      bytes[random.below(bytes.length)] = random.below(256)
      return bytes
    },
    (bytes) => {
      // A length or any other four bytes become a number that lies.
      const lie = random.pick([
        0,
        1,
        4,
        5,
        bytes.length,
        bytes.length + 1,
        2 ** 31 - 1,
        -1,
        -4,
        -5,
        -(2 ** 31),
        2 ** 24,
      ])
      if (bytes.length >= 4) new DataView(bytes.buffer).setInt32(random.below(bytes.length - 3), lie, true)
      return bytes
    },
    (bytes) => {
      const from = random.below(bytes.length)
      bytes.copyWithin(random.below(bytes.length), from, from + random.below(40))
      return bytes
    },
    (bytes) => Uint8Array.from(bytes, () => random.below(256)),
    (bytes) => {
      const longer = new Uint8Array(bytes.length + 1 + random.below(8))
      longer.set(bytes)
      return longer
    },
  ]

  const rounds = runs(1_500)

  test(`${rounds} give a value or a SessionError, in bounded memory`, () => {
    const samples = fc.sample(document, { seed, numRuns: 100 }).map((data) => bson.serialize(data))
    const memory = process.memoryUsage().arrayBuffers
    let values = 0
    for (let index = 0; index < rounds; index++) {
      let bytes: Uint8Array = new Uint8Array(random.pick(samples))
      for (let times = random.below(3); times >= 0; times--) {
        bytes = new Uint8Array(random.pick(corruptions)(bytes.length > 0 ? bytes : new Uint8Array(1)))
      }
      const options = index % 2 ? types : lightBsonTypes
      try {
        const data = readBson(bytes, options)
        values++
        // What could be read can be written, and unchanged it is the same.
        expect(hex(writeBson(data, { origin: bsonOrigin(bytes, options) }))).toBe(hex(bytes))
      } catch (error) {
        if (!isSessionError(error)) throw error
        expect(['ERR_SESSION_BSON', 'ERR_SESSION_LIMIT']).toContain(error.code)
      }
    }
    expect(values).toBeGreaterThan(rounds / 100)
    expect(process.memoryUsage().arrayBuffers - memory).toBeLessThan(64 * 2 ** 20)
    expect(Object.keys(Object.prototype)).toStrictEqual([])
  })
})
