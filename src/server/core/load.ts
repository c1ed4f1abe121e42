/**
 * The trip in: from the Cookie header of a request to its session, new or known.
 */
import { platform } from '#platform'
import { encodeHex } from '../../shared/bytes.js'
import { readCookies } from '../../shared/cookie.js'
import { isSessionError, SessionError, type SessionErrorCode } from '../../shared/errors.js'
import type { CodecContext, SessionCodec } from '../codecs/codec.js'
import { contextOf, findRow, isProtected, reportConflict } from './commit.js'
import { findShadowed, NO_CHUNKS, readChunks } from './cookies.js'
import { PUBLIC_SUFFIX } from './expose.js'
import { type CookieSource, cookieHeader } from './http.js'
import type { Settings } from './options.js'
import { type HeldSession, identify, Session, type SessionOwner, type SessionState } from './session.js'

/** Cookie header → candidates × codecs → verify → lifetime → session. */
export async function loadSession<Data extends object>(
  settings: Settings,
  owner: SessionOwner,
  source: CookieSource,
): Promise<Session<Data>> {
  const { lifetime, emit, name } = settings
  const header = cookieHeader(source)
  const values = readCookies(header, name)
  const context = contextOf(settings)
  const { now } = context
  const { joined, indexes } = settings.chunks ? readChunks(header, name) : NO_CHUNKS
  const refuse = (candidate: HeldSession) => refusal(settings, candidate, now)
  const { held, rejections } = await readCandidates(values, settings.codecs, context, refuse, joined)
  // Pieces that do not belong together are no news beside a session that is whole.
  for (const { value, error, isJoined } of rejections)
    if (!(held && isJoined)) emit?.({ type: 'rejected', code: error.code, bytes: name.length + value.length })
  if (held) emit?.({ type: 'read', ...identify(held), bytes: name.length + held.value.length })
  const shadowed = findShadowed(name, values, held && held.value === joined ? values.at(-1) : held?.value, rejections)
  if (shadowed) emit?.({ type: 'shadowed', candidates: values.length, shadowed })
  if (held && !settings.versions.note(held)) reportConflict(settings, held)

  const { id = newId(), createdAt = now, expiresAt } = held?.record ?? {}
  const accessedAt = lifetime.lastAccess(held?.record ?? {}, now) ?? now
  const publicValue = header.includes(PUBLIC_SUFFIX) ? readCookies(header, settings.publicName).at(-1) : undefined
  const rejection = held || !rejections[0] ? undefined : weightiest(rejections)
  const unreadable = rejection && isProtected(rejection.error) ? rejection.held?.record.id : undefined
  const state: SessionState = {
    id,
    createdAt,
    accessedAt,
    expiresAt: lifetime.expiresAt({ createdAt, accessedAt, expiresAt }),
    isDestroyed: false,
    isRegenerated: false,
    hadCookie: values.length > 0,
    chunks: indexes,
    isShadowed: values.length > 1,
    cookies: [],
    watchTransport: () => settings.plainHttp.watch(source),
    publicValue,
  }
  if (held) state.held = held
  if (rejection) state.rejected = rejection.error
  if (unreadable !== undefined) state.unreadableId = unreadable
  const data = held?.stored?.row.data ?? held?.record.data ?? {}
  return new Session<Data>(data as Data, state, owner)
}

/** Why a token that verified is no session: it is over, or the store knows better. */
async function refusal({ lifetime, rows }: Settings, held: HeldSession, now: Date): Promise<SessionError | undefined> {
  return lifetime.ended(held.record, now) ?? (rows && findRow(rows, held))
}

/** What verified counts before what did not: nobody can hide a cookie that must not be overwritten behind another. */
function weightiest(rejections: readonly Rejection[]): Rejection {
  const verified = rejections.filter(({ error }) => error.verified)
  return verified.find(({ error }) => isProtected(error)) ?? verified[0] ?? (rejections[0] as Rejection)
}

/** As Beaker's: 32 hex digits, here 128 random bits. */
export function newId(): string {
  return encodeHex(platform.randomBytes(16))
}

// Which cookie and which codec make the session: every candidate of our name, the last one first, times every codec that matches.
// Only a wrong signature, key or algorithm moves on to another codec, and only to one of the same family.

/** One cookie that became no session. */
export interface Rejection {
  value: string
  error: SessionError
  /** Where it verified and something else was wrong. */
  held?: HeldSession
  /** It was put together of several cookies, which may never have belonged together. */
  isJoined?: boolean
}

export interface CandidateReading {
  held?: HeldSession
  rejections: readonly Rejection[]
}

/** Longest value that is looked at, in characters: more than three cookies can hold. */
const MAX_VALUE_LENGTH = 16 * 1024
const MOVES_ON: ReadonlySet<SessionErrorCode> = new Set([
  'ERR_SESSION_SIGNATURE',
  'ERR_SESSION_KEY',
  'ERR_SESSION_ALGORITHM',
])

/**
 * Finds the session among the cookies of one name.
 *
 * @param values - as they stand in the header; Python takes the last one, so it is tried first
 * @param refuse - a last word on a session that verified, such as a timeout
 * @param joined - the pieces of a value in several cookies, tried before all others by the codecs that make such
 * @throws {SessionError} `ERR_SESSION_STORE` and `ERR_SESSION_KEYS` only
 */
export async function readCandidates(
  values: readonly string[],
  codecs: readonly SessionCodec[],
  context: CodecContext,
  refuse: (held: HeldSession) => Promise<SessionError | undefined>,
  joined?: string,
): Promise<CandidateReading> {
  const rejections: Rejection[] = []
  let held: HeldSession | undefined
  for (let index = values.length; index >= 0; index--) {
    const isJoined = index === values.length
    const value = (isJoined ? joined : values[index]) ?? ''
    if (value === '' || value === held?.value) continue
    const outcome = await readCandidate(value, codecs, context, isJoined)
    // An older version of a session may stand behind a newer one, under another domain or path.
    if (held && (outcome instanceof SessionError || !isNewer(outcome, held))) continue
    const error = outcome instanceof SessionError ? outcome : await refuse(outcome)
    if (error === undefined) held = outcome as HeldSession
    else if (!held)
      rejections.push({ value, error, isJoined, ...(outcome instanceof SessionError ? {} : { held: outcome }) })
    if (held && held.record.version === undefined) break
  }
  return held ? { rejections, held } : { rejections }
}

function isNewer({ record: a }: HeldSession, { record: b }: HeldSession): boolean {
  return a.id !== undefined && a.id === b.id && (a.version ?? 0) > (b.version ?? 0)
}

async function readCandidate(
  value: string,
  codecs: readonly SessionCodec[],
  context: CodecContext,
  isJoined: boolean,
): Promise<HeldSession | SessionError> {
  if (value.length > MAX_VALUE_LENGTH) {
    return new SessionError('ERR_SESSION_LIMIT', `The cookie is longer than ${MAX_VALUE_LENGTH} characters`)
  }
  let failure: SessionError | undefined
  let family: string | undefined
  for (let codecIndex = 0; codecIndex < codecs.length; codecIndex++) {
    const codec = codecs[codecIndex] as SessionCodec
    if ((family !== undefined && codec.family !== family) || !codec.matches(value)) continue
    if (isJoined && !codec.chunks) continue
    try {
      const record = await codec.verify(value, context)
      return { value, record, codec, codecIndex }
    } catch (error) {
      const found = asSessionError(error)
      if (isOutage(found)) throw found
      if (!MOVES_ON.has(found.code)) return found
      // That somebody with a key made it must not be forgotten over a codec with other keys.
      if (!failure?.verified) failure = found
      family = codec.family
    }
  }
  return failure ?? new SessionError('ERR_SESSION_UNSUPPORTED', 'No codec of this server reads values of this form')
}

/** A codec that throws anything else must not take the request down. */
function asSessionError(error: unknown): SessionError {
  if (error instanceof SessionError) return error
  if (!isSessionError(error))
    return new SessionError('ERR_SESSION_MALFORMED', 'The codec failed on the value', { cause: error })
  const { code, message, verified = false } = error as SessionError
  return new SessionError(code, message, { cause: error, verified })
}

// The server's own trouble: never an empty session, and nobody is signed out for it.

/** Whether the session store or the source of keys is down. */
export function isOutage(error: unknown): boolean {
  return isSessionError(error) && (error.code === 'ERR_SESSION_STORE' || error.code === 'ERR_SESSION_KEYS')
}
