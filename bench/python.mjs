/** The real beaker-session-jwt, and Beaker itself, on the same session, in its own process. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { pythonPath } from '../scripts/python-env.mjs'
import { beakerSession, secret } from './session.mjs'

/** @returns {{ read: number, write: number } | undefined} microseconds; undefined without Python */
export function measurePython() {
  return measureWith('python.py')
}

/** @returns {Record<string, number> | undefined} microseconds of Beaker itself, by `read` or `write` and form */
export function measurePythonBeaker() {
  return measureWith('python_beaker.py')
}

function measureWith(name) {
  const python = pythonPath()
  if (!python) return undefined
  const program = fileURLToPath(new URL(name, import.meta.url))
  return JSON.parse(
    execFileSync(python, ['-B', program], { input: JSON.stringify({ session: beakerSession, secret }) }).toString(),
  )
}
