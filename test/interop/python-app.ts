/** Starts python/app.py, a real Beaker application on a free port of 127.0.0.1. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { findPython, pythonProgram } from './find-python.js'

export interface PythonAppOptions {
  /** Options of Beaker by their own names; tagged where JSON has no such type. */
  session: Record<string, unknown>
  port?: number
  /** URLs for script elements of the page. */
  scripts?: readonly string[]
  /** JavaScript for a last module script of the page. */
  inline?: string
  /** Path of the URL to file or folder. */
  static?: Record<string, string>
}

export interface PythonApp {
  /** Without a slash at its end. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Starts the application.
 *
 * @throws {Error} with what Python said, where it does not come up
 */
export async function startPythonApp(options: PythonAppOptions): Promise<PythonApp> {
  const python = findPython()
  if (python === undefined) throw new Error('no Python packages; node scripts/python-env.mjs installs them')
  const args = ['-W', 'ignore', '-B', pythonProgram('app.py'), JSON.stringify(options)]
  const child = spawn(python, args, { stdio: ['ignore', 'pipe', 'pipe'] })
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
    throw new Error(`the Python application did not start:\n${log}`)
  }
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      child.kill()
      await closed
    },
  }
}
