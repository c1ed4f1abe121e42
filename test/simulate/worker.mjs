// @ts-check
/** Starts and ends the processes of the fleet. */
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { nodeOptions, pythonOptions } from './plan.mjs'

/**
 * @typedef {import('./plan.mjs').Phase} Phase
 *
 * @typedef {object} Worker
 * @property {'python' | 'node'} kind
 * @property {Phase} phase - what it is configured for
 * @property {number} port
 * @property {(round: number) => Promise<void>} setRound - what time it is
 * @property {() => Promise<void>} report - resolves when all that happened so far was counted
 * @property {(rounds: number) => Promise<boolean>} safeToRetire - of a Node worker; Python knows nothing of it
 * @property {() => Promise<void>} stop
 */

/**
 * A real Beaker application, or one with beaker-session-jwt.
 *
 * @param {string} python - the interpreter with the packages
 * @param {Phase} phase
 * @returns {Promise<Worker>}
 */
export async function startPythonWorker(python, phase) {
  const program = fileURLToPath(new URL('python-worker.py', import.meta.url))
  const child = spawn(python, ['-W', 'ignore', '-B', program, JSON.stringify(pythonOptions(phase))], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const log = keepLog(child.stderr)
  const closed = once(child, 'close')
  const lines = createInterface({ input: child.stdout })
  const line = await Promise.race([once(lines, 'line').then(([text]) => String(text)), closed.then(() => '')])
  const port = Number(/^listening (\d+)$/.exec(line)?.[1])
  if (!port) {
    child.kill()
    throw new Error(`a Python worker did not start:\n${log()}`)
  }
  return {
    kind: 'python',
    phase,
    port,
    setRound: async () => {},
    report: async () => {},
    safeToRetire: async () => false,
    stop: async () => {
      child.stdin.end()
      await closed
    },
  }
}

/**
 * A server with this package.
 *
 * @param {Phase} phase
 * @param {(counts: [string, number][]) => void} onCounts - how often each event was since the last call
 * @returns {Promise<Worker>}
 */
export async function startNodeWorker(phase, onCounts) {
  const program = fileURLToPath(new URL('node-worker.mjs', import.meta.url))
  const child = fork(program, [JSON.stringify(nodeOptions(phase))], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const log = keepLog(/** @type {import('node:stream').Readable} */ (child.stderr))
  const closed = once(child, 'close')
  /** @type {{ resolve: (answer: any) => void, reject: (error: Error) => void }[]} */
  const askers = []
  const port = await new Promise((resolve) => {
    child.on('message', (/** @type {any} */ message) => {
      if (message.listening !== undefined) resolve(message.listening)
      if (message.counts !== undefined) onCounts(message.counts)
      if (message.answer !== undefined) askers.shift()?.resolve(message.answer)
    })
    child.once('exit', () => {
      resolve(undefined)
      for (const { reject } of askers) reject(new Error(`a Node worker ended by itself:\n${log()}`))
    })
  })
  if (port === undefined) {
    await closed
    throw new Error(`a Node worker did not start:\n${log()}`)
  }
  /** @param {object} question */
  const ask = (question) =>
    new Promise((resolve, reject) => {
      askers.push({ resolve, reject })
      child.send(question)
    })
  return {
    kind: 'node',
    phase,
    port,
    setRound: (round) => ask({ round }),
    report: () => ask({ report: true }),
    safeToRetire: (rounds) => ask({ safeToRetire: rounds }),
    stop: async () => {
      if (child.connected) child.send({ stop: true })
      await closed
    },
  }
}

/**
 * The end of what a process said.
 *
 * @param {import('node:stream').Readable} stream
 */
function keepLog(stream) {
  let text = ''
  stream.setEncoding('utf8').on('data', (more) => {
    text = (text + more).slice(-4000)
  })
  return () => text
}
