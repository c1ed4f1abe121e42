/**
 * Code that is written once and runs at once where nothing has to be awaited.
 * A flow yields only real promises, so that signing with node:crypto stays inside the call that asked for it.
 */
import type { MaybePromise } from './codecs/codec.js'

export type Flow<T> = Generator<Promise<unknown>, T, unknown>

/** Runs a flow: its result at once, or a promise from the first thing on that had to be awaited. */
export function run<T>(flow: Flow<T>): MaybePromise<T> {
  const first = flow.next()
  return first.done ? first.value : finish(flow, first)
}

/** Inside a flow: the value, awaited only if it is a promise. */
export function* wait<T>(value: MaybePromise<T>): Flow<T> {
  return isPromise(value) ? ((yield value) as T) : value
}

async function finish<T>(flow: Flow<T>, first: IteratorResult<Promise<unknown>, T>): Promise<T> {
  let step = first
  while (!step.done) {
    let value: unknown
    try {
      value = await step.value
    } catch (error) {
      step = flow.throw(error)
      continue
    }
    step = flow.next(value)
  }
  return step.value
}

/** Told by shape. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
