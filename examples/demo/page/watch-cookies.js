/**
 * Tells when the page's cookies have changed, whoever changed them: this page, another tab, Python, the developer tools.
 */

/** Milliseconds. Reading a string that is there already costs next to nothing. */
const LOOK_EVERY = 300

/**
 * @param {() => void} onChange
 */
export function watchCookies(onChange) {
  let seen = document.cookie
  const look = () => {
    const now = document.cookie
    if (now === seen) return
    seen = now
    onChange()
  }
  // The Cookie Store API tells at once where it exists; looking covers the rest.
  if ('cookieStore' in window) window.cookieStore.addEventListener('change', look)
  setInterval(() => document.hidden || look(), LOOK_EVERY)
  document.addEventListener('visibilitychange', look)
  return look
}
