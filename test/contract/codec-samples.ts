/** What the contract suite feeds a codec: sessions, changes of them, and values that none of its keys made. */
import * as bson from 'bson'
import { Binary, Decimal128, Double, Long, MinKey, ObjectId, Timestamp } from 'bson'
import { bsonTypesOf } from '../../src/server/bson-types.js'
import type { SessionData } from '../../src/server/index.js'
import { type BsonSlice, bsonOrigin } from '../../src/shared/bson/origin.js'
import type { OriginNode } from '../../src/shared/types.js'

/** Sessions that every codec holds. */
export const samples: Readonly<Record<string, SessionData>> = {
  'an empty session': {},
  'one key': { user: 'dave' },
  'all that JSON knows': {
    text: 'swordfish',
    empty: '',
    yes: true,
    no: false,
    none: null,
    zero: 0,
    negative: -5,
    fraction: 1.5,
    small: 1e-7,
    large: 2 ** 53 - 1,
    list: [1, 'two', [3, []], { four: 4 }],
    object: { a: { b: { c: {} } } },
  },
  'text of every kind': {
    latin: 'é ÿ',
    wide: '€ 漢字',
    emoji: '😀',
    marks: '"\\/<>&;,= \t\n\r\u0000\u001f\u007f\u2028',
    'kéy €': 1,
  },
  'keys that mean something elsewhere': JSON.parse(
    '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1,"":2,"a.b":3,"$set":4,"0":5}',
  ),
  'what the session knows of itself': { user: 'dave', _authenticated_at: 1_700_000_000.25, _f_info: ['hello'] },
  'a time in whole seconds': { user: 'dave', _authenticated_at: 1_700_000_000 },
  'a long text': { text: 'swordfish '.repeat(60) },
}

/** Sessions that formats of BSON hold, too. */
export const bsonSamples: Readonly<Record<string, SessionData>> = {
  'dates, bytes and large integers': { when: new Date(5), bytes: Uint8Array.of(0, 255), large: 2n ** 60n },
}

/** Documents as other systems make them: each type is to come back. */
export const bsonDocuments = {
  'numbers with their types': {
    _id: 'x',
    double: new Double(1),
    long: Long.fromNumber(5),
    zero: new Double(-0),
    nan: Number.NaN,
    deep: { list: [new Double(2), Long.fromNumber(3), { more: new Double(4) }] },
  },
  'types of BSON': {
    _id: 'x',
    id: new ObjectId(),
    decimal: Decimal128.fromString('1.10'),
    binary: new Binary(Uint8Array.of(1, 2), 128),
    uuid: new Binary(new Uint8Array(16), 4),
    when: new Date(-1),
    timestamp: new Timestamp({ t: 1, i: 2 }),
    least: new MinKey(),
    pattern: /a.b/i,
    reference: { $ref: 'users', $id: new ObjectId() },
  },
} as const

/** The times of a session as Python's dict has them. */
export const bsonTimes = { _creation_time: new Double(1_699_999_940.25), _accessed_time: new Double(1_699_999_995) }

const bsonPackageTypes = bsonTypesOf(bson)

/** Each key of a document, with the bytes of its value as hexadecimal digits. */
export function bsonMembers(document: Uint8Array): Record<string, string> {
  const root = bsonOrigin(document, bsonPackageTypes) as Required<OriginNode>
  const entries = [...root.keys()].map((key) => {
    const { bytes, start, end } = (root.child(key) as OriginNode).raw as BsonSlice
    return [key, Buffer.from(bytes.subarray(start, end)).toString('hex')]
  })
  return Object.fromEntries(entries) as Record<string, string>
}

/** A session and what can happen to it. */
export const changes: Readonly<Record<string, (data: SessionData) => unknown>> = {
  'a new key': (data) => Object.assign(data, { added: 1 }),
  'a new key of null': (data) => Object.assign(data, { added: null }),
  'a deleted key': (data) => delete data.none,
  'another value': (data) => Object.assign(data, { zero: 1 }),
  'another type': (data) => Object.assign(data, { zero: '0' }),
  'another value deep inside': (data) => Object.assign((data.list as object[])[3] as object, { four: 5 }),
  'an item more': (data) => (data.list as unknown[]).push(5),
  'an item less': (data) => (data.list as unknown[]).pop(),
  'no key at all': (data) => Object.keys(data).map((key) => delete data[key]),
}

/** Values as other systems make them, each shaped like one family; none is signed with a key of the suite. */
export const strangers: readonly string[] = [
  '',
  ' ',
  '.',
  '..',
  '...',
  '....',
  'null',
  '{}',
  'garbage',
  '\u0000',
  'é€😀',
  '__proto__',
  'a.b.c',
  // JWS: unsigned, without a signature, and with one of another key.
  'eyJhbGciOiJub25lIn0.eyJ1c2VyIjoiZGF2ZSJ9.',
  'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ1c2VybmFtZSI6ImRhdmUifQ.',
  'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ1c2VybmFtZSI6ImRhdmUifQ.1LXPSRNwqCxUK0MLbkh5fFgP8TpydsN8cQ2qyNU0as8',
  // JWE with a direct key (RFC 7516 §3.1).
  'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA.AAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA',
  // Beaker: 40 hex digits before base64, one with an empty body.
  `${'0123456789abcdef'.repeat(3).slice(0, 40)}gAJ9cQFYBAAAAHVzZXJxAlgEAAAAZGF2ZXEDcy4=`,
  'da39a3ee5e6b4b0d3255bfef95601890afd80709',
  // Django: signed text, and a bare session key.
  'eyJ1c2VyIjoiZGF2ZSJ9:1r31eq:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  'abcdefghijklmnopqrstuvwxyz012345',
  // express-session and cookie-session.
  's:abcdefghijklmnopqrstuvwx.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  'eyJ1c2VyIjoiZGF2ZSJ9',
  `${'A'.repeat(60)}${'%'.repeat(60)}`,
  'x'.repeat(16_384),
  '.'.repeat(16_384),
]
