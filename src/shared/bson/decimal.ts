/**
 * The text of a Decimal128, and the light BSON types with it. A page that shows no decimals does not load this.
 * BSON Decimal128 specification.
 */
import { lightValue } from './light-types.js'
import type { BsonTypes } from './reader.js'

/** The values of a page, except that a Decimal128 prints its number. */
export const lightBsonTypes: BsonTypes = {
  objectId: (bytes) => lightValue('ObjectId', { bytes }),
  decimal128: (bytes) => ({ __proto__: DECIMAL, bytes }),
  binary: (bytes, subtype) => lightValue('Binary', { bytes, subtype }),
  timestamp: (increment, seconds) => lightValue('Timestamp', { increment, seconds }),
  regExp: (pattern, options) => lightValue('BSONRegExp', { pattern, options }),
  code: (code, scope) => lightValue('Code', { code, scope }),
  minKey: () => lightValue('MinKey', {}),
  maxKey: () => lightValue('MaxKey', {}),
  dbRef: (collection, oid) => lightValue('DBRef', { collection, oid }),
}

const DECIMAL = { _bsontype: 'Decimal128', toString: printDecimal, toJSON: printDecimal }

function printDecimal(this: { readonly bytes: Uint8Array }): string {
  return decimalText(this)
}

/**
 * The number of a Decimal128 with all its digits: plain if the exponent is near, else scientific, as `bson` prints it. What
 * `decodeSession` returns prints like this by itself; what `getSession` returns does not, because few pages show decimals.
 *
 * @param value - a Decimal128 of a session
 * @see BSON Decimal128 specification, "To String Representation"
 * @since 0.1.0
 * @example
 * console.log(decimalText(price)) // → 1.10
 */
export function decimalText({ bytes }: { readonly bytes: Uint8Array }): string {
  const [low, high] = new BigUint64Array(bytes.buffer) as unknown as [bigint, bigint]
  const top = Number(high >> 32n)
  const sign = top >> 31 ? '-' : ''
  const combination = (top >> 26) & 31
  if (combination > 29) return combination > 30 ? 'NaN' : `${sign}Infinity`
  // This form of the exponent is for coefficients that pass 34 digits; like any other such one they count as zero.
  const large = combination > 23
  const coefficient = `${(BigInt.asUintN(49, high) << 64n) | low}`
  const digits = large || coefficient.length > 34 ? '0' : coefficient
  const exponent = ((top >> (large ? 15 : 17)) & 0x3fff) - 6176
  const adjusted = exponent + digits.length - 1
  if (exponent > 0 || adjusted < -6) {
    return `${sign + digits.replace(/^.(?=.)/, '$&.')}E${adjusted < 0 ? '' : '+'}${adjusted}`
  }
  const padded = digits.padStart(1 - exponent, '0')
  const point = padded.length + exponent
  return sign + padded.slice(0, point) + padded.slice(point).replace(/^(?=.)/, '.')
}
