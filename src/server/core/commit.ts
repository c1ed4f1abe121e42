/**
 * Whether a session is written, why, and by which codec: data changed, an older codec or key, or a touch that is due.
 */
import { SessionError } from '../../shared/errors.js'
import type { SessionData } from '../../shared/types.js'
import type { CodecContext, SessionCodec, SessionRecord } from '../codecs/codec.js'
import type { StoredSession } from '../stores/store.js'
import { copyOf, equalValues, largestKeys, mergeByKey } from '../values.js'
import { type ChunkLimits, chunkName, chunkRoom, MAX_COOKIE_OCTETS, splitValue } from './cookies.js'
import { changeResponse, type HeaderTarget } from './http.js'
import { isOutage } from './load.js'
import type { Settings } from './options.js'
import {
  askedData,
  type HeldSession,
  identify,
  type Session,
  type SessionState,
  type StoredData,
  stateOf,
} from './session.js'
import type { Rows } from './store-rows.js'
import type { KnownVersion } from './versions.js'

export interface Plan {
  reason: 'changed' | 'upgraded' | 'renewed'
  /** Place of the codec in the list. */
  writer: number
  /** Only the store: the cookie says what it said. */
  isRowOnly?: boolean
}

/** @returns undefined where there is nothing to write */
export async function planOf(settings: Settings, session: Session<object>): Promise<Plan | undefined> {
  const { held, isRegenerated } = stateOf(session)
  if (!held) return isRegenerated || hasMembers(session.data) ? { reason: 'changed', writer: 0 } : undefined
  const data = askedData(session)
  const differs = data !== undefined && (await hasChanged(held, data, settings))
  const isChanged = isRegenerated || differs
  const isOld = held.codecIndex > 0 || (held.record.keyIndex ?? 0) > 0
  const upgrades = isOld && (settings.upgrade === 'always' || (settings.upgrade === 'on-change' && isChanged))
  const writer = isOld && !upgrades && held.codec.sign ? held.codecIndex : 0
  const isDue = isDueAgain(settings, held)
  if (isChanged) {
    const isRowOnly = held.stored !== undefined && !isRegenerated && !upgrades && !isDue
    return { reason: 'changed', writer, isRowOnly }
  }
  if (upgrades) return { reason: 'upgraded', writer }
  return isDue ? { reason: 'renewed', writer } : undefined
}

/** Whether an unchanged session is written again for its times. */
export function isDueAgain({ lifetime, clock }: Settings, { codec, record }: HeldSession): boolean {
  const now = clock()
  return lifetime.needsTouch(record, now, codec.needsRenewal?.(record, now))
}

/** What codecs are told of the session cookie, now. */
export function contextOf(settings: Settings, purpose: CodecContext['purpose'] = 'session'): CodecContext {
  return { cookieName: settings.name, purpose, now: settings.clock() }
}

function hasMembers(data: object): boolean {
  return Object.values(data).some((value) => value !== undefined)
}

/** A codec without a comparison of its own, or a cookie just written, is read once more. */
async function hasChanged(held: HeldSession, data: object, settings: Settings): Promise<boolean> {
  const { codec, record, value, isWritten } = held
  const base = held.stored?.base ?? held.base
  if (base) return !equalValues(base, data)
  if (codec.changed && record.origin && !isWritten) return codec.changed({ ...record, data: data as SessionData })
  held.record = await codec.verify(value, contextOf(settings))
  held.isWritten = false
  return !equalValues(held.record.data, data)
}

// What a commit writes: this request's changes and, where they are at hand, those of other requests meanwhile.

export interface Content {
  /** What the token holds. */
  data: SessionData
  /** What the application may show of the session. */
  shown: SessionData
  /** What the store holds now, where there is one. */
  stored?: StoredData
  /** What the application had, where others' changes came in beside it. */
  base?: SessionData
  version: number
}

/**
 * Puts together what is to be written, and writes it to the store, where there is one.
 *
 * @returns undefined where another request ended the session meanwhile: nothing may be written then
 * @throws {SessionError} `ERR_SESSION_STORE`, and what the store can't hold
 */
export async function contentOf(
  settings: Settings,
  session: Session<object>,
  plan: Plan,
): Promise<Content | undefined> {
  const state = stateOf(session)
  const { held } = state
  const data = session.data as SessionData
  const version = (held?.record.version ?? -1) + 1
  if (settings.rows) {
    const stored = await saveRow(settings as Settings & { rows: Rows }, session, plan)
    // The token's own claims stay, but not those of whoever it was before signing in.
    const claims = state.isRegenerated ? undefined : held?.record.data
    return stored && { data: claims ?? {}, shown: stored.row.data, stored, version }
  }
  const known = held && settings.versions.of(held)
  if (!held || (!known && !held.base)) return { data, shown: data, version }
  return await withOthers(settings, session, held, known)
}

/** A cookie is all there is, so what others wrote counts as far as this process has seen it. */
async function withOthers(
  settings: Settings,
  session: Session<object>,
  held: HeldSession,
  known: KnownVersion | undefined,
): Promise<Content | undefined> {
  const { isRegenerated } = stateOf(session)
  const mine = session.data as SessionData
  const own = held.record.version ?? 0
  const version = Math.max(own, known?.isOver === false ? known.version : own) + 1
  const isCurrent = known === undefined || (!known.isOver && known.version <= own)
  if (isCurrent && !held.base) return { data: mine, shown: mine, version }
  const theirs = isCurrent ? held.record.data : await dataOf(settings, known)
  const base = held.base ?? (await dataOf(settings, held))
  if (!theirs || !base) {
    // What the other request wrote is not at hand: that it is lost is all that can be told.
    reportConflict(settings, held)
    return { data: mine, shown: mine, version }
  }
  const { data, clashes } = mergeByKey({ base, mine, theirs })
  const isOver = known?.isOver === true
  if (!isCurrent) reportConflict(settings, held, { keys: clashes, isOver })
  if (isOver && !isRegenerated) return undefined
  return { data, shown: data, base: copyOf(mine), version }
}

/** As it stands in a cookie; of a session that ended, nothing. */
async function dataOf(
  settings: Settings,
  cookie: HeldSession | Exclude<KnownVersion, undefined>,
): Promise<SessionData | undefined> {
  if ('isOver' in cookie && cookie.isOver) return {}
  const { codec, value } = cookie as HeldSession
  try {
    const { data } = await codec.verify(value, contextOf(settings))
    return data
  } catch {
    return undefined
  }
}

// Sessions whose data is in a store: the token names the row, and what requests change is put together there, key by key.

/**
 * Finds the row that a token names and keeps it with the session.
 *
 * @returns why the token is no session: the store has no such row, or has one that can't be read
 * @throws {SessionError} `ERR_SESSION_STORE`, `ERR_SESSION_KEYS`
 */
export async function findRow(rows: Rows, held: HeldSession): Promise<SessionError | undefined> {
  const { id } = held.record
  try {
    const row = id ? await rows.find(id) : undefined
    if (row === undefined) {
      const why = id ? 'The store has no such session: it ended' : 'The token names no session'
      return new SessionError('ERR_SESSION_EXPIRED', why, { verified: true })
    }
    held.stored = { row, base: copyOf(row.data) }
    return undefined
  } catch (error) {
    if (isOutage(error)) throw error
    const { code, message } = error as SessionError
    // The token was good, so the row is somebody's.
    return new SessionError(code, message, { cause: error, verified: true })
  }
}

/**
 * Writes what this request changed, or moves the end of the row.
 *
 * @returns what is in the store now; undefined where the session ended meanwhile, which is final
 * @throws {SessionError} `ERR_SESSION_STORE`, and what the store can't hold
 */
export async function saveRow(
  settings: Settings & { rows: Rows },
  session: Session<object>,
  { reason }: Plan,
): Promise<StoredData | undefined> {
  const state = stateOf(session)
  const { rows, lifetime, clock, observe } = settings
  const stored = state.held?.stored
  const mine = session.data as SessionData
  const after = (row: StoredSession): StoredData => ({ row, base: copyOf(mine) })
  if (observe) return stored ?? after({ data: mine })
  const expiresAt = lifetime.expiresAt({ createdAt: state.createdAt, accessedAt: clock() })
  if (!stored || state.isRegenerated) {
    const row = await newRow(settings, session)
    await rows.create(state.id, withEnd(row, expiresAt))
    return after(row)
  }
  if (reason !== 'changed') {
    await rows.touch(state.id, expiresAt)
    // A touch does not say whether the row is there still, and no token may go out for a session that ended.
    const row = await rows.find(state.id)
    if (!row) reportConflict(settings, state.held, { isOver: true })
    return row && { ...stored, row }
  }
  let clashes: string[] = []
  const row: StoredSession | undefined = await rows.change(state.id, (current) => {
    const merged = mergeByKey({ base: stored.base, mine, theirs: current.data })
    clashes = merged.clashes
    return withEnd({ ...current, data: merged.data }, expiresAt)
  })
  if (!row || clashes.length > 0) reportConflict(settings, state.held, { keys: clashes, isOver: !row })
  return row && after(row)
}

/** The row of a new id. What stands in the old one now goes along; of a session that ended meanwhile only what this request changed. */
async function newRow(settings: Settings & { rows: Rows }, session: Session<object>): Promise<StoredSession> {
  const state = stateOf(session)
  const mine = session.data as SessionData
  const { stored, record } = state.held ?? {}
  if (!stored || record?.id === undefined) return { data: { ...mine } }
  const current = await settings.rows.find(record.id)
  const { data, clashes } = mergeByKey({ base: stored.base, mine, theirs: current?.data ?? {} })
  if (!current || clashes.length > 0) reportConflict(settings, state.held, { keys: clashes, isOver: !current })
  return { ...current, data }
}

/** Tells that two requests at once cost something: a change to `keys`, or all of this one's where the session is over. */
export function reportConflict(
  { emit }: Settings,
  held: HeldSession | undefined,
  { keys = [], isOver = false }: { keys?: readonly string[]; isOver?: boolean } = {},
): void {
  emit?.({
    type: 'conflict',
    ...(held ? identify(held) : {}),
    ...(isOver ? { code: 'ERR_SESSION_DESTROYED' } : {}),
    ...(keys.length > 0 ? { keys } : {}),
  })
}

function withEnd({ expiresAt: _, ...row }: StoredSession, expiresAt: Date | undefined): StoredSession {
  return { ...row, ...(expiresAt ? { expiresAt } : {}) }
}

// Signs a session with the codec of the plan. Where that can't hold it, the codec that read it keeps it.

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
export async function writeSession(
  settings: Settings,
  session: Session<object>,
  plan: Plan,
  content: Content,
): Promise<WrittenSession | undefined> {
  const { held } = stateOf(session)
  try {
    return await writeWith(settings, session, { ...plan, content })
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
      ? await writeWith(settings, session, { ...plan, writer: held.codecIndex, content })
      : undefined
  }
}

async function writeWith(
  settings: Settings,
  session: Session<object>,
  { writer: codecIndex, reason, content }: Plan & { content: Content },
): Promise<WrittenSession> {
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
  const value = await signFitting(codec, record, context, settings.name, limits)
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
export async function signFitting(
  codec: SessionCodec,
  record: SessionRecord,
  context: CodecContext,
  cookieName: string,
  limits?: ChunkLimits,
): Promise<string> {
  const value = await (codec as Required<SessionCodec>).sign(record, context)
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

// The cookie `NAME.public`: the fields of a session that scripts may read, while the session itself stays HttpOnly.
// It is signed with a key derived for that purpose, written with the session, and never read as authority.

/** What becomes of the public half. */
export interface WrittenHalf {
  /** The Set-Cookie text. */
  cookie: string
  /** Absent where the cookie expires. */
  value?: string
}

/**
 * The public half: with the session, or when the browser has another one; an expired one where there is no session for it.
 *
 * @param written - the session, where it goes out with the same response
 * @param content - what was written of it, to a cookie or to the store
 * @throws {SessionError} `ERR_SESSION_TOO_LARGE`, `ERR_SESSION_UNWRITABLE`
 */
export async function writePublicHalf(
  settings: Settings,
  session: Session<object>,
  written: WrittenSession | undefined,
  content: Content | undefined,
): Promise<WrittenHalf | undefined> {
  const { cookies, exposure, publicName } = settings
  const { publicValue, held: before } = stateOf(session)
  const held = written?.held ?? before
  if (!exposure.publicHalf || !held) {
    return publicValue === undefined ? undefined : { cookie: cookies.expire(publicName, { httpOnly: false }) }
  }
  const codec = settings.publicCodec as Required<SessionCodec>
  const context = contextOf(settings, 'public')
  const data = exposure.publicHalf(content?.shown ?? held.stored?.row.data ?? (session.data as SessionData))
  if (!written && publicValue !== undefined) {
    const isCurrent = await holds(settings, codec, publicValue, data)
    if (isCurrent) return undefined
  }
  const { createdAt, accessedAt, expiresAt } = held.record
  const { origin } = content?.stored?.row ?? held.stored?.row ?? held.record
  const record: SessionRecord = {
    data,
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(accessedAt === undefined ? {} : { accessedAt }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(origin === undefined ? {} : { origin }),
  }
  const value = await signFitting(codec, record, context, publicName)
  return { value, cookie: cookies.set(publicName, value, { httpOnly: false, now: context.now }) }
}

/** Whether the half in the browser says the same, with the newest key and times that are not too old. */
async function holds(settings: Settings, codec: SessionCodec, value: string, data: SessionData): Promise<boolean> {
  const context = contextOf(settings, 'public')
  try {
    const record = await codec.verify(value, context)
    const isOld = (record.keyIndex ?? 0) > 0 || settings.lifetime.needsTouch(record, context.now)
    return !isOld && equalValues(record.data, data)
  } catch {
    return false
  }
}

// The cookies of a session on their way into a response, and those that end.
// RFC 6265 §5.3: name, domain and path make a cookie, so never two of the same go out.

/** Adds cookies to a response; those of an earlier commit to the same one are replaced. */
export function respond(
  { observe }: Settings,
  state: SessionState,
  written: readonly (string | undefined)[],
  headers: HeaderTarget | undefined,
): string[] {
  if (observe) return []
  const cookies = written.filter((cookie) => cookie !== undefined)
  const isPrivate = state.held !== undefined || cookies.length > 0
  const replaces = state.cookies.length > 0 ? replacedBy(cookies, state.cookies) : []
  const concerns = cookies.length > 0 || state.isRead === true
  if (headers && concerns) changeResponse(headers, { cookies, replaces, isPrivate })
  if (cookies.length === 0) return cookies
  state.watchTransport()
  state.cookies = [...state.cookies.filter((cookie) => !replaces.includes(cookie)), ...cookies]
  return cookies
}

function replacedBy(cookies: readonly string[], earlier: readonly string[]): string[] {
  const keys = new Set(cookies.map(cookieKeyOf))
  return earlier.filter((cookie) => keys.has(cookieKeyOf(cookie)))
}

/** The session's cookie with all its pieces, as they end. */
export function expiredCookies({ name, cookies, exposure }: Settings, { chunks }: SessionState): string[] {
  return [0, ...chunks].map((index) => cookies.expire(chunkName(name, index), exposure))
}

/** Cookies of our names in other places, which would hide ours, or come back once it is gone. */
export function expiredShadows({ name, publicName, cookies, exposure }: Settings, { chunks }: SessionState): string[] {
  const names = [0, ...chunks].map((index) => chunkName(name, index))
  const halves = exposure.publicHalf ? cookies.expireShadows([publicName], { httpOnly: false }) : []
  return [...cookies.expireShadows(names, exposure), ...halves]
}

/** What a browser tells cookies by: name, domain and path. */
function cookieKeyOf(setCookie: string): string {
  const [pair = '', ...attributes] = setCookie.split('; ')
  const place = attributes.filter((attribute) => /^(?:Domain|Path)=/.test(attribute))
  return [pair.slice(0, pair.indexOf('=')), ...place].join('; ')
}
