/**
 * The session that a payload of beaker-session-jwt holds: BSON in `bsZ`, claims beside it, and Beaker's own keys.
 * FORMATS §4 for the payload, §2.2 for the keys; times are float seconds since 1970.
 */
import { platform } from '#platform'
import { decodeBase85 } from '../../shared/base85.js'
import { bsonOrigin } from '../../shared/bson-origin.js'
import { type BsonTypes, readBson } from '../../shared/bson-reader.js'
import { SessionError } from '../../shared/errors.js'
import { type DataAndMeta, takeBeakerMeta } from '../../shared/session-meta.js'
import type { Origin, OriginNode, SessionData } from '../../shared/types.js'
import { readClaims } from '../json/claims.js'
import { readJson } from '../json/reader.js'
import { readOften } from '../values/copy-data.js'
import { equalValues } from '../values/equal-values.js'
import type { SessionRecord } from './codec.js'

/** The origin of what was read here. */
export const BEAKER_JWT = 'beaker-jwt'

/** What Beaker keeps among the session's own keys, each with what to use instead. */
export const BEAKER_KEYS = {
  _id: 'session.id and session.regenerate()',
  _creation_time: 'session.createdAt',
  _accessed_time: 'session.accessedAt',
  _expires: 'the option "expires"',
  _path: 'the option "path"',
  _domain: 'the option "domain"',
} as const

export interface PayloadOptions {
  /** Octets. */
  maxInflated: number
  types: BsonTypes
}

/** A payload that was opened and not yet read: it stays as it is, whatever is done to the sessions read from it. */
export interface BeakerContent {
  /** The JSON text. */
  readonly payload: string
  /** The BSON of `bsZ`. */
  readonly bytes?: Uint8Array
  /** The text of `bsZ` where there is no other claim. */
  readonly alone?: string
  /** The BSON with its types, made at the first commit that asks: nobody changes it, so all later ones share it. */
  root?: OriginNode
  /** What the BSON says where there is no other claim, made at the first reading. */
  known?: KnownSession
}

interface KnownSession {
  meta: DataAndMeta['meta']
  /** The data in objects of its own. */
  read(): SessionData
  /** Nobody changes it, so all records share it. */
  origin: BeakerOrigin
}

/** Also knows the data as it was read, for comparing; it must not be changed. */
interface BeakerOrigin extends Origin {
  data(): SessionData
}

/**
 * Opens the payload of a token whose signature was verified.
 *
 * @param payload - the JSON text
 * @throws {SessionError} for JSON, base85 or zlib that is not well formed or too large
 */
export function openBeakerPayload(payload: string, { maxInflated }: PayloadOptions): BeakerContent {
  // What nearly every payload is needs no JSON reader.
  const [, alone] = ONLY_BSZ.exec(payload) ?? []
  const bsZ = alone ?? (MAY_HAVE_BSZ.test(payload) ? readClaims(payload).bsZ : undefined)
  if (bsZ === undefined || bsZ === '' || bsZ === null) return { payload }
  if (typeof bsZ !== 'string') throw new SessionError('ERR_SESSION_MALFORMED', 'The claim bsZ is no text')
  const bytes = platform.inflate(decodeBase85(bsZ), maxInflated)
  return { payload, bytes, ...(alone === undefined ? {} : { alone }) }
}

/**
 * Reads the session in a payload. Claims beside `bsZ` are merged under the BSON, as Python's `dict.update` does.
 *
 * @returns a session of its own with each call
 * @throws {SessionError} for JSON or BSON that is not well formed or too large
 */
export function readBeakerContent(content: BeakerContent, { types }: PayloadOptions): SessionRecord {
  const { payload, bytes, alone } = content
  if (alone !== undefined) {
    content.known ??= knownSession(content, types)
    const { meta, read, origin } = content.known
    return recordOf({ data: read(), meta }, { bsZ: alone }, origin)
  }
  const claims = readClaims(payload)
  const { bsZ: _, ...beside } = claims
  if (bytes === undefined)
    return recordOf(
      takeBeakerMeta(beside),
      claims,
      originOf(() => readJson(payload)),
    )
  const session = takeBeakerMeta({ ...beside, ...readBson(bytes, { types }) })
  return recordOf(
    session,
    claims,
    originOf(() => mergedNode(readJson(payload), rootOf(content, types))),
  )
}

function knownSession(content: BeakerContent, types: BsonTypes): KnownSession {
  const read = (): DataAndMeta => takeBeakerMeta(readBson(content.bytes as Uint8Array, { types }))
  const { data, meta } = read()
  const readData = (): SessionData => read().data
  let before: SessionData | undefined
  return {
    meta,
    read: readOften(readData, data),
    origin: originOf(
      () => rootOf(content, types),
      () => {
        before ??= readData()
        return before
      },
    ),
  }
}

function rootOf(content: BeakerContent, types: BsonTypes): OriginNode {
  content.root ??= bsonOrigin(content.bytes as Uint8Array, { types })
  return content.root
}

/** An object of `bsZ` alone, its text without spaces and escapes, as base85 has none (RFC 8259 §4 and §7). */
const ONLY_BSZ = /^\{"bsZ":"([!#-[\]-~]+)"\}$/
/** The name as it is, or any escape, which may stand in it. */
const MAY_HAVE_BSZ = /bsZ|\\u/

/** The session as Python's dict has it: `_id` first, then the data, then the times. */
export function withBeakerMeta({ id, data, createdAt, accessedAt }: SessionRecord, root?: OriginNode): SessionData {
  const session: SessionData = id === undefined ? { ...data } : { _id: id, ...data }
  if (createdAt !== undefined) session._creation_time = seconds(createdAt, root?.child?.('_creation_time'))
  if (accessedAt !== undefined) session._accessed_time = seconds(accessedAt, root?.child?.('_accessed_time'))
  return session
}

/** Whether the data is what the payload held. */
export function isBeakerData(data: SessionData, origin: Origin): boolean {
  return equalValues((origin as BeakerOrigin).data(), data)
}

/** The payload's types, with times as floats also where they are new. */
export function withFloatTimes(root: OriginNode | undefined): OriginNode {
  return {
    format: root?.format ?? 'none',
    value: root?.value,
    keys: () => root?.keys?.() ?? [],
    child: (key) => root?.child?.(key) ?? (key === '_creation_time' || key === '_accessed_time' ? FLOAT : undefined),
  }
}

const FLOAT: OriginNode = { format: 'none', value: undefined, type: 'double' }

/** @param before - the data as it was read, where it is at hand */
function originOf(
  root: () => OriginNode,
  before: () => SessionData = () => takeBeakerMeta(root().value as SessionData).data,
): BeakerOrigin {
  return { format: BEAKER_JWT, root, data: before }
}

function recordOf(
  { data, meta: { id, createdAt, accessedAt } }: DataAndMeta,
  claims: SessionData,
  origin: BeakerOrigin,
): SessionRecord {
  const record: SessionRecord = { data, claims, origin }
  // Not `_expires`, which is about the browser's cookie and not about the session (FORMATS §2.2).
  if (id !== undefined) record.id = id
  if (createdAt) record.createdAt = new Date(createdAt)
  if (accessedAt) record.accessedAt = new Date(accessedAt)
  return record
}

function mergedNode(claims: OriginNode, session: OriginNode): OriginNode {
  const own = (key: string): OriginNode | undefined => (key === 'bsZ' ? undefined : claims.child?.(key))
  const { bsZ: _, ...beside } = claims.value as SessionData
  return {
    format: 'merged',
    value: { ...beside, ...(session.value as SessionData) },
    keys: () => new Set([...(claims.keys?.() ?? []), ...(session.keys?.() ?? [])]),
    child: (key) => session.child?.(key) ?? own(key),
  }
}

/** The very number that was read, which may have microseconds, as long as the time is the same. */
function seconds(time: Date, node: OriginNode | undefined): number {
  const read = node?.value
  if (typeof read === 'number' && Math.round(read * 1000) === time.getTime()) return read
  return time.getTime() / 1000
}
