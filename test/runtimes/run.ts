/** Runs the bundled suites and says how it went in one line. */
import { openFile, runCases } from './mini-vitest.js'

/**
 * @param suites - by their files: each imports its suite, which declares its tests by that
 * @throws {Error} where a test failed: then a runtime ends with a code that is not 0
 */
export async function runSuites(suites: Readonly<Record<string, () => Promise<unknown>>>): Promise<void> {
  for (const [file, load] of Object.entries(suites)) {
    openFile(file)
    await load()
  }
  const { passed, failed } = await runCases()
  console.log(`${passed} passed, ${failed} failed`)
  if (failed > 0) throw new Error('a test failed')
}
