/**
 * The text of keys and strings in a BSON document: UTF-8, read strictly.
 * BSON specification 1.1 (`cstring`, `string`), RFC 3629.
 */
import { decodeUtf8 } from './bytes.js'

/** Longer text is worth the call of a decoder. */
const SHORT = 48

/**
 * The text of octets.
 *
 * @param start - offset of the first octet
 * @param end - offset after the last
 * @throws {SessionError} `ERR_SESSION_BSON` where they are not UTF-8
 */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start < SHORT) {
    const codes = new Array<number>(end - start)
    let index = start
    while (index < end && (bytes[index] as number) < 128) codes[index - start] = bytes[index++] as number
    if (index === end) return String.fromCharCode(...codes)
  }
  return decodeUtf8(bytes.subarray(start, end), 'ERR_SESSION_BSON')
}

/** Keys that were read lately, by a hash: sessions have the same few keys again and again. */
const recentKeys: string[] = []

/**
 * The text of a key, which costs no new string where it was read lately.
 *
 * @param start - offset of the first octet
 * @param end - offset after the last
 * @throws {SessionError} `ERR_SESSION_BSON` where they are not UTF-8
 */
export function readKey(bytes: Uint8Array, start: number, end: number): string {
  let hash = 0
  for (let index = start; index < end; index++) hash = (hash * 31 + (bytes[index] as number)) & 255
  let key = recentKeys[hash] ?? ''
  let equal = key.length === end - start
  for (let index = start; equal && index < end; index++) equal = key.charCodeAt(index - start) === bytes[index]
  if (!equal) {
    key = readText(bytes, start, end)
    if (end - start < SHORT) recentKeys[hash] = key
  }
  return key
}
