/**
 * The buttons, switches and forms.
 */
import { byId } from './dom.js'
import { forge } from './forge.js'
import { askPython, showPython } from './python-view.js'
import { renew, send } from './server.js'
import { announce, outcome } from './status.js'

/** @typedef {import('./server.js').State} State */
/** @typedef {import('./server.js').Answer} Answer */

/**
 * @param {object} page
 * @param {() => import('./reading.js').Reading} page.reading
 * @param {() => State | undefined} page.state
 * @param {(answer: Answer) => void} page.onAnswer
 * @param {() => void} page.onRenewed
 */
export function connectControls({ reading, state, onAnswer, onRenewed }) {
  const signIn = /** @type {HTMLFormElement} */ (byId('sign-in'))
  const editor = /** @type {HTMLFormElement} */ (byId('editor'))
  let isSignedIn = false
  /** Requests of this page that are not answered yet. */
  let pending = 0

  /** @param {string} action @param {Record<string, unknown>} [body] */
  async function act(action, body) {
    pending++
    const answer = await send(action, body)
    pending--
    onAnswer(answer)
    announce(outcome(action, answer))
  }

  async function ask() {
    pending++
    const isRenewed = await renew()
    pending--
    if (isRenewed) onRenewed()
    return isRenewed
  }

  async function stay() {
    const isRenewed = await ask()
    announce(
      isRenewed
        ? { tone: 'good', words: 'Renewed: the session begins to count anew.' }
        : { tone: 'bad', words: 'There is no session any more, or the server does not answer.' },
    )
  }

  signIn.addEventListener('submit', (event) => {
    event.preventDefault()
    act('sign-in', Object.fromEntries(new FormData(signIn)))
  })
  editor.addEventListener('submit', (event) => {
    event.preventDefault()
    act('set', Object.fromEntries(new FormData(editor)))
  })
  document.addEventListener('change', ({ target }) => {
    const setting = target instanceof HTMLInputElement && target.closest('[data-setting]')?.getAttribute('data-setting')
    if (setting) act('settings', { name: setting, position: /** @type {HTMLInputElement} */ (target).value })
  })
  document.addEventListener('click', ({ target }) => {
    const button = target instanceof Element ? target.closest('button') : null
    if (button && button.getAttribute('aria-disabled') !== 'true') press(button.dataset)
  })

  /** @param {DOMStringMap} data */
  function press({ action, remove, retire, python, forge: isForgery }) {
    if (action === 'stay') stay()
    else if (action) act(action)
    else if (remove) act('remove', { key: remove })
    else if (retire) act('retire', { key: Number(retire) })
    else if (python) tellPython(python)
    else if (isForgery !== undefined && forge(reading())) {
      announce({ tone: 'bad', words: 'Forged: the page now believes it is Mallory. Ask the server.' })
    }
  }

  /** @param {string} action */
  async function tellPython(action) {
    const port = state()?.pythonPort
    if (!port) return
    announce(showPython(await askPython(port, action)))
  }

  return {
    isActing: () => pending > 0,
    /** Sessions have ended on the server: the answer takes the cookie away if this is one of them. */
    async check() {
      if (pending > 0 || (await ask()) || reading().session) return
      announce({ tone: 'good', words: 'Signed out everywhere, and so here.' })
    },
    /** @param {{ user: import('./session.js').User | undefined }} session */
    show({ user }) {
      const hadFocus = signIn.contains(document.activeElement) || byId('signed-in').contains(document.activeElement)
      signIn.hidden = user !== undefined
      byId('signed-in').hidden = user === undefined
      byId('who').textContent = `Signed in as ${user?.name ?? ''}`
      if (hadFocus && isSignedIn !== (user !== undefined)) {
        if (user) byId('who').focus()
        else signIn.querySelector('input')?.focus()
      }
      isSignedIn = user !== undefined
    },
    /** @param {State} told */
    learn({ settings, pythonPort }) {
      // What was pressed just now is not undone by news from before.
      for (const [name, position] of pending > 0 ? [] : Object.entries(settings)) {
        const input = document.querySelector(`[data-setting="${name}"] input[value="${position}"]`)
        if (input instanceof HTMLInputElement) input.checked = true
      }
      byId('rule-note').textContent = ruleNote(settings)
      byId('python').hidden = pythonPort === null
      byId('python-port').textContent = String(pythonPort)
    },
  }
}

/** @param {State['settings']} settings */
function ruleNote({ payload, expose, mode }) {
  if (mode === 'observe') return 'Observe: nothing is written. The events tell what would have been.'
  if (expose === 'user') return 'The session is HttpOnly. A second cookie shows only user, and has no authority.'
  if (payload === 'plain') return 'Plain claims: any JWT library reads them, but they hold no dates and no bytes.'
  return 'Compressed: base85 of zlib of BSON, as beaker-session-jwt writes it. Holds dates and bytes.'
}
