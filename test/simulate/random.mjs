// @ts-check
/** Random numbers that a seed repeats (mulberry32). */

/**
 * @typedef {object} Random
 * @property {(from: number, to: number) => number} between - evenly spread
 */

/**
 * @param {number} seed - an integer of 32 bits
 * @returns {Random}
 */
export function createRandom(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    between: (from, to) => from + next() * (to - from),
  }
}
