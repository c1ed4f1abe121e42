/**
 * Short names of claims on the wire and the long ones that an application reads, as django-session-jwt has them.
 * FORMATS §6.2.
 */
import { deepFreeze } from './freeze.js'
import { type DataAndMeta, JWT_META } from './session-meta.js'
import type { DecodedSession, SessionData } from './types.js'

/** Long names, and the short name of each on the wire: `{ user_id: 'u' }`. */
export type SessionFields = Readonly<Record<string, string>>

/**
 * Adds the long names to data that came with short ones. The short ones stay, and what is absent stays absent.
 *
 * @param data - is not changed
 * @param fields - the short names by the long ones
 * @returns new data, in which a long name has the very value of its short one, whatever it had before
 * @see FORMATS §6.2
 */
export function expandFields(data: SessionData, fields: SessionFields): SessionData {
  // As entries, so that `__proto__` stays a key.
  const long = Object.entries(fields).filter(([, short]) => Object.hasOwn(data, short))
  return { ...data, ...Object.fromEntries(long.map(([name, short]) => [name, data[short]])) }
}

/**
 * Shows claims of plain JWTs by their long names, and the key of a session on the server as the id of this one. Other formats
 * have neither.
 *
 * @param fields - the short names by the long ones
 * @param sessionField - the claim that has the key; where that is no text it stays data
 * @returns what takes the place of data and meta, frozen, and the same objects for the same session
 * @see FORMATS §6.2
 */
export function createClaimsView(fields: SessionFields, sessionField: string): ClaimsView {
  const key = JSON.stringify([fields, sessionField])
  return ({ format, data, meta }) => {
    if (format !== 'jwt' || !data) return undefined
    const views = known.get(data) ?? new Map<string, DataAndMeta>()
    known.set(data, views)
    const view = views.get(key) ?? deepFreeze(viewOf({ data, meta: meta ?? {} }, fields, sessionField))
    views.set(key, view)
    return view
  }
}

/** What a definition makes of a session that a page has read. */
export type ClaimsView = (session: Partial<DecodedSession>) => DataAndMeta | undefined

/** By the data they are made of, then by the names: definitions that say the same show the same objects. */
const known: WeakMap<SessionData, Map<string, DataAndMeta>> = /* @__PURE__ */ new WeakMap()

function viewOf({ data, meta }: DataAndMeta, fields: SessionFields, sessionField: string): DataAndMeta {
  const { [sessionField]: id, ...rest } = data
  if (typeof id !== 'string') return { data: expandFields(data, fields), meta }
  return { data: expandFields(rest, fields), meta: { ...meta, id } }
}

/**
 * Refuses names that two things would share.
 *
 * @param fields - the short names by the long ones
 * @param sessionField - the claim that has the key of a session on the server
 * @returns a frozen copy
 * @throws {TypeError} naming the option
 */
export function checkFields(fields: SessionFields, sessionField: string): SessionFields {
  if (typeof sessionField !== 'string' || sessionField === '' || JWT_META.includes(sessionField)) {
    throw new TypeError('sessionField must be the name of a claim, and none of exp, nbf, iat, jti')
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new TypeError('fields must be an object: long names, and the short name of each')
  }
  const taken = new Set([...JWT_META, sessionField])
  for (const [long, short] of Object.entries(fields)) {
    if (typeof short !== 'string' || short === '' || long === '') throw new TypeError('fields must have names of text')
    for (const name of new Set([long, short])) {
      if (taken.has(name)) throw new TypeError(`fields has two meanings for "${name}"`)
      taken.add(name)
    }
  }
  return Object.freeze({ ...fields })
}
