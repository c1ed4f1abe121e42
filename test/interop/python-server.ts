/** Starts a Python program that prints `listening PORT` and serves on 127.0.0.1. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { findPython } from './find-python.js'

export interface PythonServer {
  /** Without a slash at its end. */
  readonly url: string
  close(): Promise<void>
}

export interface PythonServerOptions {
  /** For the program, as JSON in its first argument. */
  options: object
  /** A folder that goes before the environment's packages. */
  packages?: string | undefined
}

/**
 * Starts the program.
 *
 * @throws {Error} with what Python said, where it does not come up
 */
export async function startPythonServer(
  program: string,
  { options, packages }: PythonServerOptions,
): Promise<PythonServer> {
  const python = findPython()
  if (python === undefined) throw new Error('no Python packages; node scripts/python-env.mjs installs them')
  const env = packages === undefined ? process.env : { ...process.env, PYTHONPATH: packages }
  const args = ['-W', 'ignore', '-B', program, JSON.stringify(options)]
  const child = spawn(python, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-4000)
  })
  const closed = once(child, 'close')
  const lines = createInterface({ input: child.stdout })
  const line = await Promise.race([once(lines, 'line').then(([text]) => String(text)), closed.then(() => '')])
  const port = /^listening (\d+)$/.exec(line)?.[1]
  if (port === undefined) {
    child.kill()
    throw new Error(`the Python program did not start:\n${log}`)
  }
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      child.kill()
      await closed
    },
  }
}
