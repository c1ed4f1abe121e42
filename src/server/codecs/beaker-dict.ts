/**
 * A session as the dict that Beaker and beaker-session-jwt write: the data between the id and the times.
 * FORMATS §2.2.
 */
import type { OriginNode, SessionData } from '../../shared/types.js'
import type { SessionRecord } from './codec.js'

/**
 * The session as Python's dict has it: `_id` first, then the data, then the times.
 *
 * @param root - the dict as it was read: a time that did not change keeps the very number
 */
export function beakerDict({ id, data, createdAt, accessedAt }: SessionRecord, root?: OriginNode): SessionData {
  const session: SessionData = id === undefined ? { ...data } : { _id: id, ...data }
  // The data may have the key without a value.
  if (id !== undefined) session._id = id
  if (createdAt !== undefined) session._creation_time = secondsOf(createdAt, root?.child?.('_creation_time'))
  if (accessedAt !== undefined) session._accessed_time = secondsOf(accessedAt, root?.child?.('_accessed_time'))
  return session
}

/** The number that was read may have microseconds. */
function secondsOf(time: Date, node: OriginNode | undefined): number {
  const read = node?.value
  if (typeof read === 'number' && Math.round(read * 1000) === time.getTime()) return read
  return time.getTime() / 1000
}

const FLOAT: OriginNode = { format: 'none', value: undefined, type: 'double' }

/** The types that were read, with both times as floats also if they are new. */
export function withFloatTimes(root: OriginNode | undefined): OriginNode {
  return {
    format: root?.format ?? 'none',
    value: root?.value,
    keys: () => root?.keys?.() ?? [],
    child: (key) => root?.child?.(key) ?? (key === '_creation_time' || key === '_accessed_time' ? FLOAT : undefined),
  }
}
