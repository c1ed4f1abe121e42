/** Sets the Python environment up before the interop suites; `pythonPath()` tells them where it is. */
import { ensurePython } from '../../scripts/python-env.mjs'

export function setup(): void {
  const result = ensurePython()
  if ('missing' in result) console.warn(`interop tests: ${result.missing}`)
}
