import { createSessionStore } from 'sessionglass/client'
import { createSignal, onCleanup } from 'solid-js'
import { session } from './session.js'

export function CurrentUser() {
  const store = createSessionStore(session)
  const [current, setCurrent] = createSignal(store.getSnapshot())
  onCleanup(store.subscribe(() => setCurrent(store.getSnapshot())))
  return <p>{current()?.user ?? 'Nobody'}</p>
}
