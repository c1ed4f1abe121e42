/**
 * BSON's special types in a browser: inert values that print as people expect.
 * BSON specification 1.1. A Decimal128 prints its number in `decimal.ts`, which a page loads only if it imports it.
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
export const pageBsonTypes: BsonTypes = {
  // 24 hexadecimal digits.
  objectId: /* @__PURE__ */ light(
    'ObjectId',
    (bytes: Uint8Array) => ({ bytes }),
    ({ bytes }) => bytes.reduce((text, byte) => text + (byte + 256).toString(16).slice(1), ''),
  ),
  decimal128: /* @__PURE__ */ light('Decimal128', (bytes: Uint8Array) => ({ bytes })),
  // Bytes with a subtype, such as a UUID; base64.
  binary: /* @__PURE__ */ light(
    'Binary',
    (bytes: Uint8Array, subtype: number) => ({ bytes, subtype }),
    ({ bytes }) => btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), '')),
  ),
  timestamp: /* @__PURE__ */ light('Timestamp', (increment: number, seconds: number) => ({ increment, seconds })),
  // A regular expression of another language: text, never run.
  regExp: /* @__PURE__ */ light('BSONRegExp', (pattern: string, options: string) => ({ pattern, options })),
  // A program: text, never evaluated.
  code: /* @__PURE__ */ light(
    'Code',
    (code: string, scope?: SessionData) => ({ code, scope }),
    ({ code }) => code,
  ),
  minKey: /* @__PURE__ */ light('MinKey', () => ({})),
  maxKey: /* @__PURE__ */ light('MaxKey', () => ({})),
  // The old pointer to a document of another collection.
  dbRef: /* @__PURE__ */ light('DBRef', (collection: string, oid: unknown) => ({ collection, oid })),
}

/** Makes the maker of a type's members one of values that all have one prototype. */
export function light<Parameters extends unknown[], Members extends object>(
  type: string,
  members: (...parameters: Parameters) => Members,
  print: (value: Members) => string = (value) => `${type}(${Object.values(value)})`,
): (...parameters: Parameters) => LightBsonValue<string> & Members {
  const prototype: LightBsonValue<string> = {
    _bsontype: type,
    toString() {
      return print(this as LightBsonValue<string> & Members)
    },
    toJSON() {
      return print(this as LightBsonValue<string> & Members)
    },
  }
  return (...parameters) =>
    ({ __proto__: prototype, ...members(...parameters) }) as unknown as LightBsonValue<string> & Members
}
