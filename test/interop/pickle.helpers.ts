/** The real Pythons that make and read pickles: python/pickles.py, one process for each request. */

import { Buffer } from 'node:buffer'
import { spawnSync } from 'node:child_process'
import type { Tagged } from '../shared/pickle/tagged-node.js'
import { findPython, pythonProgram } from './find-python.js'

export interface RandomPickle {
  pickle: string
  protocol: number
  value: Tagged
}

export type Loaded = { value: Tagged } | { raises: string }

export interface Pickles {
  /** Random sessions, each in every protocol, with what Python itself reads back. */
  random(seed: number, count: number, protocols: readonly number[]): RandomPickle[]
  /** What Python reads in each pickle, without the key that `without` names for it. */
  load(pickles: readonly Uint8Array[], without?: readonly string[]): Loaded[]
  /** What Python writes in protocol 2 after loading each pickle. */
  dump(pickles: readonly Uint8Array[]): Uint8Array[]
  version(): string
}

/** @param program - a Python 2.7 or 3 interpreter; it needs no package */
export function picklesOf(program: string): Pickles {
  function ask<Result>(op: string, request: Record<string, unknown> = {}): Result {
    const { status, stdout, stderr, error } = spawnSync(program, ['-B', pythonProgram('pickles.py')], {
      input: JSON.stringify({ ...request, op }),
      encoding: 'utf8',
      maxBuffer: 1 << 30,
      env: { ...process.env, PYTHONIOENCODING: 'utf-8' },
    })
    if (error !== undefined) throw error
    if (status !== 0) throw new Error(`python/pickles.py ended with status ${status}:\n${stderr.slice(-4000)}`)
    return JSON.parse(stdout) as Result
  }
  const base64 = (pickles: readonly Uint8Array[]): string[] =>
    pickles.map((pickle) => Buffer.from(pickle).toString('base64'))
  return {
    random: (seed, count, protocols) => ask('random', { seed, count, protocols }),
    load: (pickles, without = []) => ask('load', { pickles: base64(pickles), without }),
    dump: (pickles) => ask<string[]>('dump', { pickles: base64(pickles) }).map(bytesOf),
    version: () => ask('version'),
  }
}

export function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}

/** The interpreter of Python 3 that all interop tests use. */
export function findPython3(): string | undefined {
  return findPython()
}

/** Python 2.7: SESSIONGLASS_PYTHON2, or `python2.7` on the path. */
export function findPython2(): string | undefined {
  const program = process.env.SESSIONGLASS_PYTHON2 || 'python2.7'
  const { status } = spawnSync(program, ['-c', 'import uuid, decimal, collections'], { stdio: 'ignore' })
  return status === 0 ? program : undefined
}
