/**
 * The Beaker application beside the demo: one process of the Python that the tests use, too, or of the one that
 * SESSIONGLASS_PYTHON names. It gets its keys and the switches that it shares with Node as a line of JSON on stdin, so
 * that no key is in an argument, environment or request, and it ends when stdin does.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ensurePython } from '../../../scripts/python-env.mjs'
import { demoSession } from '../page/session.js'

const program = fileURLToPath(new URL('../python/app.py', import.meta.url))
const PATIENCE = 20_000

/**
 * @param {object} demo
 * @param {number} demo.demoPort - the one origin whose page may ask
 * @param {ReturnType<import('./keys.mjs').createKeys>} demo.keys
 * @param {ReturnType<import('./settings.mjs').createSettings>} demo.settings
 * @returns {Promise<{ port: number, stop(): void } | { missing: string }>}
 */
export async function startPython({ demoPort, keys, settings }) {
  const named = process.env.SESSIONGLASS_PYTHON
  const found = named ? { python: named } : ensurePython({ older: false })
  if ('missing' in found) return found
  const child = spawn(found.python, ['-B', program], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.on('error', () => {})

  function configure() {
    const { payload, expose } = settings.report()
    const config = {
      name: demoSession.name,
      timeout: (demoSession.idleTimeout ?? 0) / 1000,
      secrets: keys.secrets(),
      httponly: expose !== 'all',
      compress: payload === 'compressed',
      origins: [`http://localhost:${demoPort}`, `http://127.0.0.1:${demoPort}`],
    }
    child.stdin.write(`${JSON.stringify(config)}\n`)
  }
  configure()
  const port = await firstPort(child)
  if (port === undefined) {
    child.kill()
    return { missing: 'examples/demo/python/app.py did not start' }
  }
  keys.onChange(configure)
  settings.onChange(configure)
  return { port, stop: () => child.stdin.end() }
}

/**
 * @param {import('node:child_process').ChildProcessByStdio<any, import('node:stream').Readable, null>} child
 * @returns {Promise<number | undefined>}
 */
function firstPort(child) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, PATIENCE, undefined)
    const done = (/** @type {number | undefined} */ port) => {
      clearTimeout(timer)
      resolve(port)
    }
    createInterface({ input: child.stdout }).once('line', (line) => done(Number(line) || undefined))
    child.once('error', () => done(undefined))
    child.once('exit', () => done(undefined))
  })
}
