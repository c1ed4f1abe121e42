/**
 * A Beaker session and what it keeps among its own keys: id, times, and three about the browser's cookie.
 * FORMATS §2.2.
 */
import { textKeys } from '../../shared/decode-beaker.js'
import { takeBeakerMeta } from '../../shared/session-meta.js'
import type { Origin, OriginNode, SessionData } from '../../shared/types.js'
import { equalValues } from '../values/equal-values.js'
import { withBeakerMeta } from './beaker-payload.js'
import type { SerializedReading } from './beaker-serializer.js'
import type { SessionRecord } from './codec.js'

/** The origin of what was read here. */
export const BEAKER = 'beaker'

/** Where the session came from, and how to see again what it was. */
interface BeakerOrigin extends Origin {
  readonly format: typeof BEAKER
  /** The data as it was read, whatever became of it since. */
  again(): SessionData
}

/** What a fresh session says of its cookie, as Beaker does since 1.11; nothing where absent. */
export interface CookieKeys {
  _domain?: string | null
  _path?: string
}

/**
 * The record of a session that was read.
 *
 * @param removeKeys - keys that are gone at once
 * @throws {SessionError} `ERR_SESSION_PICKLE`, `ERR_SESSION_CLAIMS`
 */
export function beakerRecord(
  { value, root, again }: SerializedReading,
  removeKeys: ReadonlySet<string>,
): SessionRecord {
  const { data, meta } = takeBeakerMeta(shownKeys(value, removeKeys))
  const origin: BeakerOrigin = {
    format: BEAKER,
    root: () => remainingRoot(root(), removeKeys),
    again: () => takeBeakerMeta(shownKeys(again(), removeKeys)).data,
  }
  const record: SessionRecord = { data, origin }
  if (meta.id !== undefined) record.id = meta.id
  if (meta.createdAt) record.createdAt = meta.createdAt
  if (meta.accessedAt) record.accessedAt = meta.accessedAt
  return record
}

/** Whether the data differs from what was read. */
export function hasChanged({ data, origin }: SessionRecord): boolean {
  return !isBeakerOrigin(origin) || !equalValues(origin.again(), data)
}

/**
 * The session as Beaker's dict has it: `_domain`, `_path`, `_id`, the data, the times. What it said of its cookie stays, for
 * Python prefers that to its configuration. Keys that are no text make it a `Map`.
 *
 * @param format - that it is written in: `_expires` may be a date, which JSON lacks
 * @param fresh - what a session that no Beaker wrote says of its cookie
 */
export function beakerSession(
  record: SessionRecord,
  { format, fresh, removeKeys }: { format: string; fresh: CookieKeys; removeKeys: ReadonlySet<string> },
): SessionData {
  const root = record.origin?.root()
  const isOwn = isBeakerOrigin(record.origin)
  const cookieKeys = isOwn ? keptCookieKeys(root as OriginNode, format, removeKeys) : fresh
  const session = { ...cookieKeys, ...withBeakerMeta(record, root) }
  if (!isOwn || root?.format !== format || !(root.value instanceof Map)) return session
  const others = [...root.value].filter(([key]) => typeof key !== 'string')
  const own = Object.entries(session).filter(([, value]) => value !== undefined)
  return new Map<unknown, unknown>([...others, ...own]) as unknown as SessionData
}

function keptCookieKeys(root: OriginNode, format: string, removeKeys: ReadonlySet<string>): SessionData {
  const names = root.format === format ? ['_domain', '_path', '_expires'] : ['_domain', '_path']
  const found = names.filter((name) => !removeKeys.has(name)).map((name) => [name, root.child?.(name)] as const)
  return Object.fromEntries(found.flatMap(([name, node]) => (node ? [[name, node.value]] : [])))
}

/** Keys that are no text stand in no data, so that they are removed here: without them other formats can hold the session. */
function remainingRoot(root: OriginNode, removeKeys: ReadonlySet<string>): OriginNode {
  if (removeKeys.size === 0 || !(root.value instanceof Map)) return root
  const entries = [...root.value].filter(([key]) => typeof key === 'string' || !removeKeys.has(String(key)))
  const isText = entries.every(([key]) => typeof key === 'string')
  return { ...root, value: isText ? Object.fromEntries(entries) : new Map(entries) }
}

/** A dict may have any keys; a session shows those that are text, and the others are written back. */
function shownKeys(value: unknown, removeKeys: ReadonlySet<string>): SessionData {
  const session = textKeys(value)
  if (removeKeys.size === 0) return session
  return Object.fromEntries(Object.entries(session).filter(([key]) => !removeKeys.has(key)))
}

function isBeakerOrigin(origin: Origin | undefined): origin is BeakerOrigin {
  return origin?.format === BEAKER
}
