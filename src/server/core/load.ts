/**
 * From the Cookie header of a request to its session, new or known: cookies, candidates × codecs, lifetime, store.
 * RFC 6265 §5.4; every candidate of our name is tried, the last one first, as Python takes the last.
 */
import { readCookies } from '../../shared/cookie.js'
import { isOutage, isSessionError, SessionError, type SessionErrorCode } from '../../shared/errors.js'
import { AUTHENTICATED } from '../../shared/own-times.js'
import type { SessionData } from '../../shared/types.js'
import type { CodecContext, SessionCodec, SessionRecord } from '../codecs/codec.js'
import type { Verifications } from '../keys/hmac.js'
import type { StoredSession } from '../stores/store.js'
import { type CookieCandidate, findShadowed, type RequestCookies, readSessionCookies } from './cookies.js'
import { takeStoredSecret } from './csrf.js'
import { PUBLIC_SUFFIX } from './expose.js'
import { type CookieSource, cookieHeader, createRequestMemory, isTokenSource, type TokenSource } from './http.js'
import { contextOf, type LoadSettings } from './options.js'
import { revokedError } from './revocation.js'
import {
  identify,
  isProtected,
  type LoadedSession,
  loadedData,
  type PublicCookie,
  replaceable,
  Session,
  type SessionState,
} from './session.js'
import { isNoSession, type RowReader } from './store-rows.js'
import { createVerifications } from './verifications.js'

/** Finds the session of a request. */
export type LoadSession<Data extends object> = (source: CookieSource) => Promise<Session<Data>>

/** Reads the public cookie of a session that was found. */
export type ReadPublic = (value: string, request: { now: Date; verifications: Verifications }) => Promise<PublicCookie>

/**
 * Prepares the loading of sessions: the same request object always gets the same session. A load that failed is tried again.
 *
 * @param readPublic - for sessions that write it
 */
export function createLoader<Data extends object>(settings: LoadSettings, readPublic?: ReadPublic): LoadSession<Data> {
  const loaded = createRequestMemory<Promise<Session<Data>> | undefined>()
  return (source) => {
    if (typeof source !== 'object' || source === null || isTokenSource(source)) {
      return loadSession<Data>(settings, readPublic, source)
    }
    const known = loaded.of(source)
    if (known) return known
    const session = loadSession<Data>(settings, readPublic, source)
    loaded.keep(source, session)
    // After an outage the same request may try again.
    session.catch(() => loaded.keep(source, undefined))
    return session
  }
}

async function loadSession<Data extends object>(
  settings: LoadSettings,
  readPublic: ReadPublic | undefined,
  source: CookieSource,
): Promise<Session<Data>> {
  const { name, versions } = settings
  const now = settings.clock()
  const isToken = isTokenSource(source)
  const header = isToken ? '' : cookieHeader(source)
  const cookies = isToken ? tokenAlone(source) : readSessionCookies(header, name, settings.joinsChunks)

  const { loaded, rejections, verifications } = await findLoadedSession(settings, cookies.candidates, now)
  reportCandidates(settings, cookies, { loaded, rejections, now })
  if (loaded) versions?.note(loaded, settings)

  const { id = settings.csrf.newId(), createdAt = now, expiresAt } = loaded?.record ?? {}
  const data = loaded ? loadedData(loaded) : {}
  const lifetime = settings.lifetimeOf(data)
  const accessedAt = lifetime.lastAccess(loaded?.record ?? {}, now) ?? now
  const value = header.includes(PUBLIC_SUFFIX) ? readCookies(header, settings.publicName).at(-1) : undefined
  let publicCookie: PublicCookie | undefined
  if (value !== undefined) {
    // Without a session it expires, whatever it says.
    publicCookie = loaded && readPublic ? await readPublic(value, { now, verifications }) : { value }
  }
  const { csrf } = settings
  const state: SessionState = {
    id,
    createdAt,
    accessedAt,
    expiresAt: lifetime.expiresAt({ createdAt, accessedAt, expiresAt }),
    isRegenerated: false,
    isNeeded: false,
    csrf: csrf.shared ?? (await csrf.prepare(data, id)),
    keepsId: csrf.keepsId,
    isDestroyed: false,
    isRead: false,
    source,
    browser: {
      hasSession: cookies.values.length > 0,
      hasSeveral: cookies.hasSeveral,
      chunks: cookies.chunks,
      publicCookie,
      ...(isToken && { isToken }),
    },
    sent: [],
    tenant: settings.tenant,
  }
  if (loaded) state.loaded = loaded
  else if (rejections[0]) {
    const { error, id: rejectedId } = weightiest(rejections)
    state.rejected = error
    if (verifications.isCutShort || cookies.isCutShort) state.isCutShort = true
    if (rejectedId !== undefined && isProtected(error)) state.rejectedId = rejectedId
    const verified = rejections.filter((rejection) => rejection.error.verified)
    const [only] = verified
    if (only && verified.length === 1) state.isReplaceable = settings.replaceUnreadable || replaceable.has(only.error)
  }
  if (Object.hasOwn(data, AUTHENTICATED)) state.signIn = { at: data[AUTHENTICATED], owner: settings.ownerOf(data) }
  if (csrf.derives) state.formerSecret = takeStoredSecret(data)
  return new Session<Data>(data as Data, state, settings)
}

/** @throws {TypeError} for a token that is no text */
function tokenAlone({ token }: TokenSource): RequestCookies {
  const value = token ?? ''
  if (typeof value !== 'string') throw new TypeError('The token of load({ token }) must be a text')
  const values = value === '' ? [] : [value]
  const candidates = values.map((first) => ({ value, first, isJoined: false }))
  return { values, chunks: [], hasSeveral: false, isCutShort: false, candidates }
}

let judging: typeof import('./judge.js') | undefined

/** What judges sessions by their schema: loaded by `ready()`, or the first session that has one. */
export const loadJudge = async (): Promise<typeof import('./judge.js')> => {
  judging ??= await import('./judge.js')
  return judging
}

/** A value that became no session. */
export interface Rejection extends CookieCandidate {
  readonly error: SessionError
  /** Of the session that it names, if it verified. */
  readonly id?: string
}

/**
 * Tries every candidate in its order. Only codecs that split values read a joined one. A value with a version goes on to the next
 * candidates: a newer version of the same session may be under another domain or path.
 *
 * @throws {SessionError} `ERR_SESSION_STORE` and `ERR_SESSION_KEYS` only
 */
export async function findLoadedSession(
  settings: LoadSettings,
  candidates: readonly CookieCandidate[],
  now: Date,
): Promise<{ loaded: LoadedSession | undefined; rejections: readonly Rejection[]; verifications: Verifications }> {
  const { rows, schema } = settings
  const verifications = createVerifications()
  const context: CodecContext = { ...contextOf(settings, 'session', now), verifications }
  const rejections: Rejection[] = []
  let loaded: LoadedSession | undefined
  for (const candidate of candidates) {
    const { value, isJoined } = candidate
    if (value === '' || isPartOf(value, loaded)) continue
    const outcome = await verifyCandidate(settings, value, context, isJoined)
    verifications.endValue()
    // Behind a session only a newer version of the same one counts.
    if (loaded && (outcome instanceof SessionError || !isNewer(outcome, loaded))) continue
    let accepted = rows && !(outcome instanceof SessionError) ? await withRow(settings, rows, outcome) : outcome
    // How long a session may last is in its data.
    if (!(accepted instanceof SessionError)) accepted = refusalOf(settings, accepted, now) ?? accepted
    if (!(accepted instanceof SessionError)) accepted = (await revokedError(settings, accepted)) ?? accepted
    if (schema && !(accepted instanceof SessionError))
      accepted = await (await loadJudge()).judge(schema, accepted, settings.copyForCommit)
    if (!(accepted instanceof SessionError)) loaded = accepted
    else if (!loaded) {
      const id = outcome instanceof SessionError ? undefined : outcome.record.id
      rejections.push({ ...candidate, error: accepted, ...(id !== undefined && { id }) })
    }
    if (loaded && loaded.record.version === undefined) break
  }
  return { loaded, rejections, verifications }
}

/** The same value, or one with more or fewer pieces: a signature covers them all, so it is no other session. */
function isPartOf(value: string, loaded: LoadedSession | undefined): boolean {
  return loaded !== undefined && (loaded.value.startsWith(value) || value.startsWith(loaded.value))
}

function isNewer({ record: a }: LoadedSession, { record: b }: LoadedSession): boolean {
  return a.id !== undefined && a.id === b.id && (a.version ?? 0) > (b.version ?? 0)
}

/** Longest value that is looked at, in characters: more than three cookies can hold. */
const MAX_VALUE_LENGTH = 16_384
/** Another codec of the same family, with its own keys, may still verify the value. */
const MOVES_ON: ReadonlySet<SessionErrorCode> = new Set([
  'ERR_SESSION_SIGNATURE',
  'ERR_SESSION_KEY',
  'ERR_SESSION_ALGORITHM',
])

/** Asks the codecs in their order. Returns why none of them reads the value. */
async function verifyCandidate(
  { codecs, copyForCommit }: LoadSettings,
  value: string,
  context: CodecContext,
  isJoined: boolean,
): Promise<LoadedSession | SessionError> {
  if (value.length > MAX_VALUE_LENGTH) {
    return new SessionError('ERR_SESSION_LIMIT', `The value is longer than ${MAX_VALUE_LENGTH} characters`)
  }
  let failure: SessionError | undefined
  let family: string | undefined
  for (let codecIndex = 0; codecIndex < codecs.length; codecIndex++) {
    const codec = codecs[codecIndex] as SessionCodec
    if ((family !== undefined && codec.family !== family) || !codec.matches(value)) continue
    if (isJoined && !codec.chunks) continue
    try {
      const record = await codec.verify(value, context)
      // A codec with `changed` compares by the record's origin, any other with a copy.
      const base = (codec.original ?? codec.changed) && record.origin ? undefined : copyForCommit?.(record.data)
      const isCounted = record.version !== undefined
      return { value, record, codec, codecIndex, isCounted, base }
    } catch (error) {
      const found = asSessionError(error)
      if (isOutage(found)) throw found
      const isCutShort = found.code === 'ERR_SESSION_LIMIT' && context.verifications?.isCutShort === true
      if (!MOVES_ON.has(found.code) && !isCutShort) return found
      // If one key verified the value, that must not be forgotten because of a codec with other keys.
      if (!failure?.verified) failure = found
      family = codec.family
    }
  }
  return failure ?? new SessionError('ERR_SESSION_UNSUPPORTED', 'No codec reads values of this form')
}

/** A codec that throws anything else must not take the request down. */
function asSessionError(error: unknown): SessionError {
  if (error instanceof SessionError) return error
  if (!isSessionError(error))
    return new SessionError('ERR_SESSION_MALFORMED', 'The codec failed on the value', { cause: error })
  const { code, message, verified = false } = error as SessionError
  return new SessionError(code, message, { cause: error, verified })
}

/** Why a token that verified is no session by its times. */
function refusalOf(
  { lifetimeOf, requireTimes }: LoadSettings,
  loaded: LoadedSession,
  now: Date,
): SessionError | undefined {
  const { record, codec } = loaded
  const lifetime = lifetimeOf(loadedData(loaded))
  if ((requireTimes ?? codec.hasTimes ?? false) && lifetime.isUntimed(record, now)) {
    const why = 'The session has no time that a timeout could count from'
    return new SessionError('ERR_SESSION_EXPIRED', why, { verified: true })
  }
  return lifetime.ended(record, now)
}

/** Finds the row of a token in the store. Returns why there is none. */
async function withRow(
  settings: LoadSettings,
  rows: RowReader,
  candidate: LoadedSession,
): Promise<LoadedSession | SessionError> {
  const { codec, record } = candidate
  const { id } = record
  try {
    const row = id ? await rows.find(id) : undefined
    if (row && !isNoSession(row.data))
      return { ...candidate, record: timedBy(row, candidate), row, base: settings.copyForCommit?.(row.data) }
    const why = id ? 'The store has no such session: it was destroyed or expired' : 'The token names no session'
    return new SessionError('ERR_SESSION_EXPIRED', why, { verified: !codec.bareId })
  } catch (error) {
    if (isOutage(error)) throw error
    const { code, message } = error as SessionError
    // The token verified, so the row belongs to someone.
    return new SessionError(code, message, { cause: error, verified: true })
  }
}

/** A bare id says no times, so those of its row count. */
function timedBy({ expiresAt }: StoredSession, { codec, record }: LoadedSession): SessionRecord {
  return codec.bareId && expiresAt ? { ...record, expiresAt } : record
}

/** What verified counts before what did not: another cookie can't hide one that must not be overwritten. */
function weightiest(rejections: readonly Rejection[]): Rejection {
  const verified = rejections.filter(({ error }) => error.verified)
  return verified.find(({ error }) => isProtected(error)) ?? verified[0] ?? (rejections[0] as Rejection)
}

function reportCandidates(
  { emit, lifetimeOf, name }: LoadSettings,
  { values, candidates }: RequestCookies,
  { loaded, rejections, now }: { loaded: LoadedSession | undefined; rejections: readonly Rejection[]; now: Date },
): void {
  if (!emit) return
  const taken = loaded && candidates.find(({ value }) => value === loaded.value)?.first
  // Pieces that do not belong together are left over: that is no news beside a session, and else only once.
  const joined = loaded ? undefined : rejections.find(({ isJoined }) => isJoined)
  for (const rejection of rejections) {
    const { value, error, isJoined } = rejection
    if (isJoined ? rejection !== joined : value === taken) continue
    const fresh = replaceable.has(error) || undefined
    emit({ type: 'rejected', code: error.code, bytes: name.length + value.length, ...(fresh && { fresh }) })
  }
  if (loaded) {
    const untimed = lifetimeOf(loadedData(loaded)).isUntimed(loaded.record, now) && ({ untimed: true } as const)
    emit({ type: 'read', ...identify(loaded), bytes: name.length + loaded.value.length, ...untimed, ...loaded.told })
  }
  const shadowed = findShadowed(name, values, taken, rejections)
  if (shadowed) emit({ type: 'shadowed', candidates: values.length, shadowed })
}

/** The data of a codec's value, read once more; undefined if it can't be read any more. */
export async function dataOfValue(
  settings: LoadSettings,
  { codec, value }: { codec: SessionCodec; value: string },
): Promise<SessionData | undefined> {
  try {
    const { data } = await codec.verify(value, contextOf(settings, 'session', settings.clock()))
    return data
  } catch {
    return undefined
  }
}
