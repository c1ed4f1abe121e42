/**
 * Comparison of octets that somebody else may guess at: it looks at every one, whatever the others are.
 */

/** Tells whether two arrays hold the same octets, in a time that depends on the length of `expected` alone. */
export function equalInConstantTime(expected: Uint8Array, given: Uint8Array): boolean {
  let difference = given.length ^ expected.length
  for (let at = 0; at < expected.length; at++) difference |= (expected[at] as number) ^ (given[at] ?? 0)
  return difference === 0
}
