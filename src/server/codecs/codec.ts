/**
 * The codec contract: how one format of session cookies is recognized, verified and signed; and the checks that codecs share.
 * A codec is a plain object; test/contract is the suite that each one passes.
 */
import { type Duration, parseDuration } from '../../shared/define-session.js'
import { SessionError } from '../../shared/errors.js'
import type { Origin, OriginNode, SessionData, SessionMeta } from '../../shared/types.js'
import type { CodecKeys } from '../keys/keys.js'
import { refuseHiddenKeys } from '../values.js'

export interface CodecContext {
  cookieName: string
  /** `public` is the cookie that scripts may read; it is signed with its own key and never trusted. */
  purpose: 'session' | 'public'
  now: Date
  /** For `sign`: the index of another key than the first, so that a test can make what an older key signed. */
  keyIndex?: number
}

export interface SessionRecord {
  /**
   * The application's keys. With a store they are in `stored`, and this is what the token says beside its id and times: empty for a new
   * session and after `regenerate()`, else what was read, to be written again.
   */
  data: SessionData
  /**
   * For `sign`, with a store: what the store holds of the session, from which a codec may take claims. Only what it takes goes
   * into the cookie. `id` names the row: a codec that is used with a store must write it.
   */
  stored?: SessionData
  /** The JWT payload as parsed, if there is one. */
  claims?: Record<string, unknown>
  id?: string
  createdAt?: Date
  accessedAt?: Date
  expiresAt?: Date
  /**
   * How often the session was written before, for our own formats: whole, from 0. A codec that carries it makes lost updates
   * visible.
   */
  version?: number
  /** Index of the key that verified it; 0 is the one that signs. */
  keyIndex?: number
  kid?: string
  /** What the payload said of each value, so that untouched keys survive. */
  origin?: Origin
}

export interface SessionCodec {
  readonly name: string
  /** Values of two families never look alike: `jws`, `jwe`, `beaker`, `django-signed`, `compact`. */
  readonly family: string
  /** Can a browser read it at all? */
  readonly readable: boolean
  /** Longest value in characters, as that system counts it. */
  readonly maxLength?: number
  /** May the value be split over several cookies? */
  readonly chunks?: boolean
  /** Keys that tell about the session and are not data, each with what to use instead. */
  readonly meta?: Readonly<Record<string, string>>
  /** For a codec with key pairs, or with keys that are loaded while it works. */
  readonly keys?: CodecKeys
  /** Tells by shape alone whether a value may be of this family. */
  matches(value: string): boolean
  /** @throws {SessionError} any code; `verified` is true if the signature was valid */
  verify(value: string, context: CodecContext): Promise<SessionRecord>
  /** Absent: read only. @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path of a value it can't hold */
  sign?(record: SessionRecord, context: CodecContext): Promise<string>
  /**
   * Whether an unchanged session is due to be written again, for a format that knows better than `touchEvery`; an idle timeout may ask for
   * it sooner.
   */
  needsRenewal?(record: SessionRecord, now: Date): boolean
  /** Whether the data differs from what `origin` read; absent: the core compares with a copy. */
  changed?(record: SessionRecord): boolean
}

/** Keys that say something about the session and are not data, as `_id` or `exp`, each with what to use instead. */
export type MetaNames = Readonly<Record<string, string>>

/**
 * Refuses to write data under a meta key.
 *
 * @param foreign - what another codec read, if one did: a key that is data there is not the application's mistake
 * @throws {TypeError} naming what to use instead
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` for a key of `foreign`, and if that has keys which `data` can't show
 */
export function refuseMeta(data: SessionData, meta: MetaNames, foreign?: OriginNode): void {
  refuseHiddenKeys(foreign)
  for (const key in meta) {
    if (data[key] === undefined || !Object.hasOwn(data, key)) continue
    if (foreign?.child?.(key) === undefined) {
      throw new TypeError(`"${key}" is not session data: use ${meta[key]}`)
    }
    throw new SessionError('ERR_SESSION_UNWRITABLE', `The format has another use for the key ${key}`, { path: key })
  }
}

/** Most bytes that a compressed session may have after its signature was verified, unless `maxInflated` says otherwise: 1 MiB. */
const MAX_INFLATED = 1_048_576
/** Bytes that an array can have on every runtime. */
const ONE_GIB = 2 ** 30

/**
 * Checks the option `maxInflated`.
 *
 * @returns bytes
 * @throws {TypeError} naming the option
 */
export function checkMaxInflated(maxInflated: number = MAX_INFLATED): number {
  if (Number.isInteger(maxInflated) && maxInflated > 0 && maxInflated <= ONE_GIB) return maxInflated
  throw new TypeError('Option "maxInflated" must be a number of bytes from 1 to 2^30')
}

/**
 * Checks the option `expires` of a format that has whole seconds: a token of less than one would expire at once.
 *
 * @returns milliseconds; undefined for tokens that do not expire by themselves
 * @throws {TypeError} naming the option
 */
export function checkExpires(expires: Duration | undefined): number | undefined {
  if (expires === undefined) return undefined
  const milliseconds = parseDuration(expires, 'expires')
  if (milliseconds >= 1000) return milliseconds
  throw new TypeError('Option "expires" must be a second or more')
}

/**
 * Refuses a token by the times that it carries itself (RFC 7519 §4.1.4 to §4.1.6).
 *
 * @param tolerance - milliseconds that clocks may differ by
 * @throws {SessionError} `ERR_SESSION_EXPIRED` from `exp` on, `ERR_SESSION_NOT_YET_VALID` before `nbf` or `iat`
 */
export function refuseTokenTimes({ expiresAt, notBefore, createdAt }: SessionMeta, now: Date, tolerance: number): void {
  const time = now.getTime()
  if (expiresAt && time >= expiresAt.getTime() + tolerance) {
    throw new SessionError('ERR_SESSION_EXPIRED', 'The session has expired: exp has passed', { verified: true })
  }
  if (notBefore && time < notBefore.getTime() - tolerance) throw notYetValid('nbf')
  if (createdAt && time < createdAt.getTime() - tolerance) throw notYetValid('iat')
}

function notYetValid(claim: string): SessionError {
  const message = `The session is not valid yet: ${claim} is in the future`
  return new SessionError('ERR_SESSION_NOT_YET_VALID', message, { verified: true })
}
