/**
 * The trip in: from the Cookie header of a request to its session, new or known.
 */
import { platform } from '#platform'
import { encodeHex } from '../../shared/bytes.js'
import { readCookies } from '../../shared/cookie.js'
import type { SessionError } from '../../shared/errors.js'
import type { MaybePromise } from '../codecs/codec.js'
import { PUBLIC_SUFFIX } from '../expose.js'
import { type Flow, run } from '../flow.js'
import { type HeldSession, identify, Session, type SessionOwner, type SessionState } from '../session.js'
import type { Settings } from '../settings.js'
import { findShadowed } from '../shadows.js'
import { type Rejection, readCandidates } from './candidates.js'
import { NO_CHUNKS, readChunks } from './chunks.js'
import { contextOf } from './commit-plan.js'
import { type CookieSource, cookieHeader } from './message.js'
import { findRow, reportConflict } from './stored-session.js'
import { isProtected } from './write-session.js'

/** Cookie header → candidates × codecs → verify → lifetime → session. */
export function* loadSession<Data extends object>(
  settings: Settings,
  owner: SessionOwner,
  source: CookieSource,
): Flow<Session<Data>> {
  const { lifetime, emit, name } = settings
  const header = cookieHeader(source)
  const values = readCookies(header, name)
  const context = contextOf(settings)
  const { now } = context
  const { joined, indexes } = settings.chunks ? readChunks(header, name) : NO_CHUNKS
  const refuse = (candidate: HeldSession) => refusal(settings, candidate, now)
  const { held, rejections } = yield* readCandidates(values, settings.codecs, context, refuse, joined)
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
function refusal({ lifetime, rows }: Settings, held: HeldSession, now: Date): MaybePromise<SessionError | undefined> {
  return lifetime.ended(held.record, now) ?? (rows && run(findRow(rows, held)))
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
