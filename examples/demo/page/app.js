/**
 * The page: reads the cookie when it changes, and draws what it says. Buttons talk to the server, reading never does.
 */
import { connectControls } from './controls.js'
import { showCookies, showMiniature } from './cookie-view.js'
import { createCountdown } from './countdown.js'
import { byId } from './dom.js'
import { keepTime, showInspection } from './inspection-view.js'
import { showKeys } from './keys-view.js'
import { linkParts } from './link-parts.js'
import { createLog } from './log-view.js'
import { read, store } from './reading.js'
import { followServer } from './server.js'
import { showSession } from './session-view.js'
import { announce, told } from './status.js'
import { connectTheme } from './theme.js'
import { showTrust } from './trust-view.js'

const log = createLog(byId('log'))
const parts = linkParts(document.body)
let reading = read()
/** @type {import('./server.js').Verdict | undefined} */
let verdict
/** The cookie that the verdict is about. */
let judged = ''
/** @type {import('./server.js').State | undefined} */
let state

const controls = connectControls({
  reading: () => reading,
  state: () => state,
  onAnswer({ verdict: said, state: told }) {
    if (told) learn(told)
    if (said) hear(said)
  },
  onRenewed: () => hear({ ...verdict, isRenewed: true }),
})

const countdown = createCountdown({
  end: () => store.getEnd(),
  onNear: () => announce({ tone: 'bad', words: 'The session ends in 20 seconds. “Stay signed in” keeps it.' }),
})

function draw() {
  const { session, cookies } = reading
  const isHidden = isClosed()
  const isCurrent = judged === visible()
  showCookies(byId('cookies'), {
    cookies,
    hiddenBytes: isHidden ? verdict?.bytes : undefined,
    isRejected: isCurrent && verdict?.rejected !== undefined && verdict.bytes === undefined,
  })
  showMiniature(byId('miniature'), reading.read)
  showSession(byId('session'), reading)
  showInspection(byId('inspection'), reading)
  showTrust(byId('trust'), { hasCookie: cookies.length > 0 || isHidden, verdict, isCurrent })
  controls.show({ user: session?.user })
  countdown.show(reading.inspection.meta?.accessedAt)
  parts.refresh()
}

/** The session's own cookie is there, but not for scripts: only the server can know that. */
function isClosed() {
  const isVisible = reading.cookies.some(({ name }) => name === 'beaker.session.id')
  return !isVisible && verdict?.bytes !== undefined
}

function visible() {
  return reading.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
}

/** @param {import('./server.js').Verdict} said */
function hear(said) {
  reading = read()
  verdict = said
  judged = visible()
  draw()
}

/** @param {import('./server.js').State} told */
function learn(told) {
  state = told
  showKeys(byId('keys'), told)
  controls.learn(told)
}

connectTheme(byId('theme'))
new IntersectionObserver(([seen]) =>
  byId('miniature').classList.toggle('is-shown', seen?.isIntersecting === false),
).observe(byId('cookies'))
keepTime()
draw()
store.subscribe(({ reason, previous }) => {
  // What another tab did, or the time. An answer to this page says more itself.
  if (reason && !controls.isActing()) {
    const session = store.getSnapshot()
    const word = told(reason, previous, session)
    if (word) announce(word)
    if (!session) verdict = undefined
  }
  look()
})
// The glass shows the very text of the cookie, which may change while the session stays the same.
if ('cookieStore' in window) window.cookieStore.addEventListener('change', look)

function look() {
  const before = visible()
  reading = read()
  if (before !== visible() || !reading.session) draw()
}

followServer({
  onEvent: (event) => log.add(event),
  onState: learn,
  onVerdict: hear,
  onCheck: () => store.getSnapshot() && controls.check(),
  onConnection(isOpen) {
    if (isOpen) log.clear()
    byId('connection').textContent = isOpen ? 'live' : 'the server is gone'
  },
})
