/**
 * Octets as a zlib stream. zlib takes more time to set itself up than to work through a session, so short ones are deflated here.
 * RFC 1950.
 */
import { platform } from '#platform'
import { BLOCK_ROOM, putBlock } from './block.js'
import { LONGEST_TEXT } from './repeats.js'

/** CM 8, CINFO 7: DEFLATE with a window of 32 KiB (RFC 1950 §2.2). */
const METHOD = 0x78
/** FLEVEL and FCHECK of each level. */
const FLAGS: readonly number[] = [0x01, 0x01, 0x5e, 0x5e, 0x5e, 0x5e, 0x9c, 0xda, 0xda, 0xda]
const ADLER_BASE = 65_521
/** Octets of the head, and of the sum at the end. */
const HEAD = 2
const SUM = 4

const output: Uint8Array = new Uint8Array(HEAD + BLOCK_ROOM + SUM)

/**
 * A zlib stream of these octets: up to `LONGEST_TEXT` the same on every platform, beyond that the platform's own.
 *
 * @param level - 0 to 9, as zlib counts; short texts are searched as with 9, whatever the stream says
 * @returns an array of its own
 */
export function deflateZlib(bytes: Uint8Array, level: number): Uint8Array {
  if (bytes.length > LONGEST_TEXT) return platform.deflate(bytes, level)
  output[0] = METHOD
  output[1] = FLAGS[level] as number
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
