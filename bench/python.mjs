/** The real beaker-session-jwt on the same session, in its own process. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { pythonPath } from '../scripts/python-env.mjs'
import { beakerSession, secret } from './session.mjs'

/** @returns {{ read: number, write: number } | undefined} microseconds; undefined without Python */
export function measurePython() {
  const python = pythonPath()
  if (!python) return undefined
  const program = fileURLToPath(new URL('python.py', import.meta.url))
  return JSON.parse(
    execFileSync(python, [program], { input: JSON.stringify({ session: beakerSession, secret }) }).toString(),
  )
}
