/**
 * One task at a time for each key: what several requests share (a connection, a row, a session) is used by one after the other.
 * Within this process only.
 */
import type { MaybePromise } from '../shared/types.js'

/** Runs the task: at once if no other task of the key is running, else after them, whether they fail or not. */
export interface Mutex<Key> {
  <T>(key: Key, task: () => Promise<T>): Promise<T>
  <T>(key: Key, task: () => MaybePromise<T>): MaybePromise<T>
  /** Whether a task of the key is under way. */
  isRunning(key: Key): boolean
}

/** Keys need no cleaning up: a key is kept only while it has a task. */
export function createMutex<Key>(): Mutex<Key> {
  /** The last task of each key, settled without its outcome. */
  const running = new Map<Key, Promise<void>>()

  function run<T>(key: Key, task: () => MaybePromise<T>): MaybePromise<T> {
    const before = running.get(key)
    const result = before === undefined ? task() : before.then(task)
    if (!isPromise(result)) return result
    const done = (): void => {
      if (running.get(key) === settled) running.delete(key)
    }
    const settled = Promise.resolve(result).then(done, done)
    running.set(key, settled)
    return result
  }
  return Object.assign(run as Mutex<Key>, { isRunning: (key: Key) => running.has(key) })
}

/** Also one of another realm, or of a driver's own library. */
function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined | null)?.then === 'function'
}
