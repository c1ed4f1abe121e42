/**
 * Counts down to the end of the session, as the server counts it: the store knows that end and asks nobody.
 */
import { byId } from './dom.js'
import { longText, timeLeft } from './words.js'

/** Milliseconds: time enough to read the warning and to press the button (WCAG 2.2, success criterion 2.2.1). */
const NEAR = 20_000

/**
 * @param {object} session
 * @param {() => Date | null} session.end - by the clock of this page
 * @param {() => void} session.onNear - called once for each end
 */
export function createCountdown({ end, onNear }) {
  const place = byId('countdown')
  const bar = /** @type {HTMLElement} */ (byId('countdown-bar').firstElementChild)
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  /** The end that was warned of. */
  let warnedOf = 0
  let full = 0

  function tick() {
    clearTimeout(timer)
    const left = (end()?.getTime() ?? 0) - Date.now()
    place.hidden = left <= 0
    if (left <= 0) return
    const isNear = left <= NEAR
    byId('time-left').textContent = timeLeft(left)
    bar.style.width = `${Math.min(100, (left / full) * 100)}%`
    place.toggleAttribute('data-near', isNear)
    const time = Date.now() + left
    if (isNear && full > NEAR && warnedOf !== time) {
      warnedOf = time
      onNear()
    }
    // When the next second begins, and sooner in a bar that moves fast.
    timer = setTimeout(tick, left % 1000 || 1000)
  }

  return {
    /** @param {Date | undefined} usedAt - the last request that the server has written down */
    show(usedAt) {
      full = (end()?.getTime() ?? 0) - (usedAt?.getTime() ?? Date.now())
      byId('renewal').textContent = `A request makes it ${longText(full)} again.`
      tick()
    },
  }
}
