/**
 * Measures things that are compared with each other: in rounds, each of them in every round, so that a machine that is now
 * quick and now slow treats all alike.
 */
import { measure } from 'mitata'

const ROUNDS = 15
/** Nanoseconds of processor time for each thing in each round. */
const SHARE = 40e6

/**
 * @typedef {object} Thing
 * @property {string} name
 * @property {() => unknown} [call] - what is measured; may answer with a promise
 * @property {() => Promise<number>} [sample] - microseconds of one call, measured elsewhere
 */

/**
 * @param {Thing[]} things
 * @param {number} [base] - which one the others are compared with
 * @returns {Promise<{ name: string, microseconds: number, ratio: number }[]>} medians over the rounds: of the time of a call, and of
 *   its ratio to that of the base in the same round
 */
export async function timeInRounds(things, base = 0) {
  const rounds = []
  for (let round = 0; round < ROUNDS; round++) {
    const times = []
    for (const thing of things) times.push(await microsecondsOf(thing))
    rounds.push(times)
  }
  return things.map(({ name }, index) => ({
    name,
    microseconds: median(rounds.map((times) => times[index])),
    ratio: median(rounds.map((times) => times[index] / times[base])),
  }))
}

async function microsecondsOf({ call, sample }) {
  if (sample) return await sample()
  const { p50 } = await measure(call, { min_cpu_time: SHARE, min_samples: 10, batch_threshold: 1e9 })
  return p50 / 1000
}

/** @param {number[]} values */
export function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
}
