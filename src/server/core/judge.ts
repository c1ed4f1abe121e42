/**
 * What judges a copy of the data of a session by its schema, and moves data of an older version to the present one. What a schema throws is the application's own error, and passes as it is.
 */
import { isOutage, SessionError } from '../../shared/errors.js'
import { VERSION } from '../../shared/own-times.js'
import { isPlainObject, type SchemaResult, type SessionData, type StandardSchema } from '../../shared/types.js'
import { memberOf, setOwn } from '../values.js'
import { hasApplicationKeys, isOwnKey } from './own-keys.js'
import { type CopyData, isVersion, type RefusedPath, type Rules, rulesOf, type SchemaSource } from './schema.js'
import { type LoadedSession, loadedData, replaceable } from './session.js'

/** What an error keeps of a schema's complaints: so many paths, so many keys of each, and so many characters. */
export const MAX_ISSUES = 20
export const MAX_PATH_KEYS = 32
export const MAX_PATH = 200

export { rulesOf }

/** The version of data; NaN if what stands there is none. */
export function versionOf(data: SessionData): number {
  const version = memberOf(VERSION, data)
  return version === undefined ? 1 : isVersion(version) ? version : Number.NaN
}

// Loading.

/** Why data is none of this schema. */
export class Refusal {
  readonly why: string
  readonly issues: readonly RefusedPath[]
  /** What `migrate` has thrown: that may be for something else than the data. */
  readonly thrown: { readonly error: unknown } | undefined

  constructor(why: string, issues: readonly RefusedPath[] = [], thrown?: { readonly error: unknown }) {
    this.why = why
    this.issues = issues
    this.thrown = thrown
  }

  toError(verified?: true): SessionError {
    const { why, issues, thrown } = this
    const [first] = issues
    const at = first === undefined ? '' : ` (at ${JSON.stringify(first.path)})`
    return new SessionError('ERR_SESSION_SCHEMA', why + at, {
      issues,
      ...(first && { path: first.path }),
      ...(thrown && { cause: thrown.error }),
      ...(verified && { verified }),
    })
  }
}

/** A session as it was loaded, with what the schema made of it; or why it is none. @param copy - for a commit to compare with */
export async function judge(
  source: SchemaSource,
  loaded: LoadedSession,
  copy: CopyData | undefined,
): Promise<LoadedSession | SessionError> {
  const rules = rulesOf(source)
  const stored = loadedData(loaded)
  if (!hasApplicationKeys(stored)) return loaded
  const schemaVersion = versionOf(stored)
  if (!isRead(rules, schemaVersion)) return versionError(rules, schemaVersion, true)
  const data = schemaVersion < rules.version ? await migrated(rules, stored, schemaVersion) : stored
  const outcome = data instanceof Refusal ? data : await validated(rules.schema, data)
  if (!(outcome instanceof Refusal)) {
    const judged = { ...loaded, told: { version: schemaVersion }, parsed: outcome.value }
    return data === stored ? judged : reshaped(judged, data as SessionData, copy)
  }
  const repaired = await repair(rules, data instanceof Refusal ? stored : data, outcome)
  if (!(repaired instanceof Refusal)) {
    return reshaped({ ...loaded, told: { version: schemaVersion }, parsed: repaired.value }, repaired.data, copy)
  }
  const error = repaired.toError(true)
  if (rules.onInvalid === 'fresh' && !repaired.thrown) replaceable.add(error)
  return error
}

/** The session with other data than its cookie has; a commit writes it. */
function reshaped(loaded: LoadedSession, data: SessionData, copy: CopyData | undefined): LoadedSession {
  const { row, record } = loaded
  const place = row ? { row: { ...row, data } } : { record: { ...record, data } }
  return { ...loaded, ...place, base: copy?.(data), unshaped: loadedData(loaded) }
}

/** Asks the function `onInvalid` for other data. */
async function repair(
  { schema, version, onInvalid }: Rules,
  data: SessionData,
  refusal: Refusal,
): Promise<{ data: SessionData; value: unknown } | Refusal> {
  if (typeof onInvalid !== 'function') return refusal
  const made: unknown = await onInvalid(refusal.issues, applicationPart(data))
  if (made === undefined) return refusal
  if (!isData(made)) throw new TypeError('The function of option "onInvalid" must return an object or undefined')
  const repaired = takeOver(data, made, version)
  const outcome = await validated(schema, repaired)
  return outcome instanceof Refusal ? outcome : { data: repaired, value: outcome.value }
}

/** @throws what is an outage */
export async function migrated(
  { migrate, version }: Rules,
  old: SessionData,
  from: number,
): Promise<SessionData | Refusal> {
  let made: unknown
  try {
    made = await migrate?.(applicationPart(old), from)
  } catch (error) {
    if (isOutage(error)) throw error
    return new Refusal('migrate() of defineSession() has thrown', [], { error })
  }
  return isData(made) ? takeOver(old, made, version) : new Refusal('migrate() of defineSession() has made no object')
}

function isData(made: unknown): made is SessionData {
  return typeof made === 'object' && made !== null && !Array.isArray(made)
}

/** The application's keys as they were made, and our own as they were. */
function takeOver(old: SessionData, made: SessionData, version: number): SessionData {
  const data: SessionData = {}
  for (const key of Object.keys(old)) if (isOwnKey(key)) setOwn(data, key, old[key])
  for (const key of Object.keys(made)) if (!isOwnKey(key)) setOwn(data, key, made[key])
  if (version > 1 || Object.hasOwn(old, VERSION)) data[VERSION] = version
  return data
}

/** A copy of what is the application's, with instances of classes as they are. Whoever gets it may change it. */
function applicationPart(data: SessionData): SessionData {
  const part: SessionData = {}
  for (const key of Object.keys(data)) if (!isOwnKey(key) && data[key] !== undefined) setOwn(part, key, data[key])
  return copyOfPlain(part)
}

/** Asks the schema. */
export async function validated(
  { '~standard': standard }: StandardSchema,
  data: SessionData,
): Promise<{ value: unknown } | Refusal> {
  const result = (await standard.validate(applicationPart(data))) as SchemaResult<unknown> | undefined
  if (result?.issues) return new Refusal('The schema refuses the data of the session', pathsOf(result.issues))
  if (typeof result === 'object' && result !== null && 'value' in result) return { value: result.value }
  throw new TypeError('The schema of defineSession() gave neither a value nor issues')
}

type Issues = Extract<SchemaResult<unknown>, { issues: readonly unknown[] }>['issues']
type Issue = Issues[number]

/** What says no place, as the specification wants it, is refused all the same. */
function pathsOf(issues: Issues): RefusedPath[] {
  if (!Array.isArray(issues)) return []
  return issues.slice(0, MAX_ISSUES).map((issue: Issue | null) => {
    const path = Array.isArray(issue?.path) ? (issue.path as NonNullable<Issue['path']>) : []
    const keys = path.slice(0, MAX_PATH_KEYS).map((key) => String(typeof key === 'object' ? key?.key : key))
    return { path: keys.join('.').slice(0, MAX_PATH) }
  })
}

export function isRead({ oldest, newest }: Rules, version: number): boolean {
  return version >= oldest && version <= newest
}

export function versionError({ oldest, newest }: Rules, found: number, verified?: true): SessionError {
  const read = oldest === newest ? `version ${oldest}` : `versions ${oldest} to ${newest}`
  const has = Number.isNaN(found) ? `no version under ${VERSION}` : `version ${found}`
  const why = `The session has ${has} of its schema, and this release reads ${read}`
  return new SessionError('ERR_SESSION_VERSION', why, verified && { verified })
}

/** Deeper than any format or store goes. */
const LEVELS = 100

/**
 * A copy to hand out: plain objects, arrays, dates, bytes, maps and sets are copied, and whatever is of another class is itself. A circle
 * ends.
 */
export function copyOfPlain<Value>(value: Value): Value {
  const copies = new Map<unknown, unknown>()

  function copy(part: unknown, level: number): unknown {
    if (typeof part !== 'object' || part === null || level > LEVELS) return part
    return copies.get(part) ?? copyObject(part, level + 1)
  }

  function copyObject(part: object, level: number): unknown {
    const keep = <Made extends object>(made: Made): Made => {
      copies.set(part, made)
      return made
    }
    if (Array.isArray(part) || isPlainObject(part)) {
      const made = keep(Array.isArray(part) ? new Array(part.length) : Object.create(Object.getPrototypeOf(part)))
      for (const key of Object.keys(part)) setOwn(made as SessionData, key, copy((part as SessionData)[key], level))
      return made
    }
    switch (Object.getPrototypeOf(part)) {
      case Date.prototype:
        return keep(new Date(part as Date))
      case Uint8Array.prototype:
        return keep(new Uint8Array(part as Uint8Array))
      case Map.prototype: {
        const made = keep(new Map<unknown, unknown>())
        for (const [key, member] of part as Map<unknown, unknown>) made.set(copy(key, level), copy(member, level))
        return made
      }
      case Set.prototype: {
        const made = keep(new Set<unknown>())
        for (const member of part as Set<unknown>) made.add(copy(member, level))
        return made
      }
      default:
        return part
    }
  }

  return copy(value, 0) as Value
}
