/**
 * Octets of the hexadecimal digits that Django writes some of its MACs in. FORMATS §8.
 */

/** @param hex - pairs of lower-case digits, as a test before has made sure */
export function decodeHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16))
}
