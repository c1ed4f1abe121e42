/** How often random tests run: few times in each run of the tests, many more if FUZZ_RUNS says so. */

/** A factor for long runs: `FUZZ_RUNS=100` runs each random test a hundred times as often. */
const factor: number = Number(process.env.FUZZ_RUNS ?? 1)

/** @param count - the runs of a usual test run */
export function runs(count: number): number {
  return Math.ceil(count * factor)
}
