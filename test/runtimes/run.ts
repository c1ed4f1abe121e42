/** Runs the bundled suites and says how it went in one line; a runtime with processes ends with that result. */
import { runCases, type Totals } from './mini-vitest.js'

/** @param suites - imports the suites, which declare their tests by that */
export async function runSuites(suites: () => Promise<unknown>): Promise<Totals> {
  await suites()
  const totals = await runCases()
  console.log(`${totals.passed} passed, ${totals.failed} failed`)
  return totals
}
