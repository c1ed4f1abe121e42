/**
 * Octets of the hexadecimal digits that Beaker, Django and pyramid_beaker write MACs and secrets in. FORMATS §2.1 and §8.
 */

/** @param hex - pairs of lower-case digits, as a test before has made sure */
export function decodeHex(hex: string): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(hex.length / 2)
  for (let at = 0; at < octets.length; at++) octets[at] = (digitAt(hex, at * 2) << 4) | digitAt(hex, at * 2 + 1)
  return octets
}

function digitAt(hex: string, at: number): number {
  const code = hex.charCodeAt(at)
  return code < 58 ? code - 48 : code - 87
}
