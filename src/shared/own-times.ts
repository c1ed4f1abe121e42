/**
 * The lifetime that one session has for itself, as Django's `set_expiry` keeps it in the session. FORMATS §8.
 */
/** The key of a session's own lifetime: seconds without a request, 0 until the browser closes, or the time of its end as text. */
export const EXPIRY = '_session_expiry'
/** What a function of `maxAge` or `expires` has put into `EXPIRY`. If both differ, somebody has asked for something else. */
export const EXPIRY_RULE = '_session_expiry_rule'

/** When the visitor last proved who they are: seconds since 1970, with milliseconds as a fraction. */
export const AUTHENTICATED = '_authenticated_at'
/** The version of the schema, a whole number; absent: 1. */
export const VERSION = '_version'

/** Milliseconds without a request, or since 1970. Undefined: what the definition says counts. */
export interface OwnTimes {
  readonly idleTimeout?: number
  readonly end?: number
}

/**
 * What `EXPIRY` says. Whatever is neither a time of these centuries nor seconds above 0 counts as nothing: it must not end a session, nor keep it from that.
 * A text without an offset is in UTC.
 */
export function ownTimes(own: unknown): OwnTimes | false {
  if (typeof own === 'number') return own > 0 && own * 1000 < 1e14 && { idleTimeout: own * 1000 }
  const [text, zone] = (typeof own === 'string' && /^.+T[\d:.]+(.*)/.exec(own)) || []
  const end = own instanceof Date ? +own : Date.parse(text + (zone ? '' : 'Z'))
  return end < 1e14 && { end }
}
