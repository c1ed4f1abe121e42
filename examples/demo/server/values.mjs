/**
 * Values of the key and value editor: text of a form field → a value of the type that was chosen.
 */

export const MAX_KEY_LENGTH = 64

/** @type {Record<string, (text: string) => unknown>} */
const READERS = {
  text: (text) => text,
  number: (text) => {
    const number = Number(text)
    if (text.trim() === '' || !Number.isFinite(number)) throw new TypeError('that is no number')
    return number
  },
  date: (text) => {
    const date = new Date(text)
    if (Number.isNaN(date.getTime())) throw new TypeError('that is no date: try 2026-01-31T12:00')
    return date
  },
  bytes: (text) => {
    const digits = text.replace(/\s/g, '')
    if (!/^(?:[\da-f]{2})*$/i.test(digits)) throw new TypeError('bytes are pairs of hex digits: 01 a0 ff')
    return new Uint8Array(Buffer.from(digits, 'hex'))
  },
  json: (text) => {
    try {
      return JSON.parse(text)
    } catch {
      throw new TypeError('that is no JSON: try [1, {"a": true}]')
    }
  },
}

/**
 * @param {unknown} type
 * @param {unknown} text
 * @throws {TypeError} says what is wrong, for the visitor
 */
export function readValue(type, text) {
  if (typeof type !== 'string' || !Object.hasOwn(READERS, type) || typeof text !== 'string') {
    throw new TypeError('there is no such type of value')
  }
  return READERS[type]?.(text)
}

/**
 * @param {unknown} key
 * @returns {string}
 * @throws {TypeError} says what is wrong, for the visitor
 */
export function readKey(key) {
  if (typeof key !== 'string' || key === '' || key.length > MAX_KEY_LENGTH || key === '__proto__') {
    throw new TypeError(`a key is a text of 1 to ${MAX_KEY_LENGTH} characters`)
  }
  return key
}
