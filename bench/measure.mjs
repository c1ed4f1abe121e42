/**
 * Measures things that are compared with each other: in rounds, each of them in every round, so that a machine that is now
 * quick and now slow treats all alike.
 */
const ROUNDS = 11
/** Milliseconds for each thing in each round, and the least that the clock is asked for. */
const SHARE = 60
const BATCH = 2

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
  return sample ? await sample() : await timeOf(call)
}

/** Milliseconds that this process has worked, its other threads included. */
export function processorTime() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/**
 * @param {() => unknown} call - may answer with a promise
 * @param {() => number} [clock] - in milliseconds
 * @returns {Promise<number>} microseconds of one call: the median of several batches
 */
export async function timeOf(call, clock = () => performance.now()) {
  let count = 1
  while ((await batch(call, count, clock)) < BATCH) count *= 2
  const times = []
  for (let total = 0; total < SHARE || times.length < 5; ) {
    const milliseconds = await batch(call, count, clock)
    total += milliseconds
    times.push((1000 * milliseconds) / count)
  }
  return median(times)
}

async function batch(call, count, clock) {
  const start = clock()
  // What answers at once must not pay for a promise.
  const first = call()
  if (first instanceof Promise) {
    await first
    for (let at = 1; at < count; at++) await call()
  } else {
    for (let at = 1; at < count; at++) call()
  }
  return clock() - start
}

/** @param {number[]} values */
export function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
}
