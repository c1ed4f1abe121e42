/**
 * What each key of a session costs in its payload: bytes of a BSON element (BSON specification 1.1), or of JSON text.
 */

/** @typedef {{ key: string, bytes: number }} Cost */

const encoder = new TextEncoder()
/** Length and end of a BSON document. */
const FRAME = 5

/**
 * @param {Record<string, unknown>} members
 * @param {boolean} isCompressed - BSON inside, else JSON
 * @returns {Cost[]} in the order of the members
 */
export function costs(members, isCompressed) {
  return Object.entries(members).map(([key, value]) => ({
    key,
    bytes: isCompressed ? bsonSize(key, value) : jsonSize(key, value),
  }))
}

/**
 * The payload's way into the cookie, step by step, in bytes.
 *
 * @param {object} cookie
 * @param {string} cookie.payload - as it stands in the cookie
 * @param {unknown} cookie.bsZ - the claim, where the payload is compressed
 * @param {number} cookie.total - of all costs
 * @returns {{ step: string, bytes: number }[]}
 */
export function journey({ payload, bsZ, total }) {
  const last = { step: 'base64url', bytes: payload.length }
  if (typeof bsZ !== 'string') return [{ step: 'JSON', bytes: Math.floor((payload.length * 3) / 4) }, last]
  return [
    { step: 'BSON', bytes: total + FRAME },
    { step: 'zlib', bytes: Math.floor((bsZ.length * 4) / 5) },
    { step: 'base85', bytes: bsZ.length },
    last,
  ]
}

/** @param {string} key @param {unknown} value */
function jsonSize(key, value) {
  return utf8Length(`${JSON.stringify(key)}:${JSON.stringify(value)},`)
}

/** Type, key and its NUL, then the value. @param {string} key @param {unknown} value */
function bsonSize(key, value) {
  return 1 + utf8Length(key) + 1 + valueSize(value)
}

/** @param {unknown} value @returns {number} */
function valueSize(value) {
  if (value === null || value === undefined) return 0
  if (typeof value === 'boolean') return 1
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? 4 : 8
  if (typeof value === 'string') return 4 + utf8Length(value) + 1
  if (typeof value === 'bigint' || value instanceof Date) return 8
  if (value instanceof Uint8Array) return 4 + 1 + value.length
  if (typeof value !== 'object') return 0
  if ('_bsontype' in value && 'bytes' in value) return /** @type {Uint8Array} */ (value.bytes).length
  return Object.entries(value).reduce((sum, [key, inner]) => sum + bsonSize(key, inner), FRAME)
}

/** @param {string} text */
function utf8Length(text) {
  return encoder.encode(text).length
}
