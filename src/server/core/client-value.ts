/**
 * What the page may see of a session, as text in the page itself: for HTML that is rendered on the server.
 * JSON (RFC 8259) that a script element can hold; BSON in it for values that JSON has no type for.
 */
import { lightValue } from '../../shared/bson/light-types.js'
import { readBsonBy } from '../../shared/bson/reader.js'
import { writeBson } from '../../shared/bson/writer.js'
import { encodeBase64Url } from '../../shared/bytes.js'
import { isPlainObject, type SessionData } from '../../shared/types.js'
import { createExposure } from './expose.js'
import { hasMembers, withoutOwn } from './own-lifetime.js'
import { draftOf, type Session, shownOf, stateOf } from './session.js'

/** A session of `load`, or what an adapter makes of one. */
export type ShownSession = Readonly<Pick<Session<object>, 'id' | 'isNew' | 'createdAt'>> & { readonly data: object }

/** Under this name a view of a session has its text. */
export const serialized: unique symbol = Symbol('sessionglass for the page')

/**
 * What scripts on the page may see of a session by `expose`, as JSON text for the page: `SessionProvider` of `sessionglass/react` takes it.
 * It has the changes of this request, also before the commit. It is no proof of anything: the page could have made it up.
 *
 * @param session - as it was loaded
 * @returns JSON that a script element can hold, with `<`, `>` and `&` escaped; `{"$bson":"…"}` if a value has no type in JSON; `null` if the
 *   page sees nothing, and for a destroyed session
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path of a value that no session can hold, `ERR_SESSION_LIMIT`
 * @see docs/react.md
 * @since 0.1.0
 * @example
 * const json = serializeForClient(session)
 * console.log(json) // → {"user":"\u003cb\u003eada"}
 */
export function serializeForClient(session: ShownSession): string {
  const view = (session as { [serialized]?: () => string })[serialized]
  if (view) return view()
  const shown = withoutOwn(seenBy(session as Session<object>) ?? {})
  if (!hasMembers(shown)) return 'null'
  // Written and read as for a cookie, so that the server renders what the page will read there.
  const bson = writeBson(shown)
  const data = readBsonBy(bson, lightValue)
  const json = isJson(data) && !Object.hasOwn(data, '$bson') ? data : { $bson: encodeBase64Url(bson) }
  return JSON.stringify(json).replace(/[<>&\u2028\u2029]/g, escapeUnit)
}

/** What scripts see in the public cookie, or else of the session's own cookie if they can read it. */
function seenBy(session: Session<object>): SessionData | undefined {
  const state = stateOf(session)
  // The answer depends on the cookie.
  state.isRead = true
  if (state.isDestroyed || state.browser.isToken) return undefined
  const { expose, isReadable, hasStore } = shownOf(session)
  const { httpOnly, publicData } = createExposure(expose)
  const { data, loaded } = draftOf(session)
  if (publicData) return publicData(data)
  return httpOnly || !isReadable ? undefined : hasStore ? loaded?.record.data : data
}

/** Whether JSON, also as a literal of JavaScript, gives the same value again. */
function isJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  if (typeof value !== 'object' || value === null) return typeof value !== 'bigint'
  if (!Array.isArray(value) && !isPlainObject(value)) return false
  // In a literal it sets the prototype.
  return !Object.hasOwn(value, '__proto__') && Object.values(value as SessionData).every(isJson)
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
