/**
 * Everything the page says about the session comes from here: three calls of sessionglass, and the cookie's own text.
 */
import { createSessionStore, getSession, inspectSession } from '../../../dist/client/index.js'
import { demoSession } from './session.js'

/** @typedef {'name' | 'header' | 'payload' | 'signature' | 'value'} PartName */
/** @typedef {{ name: string, value: string, size: number, parts: { part: PartName, text: string }[] }} VisibleCookie */

/** Server and page have the same clock here. Other pages leave out this option: then a visitor's clock may be wrong. */
const OPTIONS = { clockTolerance: 0 }

/** Tells when the session begins, changes, is renewed and ends, in whatever tab that was; and when it will end. */
export const store = createSessionStore(demoSession, OPTIONS)

export const PUBLIC_NAME = `${demoSession.name}.public`

/** Reads the page's cookies anew. */
export function read() {
  const session = getSession(demoSession, OPTIONS)
  const inspection = inspectSession(demoSession, OPTIONS)
  // The session's own cookie first, whichever of them `getSession` reads.
  const cookies = [demoSession.name, PUBLIC_NAME].flatMap((name) => visibleCookie(name) ?? [])
  return { session, inspection, cookies, read: cookies.find(({ name }) => name === inspection.cookie) }
}

/** @typedef {ReturnType<typeof read>} Reading */

/**
 * @param {string} name
 * @returns {VisibleCookie | undefined}
 */
function visibleCookie(name) {
  const value = document.cookie
    .split('; ')
    .findLast((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1)
  if (value === undefined) return undefined
  const size = new TextEncoder().encode(name + value).length
  return { name, value, size, parts: [{ part: 'name', text: name }, ...partsOf(value)] }
}

/**
 * @param {string} value
 * @returns {{ part: PartName, text: string }[]}
 */
function partsOf(value) {
  const texts = value.split('.')
  if (texts.length !== 3) return [{ part: 'value', text: value }]
  const names = /** @type {const} */ (['header', 'payload', 'signature'])
  return names.map((part, index) => ({ part, text: texts[index] ?? '' }))
}
