/** The real beaker-session-jwt, and Beaker itself, on the same session, each in its own process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { pythonPath } from '../scripts/python-env.mjs'
import { beakerSession, secret } from './session.mjs'

/** Milliseconds. */
const REST = 150

/**
 * @param {string} name - of the program, which answers each line with the microseconds of one call of that task
 * @returns {{ sample(task: string): Promise<number>, close(): void } | undefined} undefined without Python
 */
export function startPython(name) {
  const python = pythonPath()
  if (!python) return undefined
  const program = fileURLToPath(new URL(name, import.meta.url))
  const child = spawn(python, ['-B', program], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  child.stdin.write(`${JSON.stringify({ session: beakerSession, secret })}\n`)
  return {
    async sample(task) {
      // What the compiler and the garbage collector of this process still do beside it would be on Python's bill.
      await setTimeout(REST)
      const answer = once(lines, 'line')
      child.stdin.write(`${task}\n`)
      return Number((await answer)[0])
    },
    close: () => child.stdin.end(),
  }
}
