/**
 * What Beaker keeps among the session's own keys, in its own cookies and in the tokens of beaker-session-jwt: id and times.
 * FORMATS §2.2; times are float seconds since 1970.
 */
import type { DataAndMeta } from '../../shared/decode.js'
import type { SessionRecord } from './codec.js'

/** The keys that are not data, each with what to use instead. */
export const BEAKER_KEYS = {
  _id: 'session.id and session.regenerate()',
  _creation_time: 'session.createdAt',
  _accessed_time: 'session.accessedAt',
  _expires: 'the option "expires"',
  _path: 'the option "path"',
  _domain: 'the option "domain"',
} as const

/** The record of a dict that was read. `_expires` is about the browser's cookie, so the session does not expire by it. */
export function beakerRecord(
  { data, meta: { id, createdAt, accessedAt } }: DataAndMeta,
  rest: Pick<SessionRecord, 'claims' | 'origin'>,
): SessionRecord {
  const record: SessionRecord = { data, ...rest }
  if (id !== undefined) record.id = id
  if (createdAt) record.createdAt = new Date(createdAt)
  if (accessedAt) record.accessedAt = new Date(accessedAt)
  return record
}
