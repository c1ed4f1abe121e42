/**
 * BSON's special types in a browser: inert values that print as people expect.
 * BSON specification 1.1. A Decimal128 prints its number in `decimal.ts`, which a page loads only if it imports it.
 */
import type { BsonMembers, BsonTypeName } from './reader.js'

/** What all of them have: the word that the `bson` package tells its own values by, and a text, which JSON gets too. */
interface LightBsonValue {
  readonly _bsontype: BsonTypeName
  toString(): string
  toJSON(): string
}

/** Makes these values for `readBsonBy`. All of one type have one prototype, so in plain data `_bsontype` stays an ordinary key. */
export function lightValue(type: BsonTypeName, members: BsonMembers): LightBsonValue {
  // biome-ignore lint/suspicious/noAssignInExpressions: smaller after gzip, and a page has no byte to spare
  return { __proto__: (PROTOTYPES[type] ??= { _bsontype: type, toString: print, toJSON: print }), ...members } as never
}

/** One for each type that a session had. */
const PROTOTYPES: Partial<Record<BsonTypeName, LightBsonValue>> = {}

/**
 * 24 hexadecimal digits for an ObjectId, base64 for bytes with a subtype, the text of a program.
 * What has no text of its own prints as a call: `Timestamp(1,1700000000)`.
 */
function print(this: LightBsonValue & BsonMembers): string {
  const { _bsontype, bytes, code } = this
  const text = (digits: (byte: number) => string): string => Array.from(bytes as Uint8Array, digits).join('')
  return _bsontype === 'ObjectId'
    ? text((byte) => (byte + 256).toString(16).slice(1))
    : _bsontype === 'Binary'
      ? btoa(text((byte) => String.fromCharCode(byte)))
      : // biome-ignore lint/style/useTemplate: smaller after gzip, and a page has no byte to spare
        (code ?? _bsontype + '(' + Object.values(this) + ')')
}
