/**
 * BSON's special types in a browser: inert values that print as people expect.
 * BSON specification 1.1, and its companion on Decimal128.
 */
import type { SessionData } from '../types.js'
import type { BsonTypes } from './reader.js'

/** What all of them have: the word that the `bson` package tells its own values by, and a text, which JSON gets too. */
interface LightBsonValue<Name extends string> {
  readonly _bsontype: Name
  toString(): string
  toJSON(): string
}

/** Makes these values for `readBson`. What has no text of its own prints as a call: `Timestamp(1,1700000000)`. */
export const lightBsonTypes: BsonTypes = {
  // 24 hexadecimal digits.
  objectId: light(
    'ObjectId',
    (bytes: Uint8Array) => ({ bytes }),
    ({ bytes }) => bytes.reduce((text, byte) => text + (byte + 256).toString(16).slice(1), ''),
  ),
  // The decimal number, with all its digits.
  decimal128: light('Decimal128', (bytes: Uint8Array) => ({ bytes }), decimalText),
  // Bytes with a subtype, such as a UUID; base64.
  binary: light(
    'Binary',
    (bytes: Uint8Array, subtype: number) => ({ bytes, subtype }),
    ({ bytes }) => btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), '')),
  ),
  timestamp: light('Timestamp', (increment: number, seconds: number) => ({ increment, seconds })),
  // A regular expression of another language: text, never run.
  regExp: light('BSONRegExp', (pattern: string, options: string) => ({ pattern, options })),
  // A program: text, never evaluated.
  code: light(
    'Code',
    (code: string, scope?: SessionData) => ({ code, scope }),
    ({ code }) => code,
  ),
  minKey: light('MinKey', () => ({})),
  maxKey: light('MaxKey', () => ({})),
  // The old pointer to a document of another collection.
  dbRef: light('DBRef', (collection: string, oid: unknown) => ({ collection, oid })),
}

/** Makes the maker of a type's members one of values that all have one prototype. */
function light<Parameters extends unknown[], Members extends object>(
  type: string,
  members: (...parameters: Parameters) => Members,
  print: (value: Members) => string = (value) => `${type}(${Object.values(value)})`,
): (...parameters: Parameters) => LightBsonValue<string> & Members {
  function text(this: Members): string {
    return print(this)
  }
  const prototype = { _bsontype: type, toString: text, toJSON: text }
  return (...parameters) => Object.assign(Object.create(prototype), members(...parameters))
}

/** Plain where the exponent is near, else scientific: BSON Decimal128 specification, "To String Representation". */
function decimalText({ bytes }: { bytes: Uint8Array }): string {
  const [low, high] = new BigUint64Array(bytes.buffer) as unknown as [bigint, bigint]
  const sign = high >> 63n ? '-' : ''
  const combination = (high >> 58n) & 31n
  if (combination > 29n) return combination > 30n ? 'NaN' : `${sign}Infinity`
  // This form of the exponent is for coefficients that pass 34 digits; like any other such one they count as zero.
  const large = combination > 23n
  const coefficient = ((high & 0x1_ffff_ffff_ffffn) << 64n) | low
  const digits = `${large || coefficient >= 10n ** 34n ? 0 : coefficient}`
  const exponent = Number((high >> (large ? 47n : 49n)) & 0x3fffn) - 6176
  const adjusted = exponent + digits.length - 1
  if (exponent > 0 || adjusted < -6) {
    return `${sign + digits.replace(/^.(?=.)/, '$&.')}E${adjusted < 0 ? '' : '+'}${adjusted}`
  }
  if (!exponent) return sign + digits
  const padded = digits.padStart(1 - exponent, '0')
  return `${sign + padded.slice(0, exponent)}.${padded.slice(exponent)}`
}
