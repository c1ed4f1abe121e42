/** Starts python/app.py, a real Beaker application on a free port of 127.0.0.1. */
import { pythonProgram } from './find-python.js'
import { type PythonServer, startPythonServer } from './python-server.js'

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

export type PythonApp = PythonServer

/**
 * Starts the application.
 *
 * @throws {Error} with what Python said, where it does not come up
 */
export async function startPythonApp(options: PythonAppOptions): Promise<PythonApp> {
  return startPythonServer(pythonProgram('app.py'), { options })
}
