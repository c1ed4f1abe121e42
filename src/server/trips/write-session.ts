/**
 * Signs a session with the codec of the plan. Where that can't hold it, the codec that read it keeps it.
 */
import { SessionError } from '../../shared/errors.js'
import type { CodecContext, SessionCodec, SessionRecord } from '../codecs/codec.js'
import { type Flow, wait } from '../flow.js'
import { type HeldSession, identify, type Session, type SessionState, stateOf } from '../session.js'
import { MAX_COOKIE_OCTETS } from '../set-cookie.js'
import type { Settings } from '../settings.js'
import { largestKeys } from '../values/largest-keys.js'
import { type ChunkLimits, chunkName, chunkRoom, splitValue } from './chunks.js'
import { contextOf, isDueAgain, type Plan } from './commit-plan.js'
import type { Content } from './content.js'

/** A session that is signed and not yet sent. */
export interface WrittenSession {
  /** The Set-Cookie texts: the session in one piece or several, and pieces left over that expire. */
  cookies: readonly string[]
  /** The pieces beside the first that the browser has from now on. */
  chunks: readonly number[]
  held: HeldSession
  reason: Plan['reason']
}

/**
 * @returns undefined where an unchanged session stays as it is
 * @throws {SessionError} `ERR_SESSION_TOO_LARGE`, `ERR_SESSION_UNWRITABLE`, `ERR_SESSION_PROTECTED`
 */
export function* writeSession(
  settings: Settings,
  session: Session<object>,
  plan: Plan,
  content: Content,
): Flow<WrittenSession | undefined> {
  const { held } = stateOf(session)
  try {
    return yield* writeWith(settings, session, { ...plan, content })
  } catch (error) {
    if (!held || !isUnwritable(error)) throw error
    const mustWrite = plan.reason === 'changed' || isDueAgain(settings, held)
    const canKeep = held.codecIndex !== plan.writer && held.codec.sign !== undefined
    if (plan.reason === 'changed' && !canKeep) throw error
    settings.emit?.({
      type: 'kept',
      ...identify(held),
      code: error.code,
      ...(error.path === undefined ? {} : { path: error.path }),
    })
    return mustWrite && canKeep
      ? yield* writeWith(settings, session, { ...plan, writer: held.codecIndex, content })
      : undefined
  }
}

function* writeWith(
  settings: Settings,
  session: Session<object>,
  { writer: codecIndex, reason, content }: Plan & { content: Content },
): Flow<WrittenSession> {
  const state = stateOf(session)
  const codec = settings.codecs[codecIndex] as SessionCodec
  const context = contextOf(settings)
  const { data, stored, base, version } = content
  // What a token said before signing in is nothing to copy from; without a store it is the data that was there.
  const before = stored && state.isRegenerated ? undefined : state.held?.record
  const { id, createdAt } = state
  const record: SessionRecord = { ...before, data, version, id, createdAt, accessedAt: context.now }
  if (stored) record.stored = stored.row.data
  // With a timeout the session's end moves with each write, for the formats that have a place for it.
  const expiresAt = settings.lifetime.expiresAt({ createdAt, accessedAt: context.now })
  if (expiresAt) record.expiresAt = expiresAt
  const limits = codec.chunks ? settings.chunks : undefined
  const value = yield* signFitting(codec, record, context, settings.name, limits)
  const held: HeldSession = { value, codec, codecIndex, record: { ...record, keyIndex: 0 }, isWritten: true }
  if (stored) held.stored = stored
  if (base) held.base = base
  return { ...piecesOf(settings, state, { value, limits, now: context.now }), held, reason }
}

/** A piece that the browser has and the value no longer needs expires. */
function piecesOf(
  { name, cookies, exposure }: Settings,
  { chunks }: SessionState,
  { value, limits, now }: { value: string; limits: ChunkLimits | undefined; now: Date },
): Pick<WrittenSession, 'cookies' | 'chunks'> {
  const pieces = limits ? splitValue(name, value, limits) : [value]
  const leftOver = chunks.filter((index) => index >= pieces.length)
  return {
    cookies: [
      ...pieces.map((piece, index) => cookies.set(chunkName(name, index), piece, { ...exposure, now })),
      ...leftOver.map((index) => cookies.expire(chunkName(name, index), exposure)),
    ],
    chunks: [...pieces.keys()].slice(1),
  }
}

/** Takes note that a session goes out with the response. */
export function keepWritten(
  settings: Settings,
  session: Session<object>,
  { held, chunks, reason }: WrittenSession,
): void {
  const state = stateOf(session)
  report(settings, state, held, reason)
  if (settings.observe) return
  // A new session is known once its cookie comes in.
  if (state.held?.record.version !== undefined && !state.isRegenerated) settings.versions.note(held)
  const { accessedAt = state.accessedAt } = held.record
  const expiresAt = settings.lifetime.expiresAt(held.record)
  Object.assign(state, { held, chunks, accessedAt, expiresAt, isRegenerated: false })
}

/**
 * @param cookieName - of the cookie it will stand in, which takes room too
 * @param limits - of the cookies that it may be split over
 * @throws {SessionError} `ERR_SESSION_TOO_LARGE` with the largest keys, and what the codec throws
 */
export function* signFitting(
  codec: SessionCodec,
  record: SessionRecord,
  context: CodecContext,
  cookieName: string,
  limits?: ChunkLimits,
): Flow<string> {
  const value = yield* wait((codec as Required<SessionCodec>).sign(record, context))
  const most = limits ? chunkRoom(cookieName, limits) : MAX_COOKIE_OCTETS - cookieName.length
  const room = Math.min(codec.maxLength ?? most, most)
  if (value.length <= room) return value
  throw new SessionError(
    'ERR_SESSION_TOO_LARGE',
    `Cookie ${cookieName} takes ${value.length} octets as ${codec.name}; there is room for ${room} (see "largest" for the biggest keys)`,
    { largest: largestKeys(record.data) },
  )
}

/** A value that verified but can't be read belongs to somebody: it may hold what a newer release wrote. */
export function isProtected(rejected: SessionError | undefined): boolean {
  return rejected?.verified === true && rejected.code !== 'ERR_SESSION_EXPIRED'
}

/** @throws {SessionError} `ERR_SESSION_PROTECTED` */
export function refuseOverwriting({ rejected, isRegenerated }: SessionState): void {
  if (!isProtected(rejected) || isRegenerated) return
  throw new SessionError(
    'ERR_SESSION_PROTECTED',
    'The cookie verified but could not be read: regenerate() or destroy() replaces it',
    {
      cause: rejected,
    },
  )
}

function isUnwritable(error: unknown): error is SessionError {
  return (
    error instanceof SessionError &&
    ['ERR_SESSION_UNWRITABLE', 'ERR_SESSION_TOO_LARGE', 'ERR_SESSION_LIMIT'].includes(error.code)
  )
}

function report(
  { emit, name }: Settings,
  { held: before }: SessionState,
  held: HeldSession,
  reason: Plan['reason'],
): void {
  const about = { ...identify(held), bytes: name.length + held.value.length }
  const isUpgrade = before && (before.codecIndex !== held.codecIndex || (before.record.keyIndex ?? 0) > 0)
  if (isUpgrade) emit?.({ type: 'upgraded', ...about })
  if (reason === 'renewed') emit?.({ type: 'renewed', ...about })
  emit?.({ type: 'committed', ...about })
}
