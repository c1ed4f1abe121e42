/**
 * The option `maxInflated`: how many octets a compressed session may have after its signature was verified.
 */

/**
 * @param octets - up to 1 GiB, which an array can have everywhere
 * @throws {TypeError} naming the option
 */
export function inflatedLimit(octets: number): number {
  if (Number.isInteger(octets) && octets > 0 && octets <= 2 ** 30) return octets
  throw new TypeError('Option "maxInflated" must be a number of octets from 1 to 2^30')
}
