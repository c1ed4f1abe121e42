/**
 * Octets as a zlib stream. zlib is made for long texts: what a session takes it is mostly for setting up and for codes. So short ones are
 * deflated here.
 * RFC 1950.
 */
import { platform } from '#platform'
import { BLOCK_ROOM, putBlock } from './block.js'
import { LONGEST_TEXT } from './repeats.js'

/** CM 8, CINFO 7: DEFLATE with a window of 32 KiB (RFC 1950 §2.2). */
const METHOD = 0x78
/** FLEVEL and FCHECK of the levels. */
const FLAGS = { 6: 0x9c, 9: 0xda } as const
const ADLER_BASE = 65_521
/** Octets of the head, and of the sum at the end. */
const HEAD = 2
const SUM = 4

const output: Uint8Array = new Uint8Array(HEAD + BLOCK_ROOM + SUM)

/**
 * A zlib stream of these octets: up to `LONGEST_TEXT` the same on every platform, beyond that the platform's own.
 *
 * @param level - what the stream says, and the platform goes by; short texts are always searched alike
 * @returns an array of its own
 */
export function deflateZlib(bytes: Uint8Array, level: keyof typeof FLAGS): Uint8Array {
  if (bytes.length > LONGEST_TEXT) return platform.deflate(bytes, level)
  output[0] = METHOD
  output[1] = FLAGS[level]
  return output.slice(0, putAdler(bytes, putBlock(bytes, output, HEAD)))
}

/** Adler-32 (RFC 1950 §8.2). In so few octets both sums are exact as they are. */
function putAdler(bytes: Uint8Array, at: number): number {
  let low = 1
  let high = 0
  for (let index = 0; index < bytes.length; index++) {
    low += bytes[index] as number
    high += low
  }
  low %= ADLER_BASE
  high %= ADLER_BASE
  output[at] = high >> 8
  output[at + 1] = high
  output[at + 2] = low >> 8
  output[at + 3] = low
  return at + SUM
}
