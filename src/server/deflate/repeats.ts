/**
 * Finds what occurs again in a text: the first half of DEFLATE.
 * RFC 1951 §4, with the lazy matching that it describes.
 */
import { distanceToken, lengthToken } from './tokens.js'

/** Octets of the longest text that is looked at. */
export const LONGEST_TEXT = 2048

/** Octets that have to be the same: a repeat of three is seldom worth its bits in a short text. */
const LEAST = 4
/** One less than there is, whose symbol would be an exception (RFC 1951 §3.2.5). */
const MOST = 257
/** One this long is taken without a look for a longer one. */
const LONG_ENOUGH = 64
/** Most places that are looked at for one repeat. */
const MOST_TRIES = 24

const HASH_BITS = 10
/** After so many octets, in however many texts, `heads` starts anew. */
const MOST_INDEXES = 2 ** 16
/** 2^32 divided by the golden ratio. */
const HASH_FACTOR = 0x9e3779b1

/** Where octets of each hash stood last: an index counted over all texts, so that those of other texts are below the first of this. */
const heads: Uint16Array = new Uint16Array(1 << HASH_BITS)
/** For each index of this text the last one before it with the same hash; negative: none. */
const chain: Int32Array = new Int32Array(LONGEST_TEXT)
let firstIndex = 1

/**
 * @param tokens - gets what the text consists of: octets, and repeats as two tokens each
 * @returns how many
 */
export function findRepeats(text: Uint8Array, tokens: Int32Array): number {
  const { length } = text
  const last = length - LEAST
  chainAlike(text, last)
  let count = 0
  let at = 0
  while (at <= last) {
    let repeat = (chain[at] as number) < 0 ? 0 : findLonger(text, at, LEAST - 1)
    if (repeat !== 0) {
      // It gives way to a longer one that begins with the next octet.
      while (repeat < LONG_ENOUGH << 16 && at < last) {
        const longer = findLonger(text, at + 1, repeat >> 16)
        if (longer === 0) break
        tokens[count++] = text[at++] as number
        repeat = longer
      }
      tokens[count++] = lengthToken(repeat >> 16)
      tokens[count++] = distanceToken(repeat & 0xffff)
      at += repeat >> 16
    } else tokens[count++] = text[at++] as number
  }
  while (at < length) tokens[count++] = text[at++] as number
  return count
}

/** Chains the places up to `last` that have the same hash of `LEAST` octets. */
function chainAlike(text: Uint8Array, last: number): void {
  if (firstIndex + text.length > MOST_INDEXES) {
    heads.fill(0)
    firstIndex = 1
  }
  const start = firstIndex
  firstIndex += text.length
  let octets = ((text[0] as number) << 8) | ((text[1] as number) << 16) | ((text[2] as number) << 24)
  for (let at = 0; at <= last; at++) {
    octets = (octets >>> 8) | ((text[at + LEAST - 1] as number) << 24)
    const hash = Math.imul(octets, HASH_FACTOR) >>> (32 - HASH_BITS)
    chain[at] = (heads[hash] as number) - start
    heads[hash] = at + start
  }
}

/** @returns the longest repeat that is longer than `length`, of these the nearest, as `length << 16 | distance`; 0: there is none */
function findLonger(text: Uint8Array, at: number, length: number): number {
  const most = Math.min(text.length - at, MOST)
  let best = length
  let repeat = 0
  let place = chain[at] as number
  for (let tries = MOST_TRIES; place >= 0 && tries > 0 && best < most; tries--) {
    if (text[place + best] === text[at + best] && text[place] === text[at]) {
      let same = 1
      while (same < most && text[place + same] === text[at + same]) same++
      if (same > best) {
        best = same
        repeat = (same << 16) | (at - place)
        if (same >= LONG_ENOUGH) break
      }
    }
    place = chain[place] as number
  }
  return repeat
}
