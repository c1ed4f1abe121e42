import { createSessionStore } from 'sessionglass/client'
import { session } from './session.js'

const store = createSessionStore(session)
const user = document.querySelector('#user') as HTMLElement

function show() {
  user.textContent = store.getSnapshot()?.user ?? 'Nobody'
}

show()
store.subscribe(show)
