/**
 * The Python process that the interop tests talk to: one per test file, started by `describeWithPython`.
 * A JSON request on each line of its stdin, the answer on its stdout (python/peer.py).
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest'
import type { OlderPackages } from '../../scripts/python-env.mjs'
import { findOlderPackages, findPython, pythonProgram } from './find-python.js'

/** Options of Beaker by their own names, without `session.`; tagged where JSON has no such type. */
export type BeakerOptions = Record<string, unknown>
type Arguments = Record<string, unknown>
export type Outcome<Result> = { result: Result } | { raises: { error: string; message: string } }

export interface PythonPeer {
  /** Runs one operation of python/peer.py. @throws {PythonError} what Python raised */
  call<Result>(op: string, args?: Arguments): Promise<Result>
  /** Runs an operation many times in one line; each has its own outcome. */
  batch<Result>(op: string, items: readonly Arguments[]): Promise<Outcome<Result>[]>
}

/** What Python raised: its class is the name. */
class PythonError extends Error {
  constructor(error: string, message: string) {
    super(message)
    this.name = error
  }
}

export interface PeerOptions {
  /** Older releases of some packages (requirements-older.txt), or those of another such list, in place of the current ones. */
  older?: boolean | OlderPackages
  /** Another program of python/ that answers in the same way. Default `peer.py`. */
  program?: string
}

/**
 * A suite that needs the real Python packages. Where they are missing it fails under `CI=true`, and elsewhere is
 * skipped with one line.
 */
export function describeWithPython(
  name: string,
  suite: (peer: PythonPeer) => void,
  { older = false, program = 'peer.py' }: PeerOptions = {},
): void {
  if (setUpFailure !== undefined) {
    describe(name, () => {
      test('has Python', () => {
        throw setUpFailure
      })
    })
    return
  }
  const packages = older === false ? undefined : olderPackages[older === true ? 'older' : older]
  if (python === undefined || (older && packages === undefined)) {
    console.warn(
      `skipping "${name}": no Python packages; node scripts/python-env.mjs installs them or says what they need`,
    )
    describe.skip(name, () => test('needs Python', () => {}))
    return
  }
  describe(name, () => {
    const peer = createPeer(python as string, program, older ? { PYTHONPATH: packages } : {})
    beforeAll(() => peer.start())
    afterEach(({ task }) => {
      const isPythons = task.result?.errors?.some(({ name }) => name !== 'AssertionError')
      if (isPythons && peer.stderr()) console.error(`stderr of Python, its end:\n${peer.stderr()}`)
    })
    afterAll(() => peer.close())
    suite(peer)
  })
}

const OLDER_PACKAGES = ['older', 'oldest-beaker', 'django-4.2', 'older-django', 'oldest-django'] as const
let python: string | undefined
const olderPackages: { [name in OlderPackages]?: string | undefined } = {}
let setUpFailure: unknown
try {
  python = findPython()
  for (const name of OLDER_PACKAGES) olderPackages[name] = findOlderPackages(name)
} catch (error) {
  setUpFailure = error
}

interface RunningPeer extends PythonPeer {
  start(): Promise<void>
  close(): Promise<void>
  /** The last part of what the process wrote there. */
  stderr(): string
}

function createPeer(python: string, program: string, environment: NodeJS.ProcessEnv): RunningPeer {
  let child: ChildProcessWithoutNullStreams | undefined
  let lastId = 0
  let log = ''
  const waiting = new Map<number, { resolve(answer: Outcome<unknown>): void; reject(error: Error): void }>()

  async function start(): Promise<void> {
    // -W ignore: the packages warn at each short secret; -B: no __pycache__ in the repository
    child = spawn(python, ['-W', 'ignore', '-B', pythonProgram(program)], {
      stdio: 'pipe',
      env: { ...process.env, ...environment },
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-4000)
    })
    child.stdin.on('error', fail)
    child.on('error', fail)
    child.on('close', (status) => fail(new Error(`the Python peer ended with status ${status}:\n${log}`)))
    createInterface({ input: child.stdout }).on('line', receive)
    await request({ op: 'versions' })
  }

  function receive(line: string): void {
    const { id, ...answer } = JSON.parse(line) as { id: number } & Outcome<unknown>
    waiting.get(id)?.resolve(answer as Outcome<unknown>)
    waiting.delete(id)
  }

  function fail(error: Error): void {
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
    child = undefined
  }

  async function request(message: Arguments): Promise<Outcome<unknown>> {
    const stdin = child?.stdin
    if (stdin === undefined) throw new Error(`the Python peer is not running:\n${log}`)
    const id = ++lastId
    return await new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      stdin.write(`${JSON.stringify({ ...message, id })}\n`)
    })
  }

  async function call<Result>(op: string, args: Arguments = {}): Promise<Result> {
    const answer = await request({ ...args, op })
    if ('raises' in answer) throw new PythonError(answer.raises.error, answer.raises.message)
    return answer.result as Result
  }

  async function close(): Promise<void> {
    if (child === undefined) return
    const ended = once(child, 'close')
    child.stdin.end()
    await ended
  }

  return {
    start,
    close,
    call,
    batch: (op, items) => call('batch', { items: items.map((item) => ({ ...item, op })) }),
    stderr: () => log,
  }
}
