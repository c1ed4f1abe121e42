/**
 * Numbers and times in words.
 */

const dates = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })
const times = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

/** @param {Date} date */
export function dateTime(date) {
  return dates.format(date)
}

/** @param {Date} date */
export function clockTime(date) {
  return times.format(date)
}

/**
 * @param {Date} date
 * @param {number} [now] - milliseconds
 */
export function fromNow(date, now = Date.now()) {
  const seconds = Math.round((date.getTime() - now) / 1000)
  const size = Math.abs(seconds)
  if (size < 100) return relative.format(seconds, 'second')
  if (size < 7200) return relative.format(Math.round(seconds / 60), 'minute')
  if (size < 172_800) return relative.format(Math.round(seconds / 3600), 'hour')
  return relative.format(Math.round(seconds / 86_400), 'day')
}

/**
 * How long it still is: `29:58`, or in hours and days.
 *
 * @param {number} left - milliseconds
 */
export function timeLeft(left) {
  const seconds = Math.ceil(left / 1000)
  if (seconds >= 3600) return longText(left)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** @param {number} time - milliseconds */
export function longText(time) {
  const seconds = Math.round(time / 1000)
  if (seconds < 120) return countOf(seconds, 'second')
  if (seconds < 7200) return countOf(Math.round(seconds / 60), 'minute')
  if (seconds < 172_800) return countOf(Math.round(seconds / 3600), 'hour')
  return countOf(Math.round(seconds / 86_400), 'day')
}

/** @param {number} count @param {string} unit */
function countOf(count, unit) {
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

/** @param {number} count */
export function bytesText(count) {
  return `${count} ${count === 1 ? 'byte' : 'bytes'}`
}
