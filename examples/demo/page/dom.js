/**
 * Elements made by hand. Text is only ever text: nothing out of a cookie becomes markup.
 */

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * @param {string} name
 * @param {Record<string, string | number | boolean | undefined>} [attributes] - `undefined` and `false` leave one out
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name)
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(attribute, value === true ? '' : String(value))
  }
  made.append(...children.flat().filter(isThere))
  return made
}

/**
 * The one element with an id; the page has all that its scripts ask for.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id)
  if (!found) throw new Error(`the page has no #${id}`)
  return found
}

/**
 * Replaces what is inside an element. Whoever had the focus there gets it back, on the element of the same `data-focus`.
 *
 * @param {HTMLElement} place
 * @param {Child[]} children
 */
export function fill(place, children) {
  const active = document.activeElement
  const name = active instanceof HTMLElement && place.contains(active) ? active.dataset.focus : undefined
  place.replaceChildren(...children.filter(isThere))
  if (name === undefined) return
  const next = [...place.querySelectorAll('[data-focus]')].find((found) => found.getAttribute('data-focus') === name)
  if (next instanceof HTMLElement) next.focus({ preventScroll: true })
  else place.closest('section')?.querySelector('h2')?.focus({ preventScroll: true })
}

/**
 * @param {Child} child
 * @returns {child is Node | string}
 */
function isThere(child) {
  return child !== null && child !== undefined && child !== false
}
