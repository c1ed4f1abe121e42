/**
 * The keys of a session's data that are this project's, in every format: they tell about the session, not about the visitor.
 */
import { AUTHENTICATED, EXPIRY, EXPIRY_RULE, VERSION } from '../../shared/own-times.js'
import type { SessionData } from '../../shared/types.js'
import { CSRF_ID, CSRF_SECRET, isNoCsrf } from './csrf.js'
import { FLASH_PREFIX, isNoFlash } from './flash.js'

/** The device that a session is bound to. */
export const BOUND = '_bound'

/** For these alone no session is kept. */
const ABOUT: ReadonlySet<string> = /* @__PURE__ */ new Set([EXPIRY, EXPIRY_RULE, AUTHENTICATED, BOUND, VERSION])

export function isOwnKey(key: string): boolean {
  return ABOUT.has(key) || key === CSRF_SECRET || key === CSRF_ID || key.startsWith(FLASH_PREFIX)
}

/** The application has put something into the session. */
export function hasApplicationKeys(data: SessionData): boolean {
  return Object.keys(data).some((key) => !isOwnKey(key) && data[key] !== undefined)
}

/**
 * Nothing for which a session has to be kept: a list of flash messages may be empty, an id for CSRF tokens may be none, and what is about
 * the session alone is for nothing.
 */
export function isEmpty(data: SessionData): boolean {
  return !Object.entries(data).some(
    ([key, value]) => value !== undefined && !ABOUT.has(key) && !isNoFlash(key, value) && !isNoCsrf(key, value),
  )
}
