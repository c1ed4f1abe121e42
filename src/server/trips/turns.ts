/**
 * One thing at a time for each session object: an application may save and end a session without waiting in between.
 */
import type { MaybePromise } from '../codecs/codec.js'
import { isPromise } from '../flow.js'

const busy = new WeakMap<object, Promise<void>>()

/** Does the work at once where nothing is under way, and what is synchronous stays so. */
export function takeTurn<T>(owner: object, work: () => MaybePromise<T>): MaybePromise<T> {
  const before = busy.get(owner)
  const outcome = before ? before.then(work) : work()
  if (isPromise(outcome)) hold(owner, outcome)
  return outcome
}

function hold(owner: object, outcome: Promise<unknown>): void {
  const done = (): void => {
    if (busy.get(owner) === turn) busy.delete(owner)
  }
  const turn = outcome.then(done, done)
  busy.set(owner, turn)
}
