/**
 * Writes a session: is there anything to write? → merge with other requests → store → sign → public cookie → apply → headers.
 * Nothing of the session changes before the last step that can fail.
 */
import { SessionError } from '../../shared/errors.js'
import type { SessionData } from '../../shared/types.js'
import type { CodecContext, SessionCodec, SessionRecord } from '../codecs/codec.js'
import type { StoredSession } from '../stores/store.js'
import { copyOf, equalValues, largestKeys, markUncertain, mergeByKey } from '../values.js'
import {
  type ChunkLimits,
  chunkName,
  chunkRoom,
  isSameCookie,
  MAX_COOKIE_BYTES,
  type SetCookie,
  splitValue,
} from './cookies.js'
import { changeResponse, type HeaderTarget } from './http.js'
import { dataOfValue } from './load.js'
import { contextOf, type Settings } from './options.js'
import {
  type BrowserCookies,
  dataOf,
  identify,
  isProtected,
  type LoadedSession,
  type PublicCookie,
  type Session,
  type SessionState,
  stateOf,
} from './session.js'
import type { Rows } from './store-rows.js'
import { reportConflict } from './versions.js'

/**
 * Whether a commit would write a cookie or a row. It never waits, so that an adapter lets every other response pass at once.
 * What throws here throws again in the commit.
 */
export function needsCommit(settings: Settings, session: Session<object>): boolean {
  const state = stateOf(session)
  if (settings.turns.isRunning(session)) return true
  // The cookies that expired go into the response once more.
  if (state.isDestroyed) return state.sent.length > 0
  try {
    return begin(settings, session).isDue
  } catch {
    return true
  }
}

/** What a commit knows before it waits for anything. */
interface Begun {
  readonly now: Date
  readonly draft: Draft
  readonly plan: Plan | undefined
  /** There is something to write. */
  readonly isDue: boolean
}

function begin(settings: Settings, session: Session<object>): Begun {
  const now = settings.clock()
  const draft = draftOf(session)
  const plan = planOf(settings, draft, now)
  if (plan) return { now, draft, plan, isDue: true }
  const isStale = publicChange(settings, draft, {}, now) !== undefined || hasExpired(draft)
  return { now, draft, plan, isDue: isStale && !settings.observe }
}

/** Writes what there is to write. */
export async function commit(
  settings: Settings,
  session: Session<object>,
  headers: HeaderTarget | undefined,
): Promise<SetCookie[]> {
  const state = stateOf(session)
  const begun = state.isDestroyed || settings.turns.isRunning(session) ? undefined : begin(settings, session)
  // Most requests only read.
  if (begun?.isDue === false) return respond(settings, state, [], headers)
  return await settings.turns(session, () => commitNow(settings, session, headers, begun))
}

/** Ends a session: its cookies expire, its row goes. */
export function destroy(
  settings: Settings,
  session: Session<object>,
  headers: HeaderTarget | undefined,
): Promise<SetCookie[]> {
  return settings.turns(session, () => destroyNow(settings, session, headers))
}

/** Marks the response of a session that needs no commit as depending on the cookie. */
export function markResponse(settings: Settings, session: Session<object>, headers: HeaderTarget): void {
  respond(settings, stateOf(session), [], headers)
}

async function commitNow(
  settings: Settings,
  session: Session<object>,
  headers: HeaderTarget | undefined,
  begun?: Begun,
): Promise<SetCookie[]> {
  const state = stateOf(session)
  if (state.isDestroyed) return respond(settings, state, state.sent, headers)
  const { now, draft, plan } = begun ?? begin(settings, session)
  if (plan && !draft.loaded) refuseOverwriting(draft)
  // Copied before anything is awaited: what the application changes meanwhile is a change for the next commit.
  const base = plan && copyOf(draft.data)

  if (plan && settings.rows) await checkPublic(settings, draft, plan, now)
  const content = plan && (await saveContent(settings, draft, plan, now))
  if (plan && !content) {
    // Another request destroyed the session, and its response has told the browser.
    state.isDestroyed = true
    return respond(settings, state, [], headers)
  }
  const signed = plan && content && !plan.isRowOnly ? await signSession(settings, draft, plan, content, now) : undefined
  const publicData = publicChange(settings, draft, { content, signed }, now)
  const publicCookie = publicData && (await writePublic(settings, draft, plan, publicData, { content, signed, now }))
  if (signed && draft.isRegenerated) await removeOld(settings, draft)

  // Nothing below fails: a session that was not sent never counts as written.
  const cookies = [
    ...(signed?.cookies ?? (hasExpired(draft) ? expireSession(settings, draft) : [])),
    ...(signed && draft.browser.hasSeveral ? expireShadows(settings, draft) : []),
    ...(publicCookie ? [publicCookie.cookie] : []),
  ]
  report(settings, draft, plan, signed?.loaded)
  if (!settings.observe) {
    if (base) markUncertain(base, draft.data)
    apply(settings, state, { draft, base, content, signed, publicCookie })
  }
  return respond(settings, state, cookies, headers)
}

async function destroyNow(
  settings: Settings,
  session: Session<object>,
  headers: HeaderTarget | undefined,
): Promise<SetCookie[]> {
  const { cookies, exposure, publicName, emit } = settings
  const state = stateOf(session)
  const draft = draftOf(session)
  const hasCookie = state.browser.hasSession || state.loaded !== undefined
  const hasPublic = state.browser.publicCookie !== undefined || (hasCookie && exposure.publicData !== undefined)
  const isFirst = !state.isDestroyed
  // No commit saves the session again, even if the store fails now.
  state.isDestroyed = true
  await removeOld(settings, draft)
  if (isFirst) emit?.({ type: 'destroyed', ...(state.loaded ? identify(state.loaded) : {}) })
  const expired = [
    ...(hasCookie ? [...expireSession(settings, draft), ...expireShadows(settings, draft)] : []),
    ...(hasPublic ? [cookies.expire(publicName, { httpOnly: false })] : []),
  ]
  return respond(settings, state, expired, headers)
}

/**
 * The session when the commit begins. The application may go on while the commit waits: what it puts into `data`, and a
 * `regenerate()`, are for the next commit.
 */
interface Draft {
  readonly id: string
  readonly createdAt: Date
  readonly loaded: LoadedSession | undefined
  readonly rejected: SessionError | undefined
  readonly rejectedId: string | undefined
  readonly isCutShort: boolean | undefined
  readonly isRegenerated: boolean
  /** A CSRF token was made of the id. */
  readonly isNeeded: boolean
  readonly browser: BrowserCookies
  readonly data: SessionData
  /** The application has asked for the data: until then it is as it was loaded. */
  readonly isAsked: boolean
}

function draftOf(session: Session<object>): Draft {
  // Member by member: spreading takes longer than all else of a commit that writes nothing.
  const { id, createdAt, loaded, rejected, rejectedId, isCutShort, isRegenerated, isNeeded, browser } = stateOf(session)
  const { data, isAsked } = dataOf(session)
  return { id, createdAt, loaded, rejected, rejectedId, isCutShort, isRegenerated, isNeeded, browser, data, isAsked }
}

// 1. Is there anything to write?

/** Why a session is written, and where. */
interface Plan {
  readonly reason: 'changed' | 'upgraded' | 'renewed'
  /** The place of the codec that writes. */
  readonly codecIndex: number
  /** Only the row changes: the cookie stays as it is. */
  readonly isRowOnly: boolean
}

/** Data that changed, an older codec or key, or a touch that is due. */
function planOf(
  settings: Settings,
  { loaded, isRegenerated, isNeeded, data, isAsked }: Draft,
  now: Date,
): Plan | undefined {
  if (!loaded) {
    const isWritten = isRegenerated || isNeeded || hasMembers(data)
    return isWritten ? { reason: 'changed', codecIndex: 0, isRowOnly: false } : undefined
  }
  const isChanged = isRegenerated || (isAsked && hasChanged(loaded, data))
  const isOld = loaded.codecIndex > 0 || (loaded.record.keyIndex ?? 0) > 0
  const upgrades = isOld && (settings.upgrade === 'always' || (settings.upgrade === 'on-change' && isChanged))
  const codecIndex = isOld && !upgrades && loaded.codec.sign ? loaded.codecIndex : 0
  const isDue = isTouchDue(settings, loaded, now)
  if (isChanged) {
    // A bare id is sent with each change, as Django does: its cookie lives on as its row does.
    const isRowOnly = loaded.row !== undefined && !isRegenerated && !upgrades && !isDue && !loaded.codec.bareId
    return { reason: 'changed', codecIndex, isRowOnly }
  }
  if (upgrades) return { reason: 'upgraded', codecIndex, isRowOnly: false }
  return isDue ? { reason: 'renewed', codecIndex, isRowOnly: false } : undefined
}

function hasMembers(data: SessionData): boolean {
  return Object.values(data).some((value) => value !== undefined)
}

function hasChanged({ base, codec, record }: LoadedSession, data: SessionData): boolean {
  return base ? !equalValues(base, data) : (codec as Required<SessionCodec>).changed({ ...record, data })
}

/** Whether an unchanged session is written again for its times. */
function isTouchDue({ lifetime }: Settings, { codec, record }: LoadedSession, now: Date): boolean {
  return lifetime.needsTouch(record, now, codec.needsRenewal?.(record, now))
}

/** The request's cookie has expired, and no new session takes its place. */
function hasExpired({ loaded, rejected }: Draft): boolean {
  return !loaded && rejected?.code === 'ERR_SESSION_EXPIRED'
}

/** @throws {SessionError} `ERR_SESSION_PROTECTED` */
function refuseOverwriting({ rejected, isCutShort, isRegenerated }: Draft): void {
  if (isRegenerated || !(isCutShort || isProtected(rejected))) return
  const why = isCutShort ? 'One of the cookies was not looked at' : 'The cookie verified but could not be read'
  throw new SessionError('ERR_SESSION_PROTECTED', `${why}: regenerate() or destroy() replaces it`, { cause: rejected })
}

// 2. What is written: this request's changes, and those that other requests made meanwhile.

/** What a commit writes. */
interface Content {
  /** For the token. */
  readonly data: SessionData
  /** What the application may show of the session. */
  readonly shown: SessionData
  /** `data` has changes of other requests, too. */
  readonly isMerged?: boolean
  /** What the store has now, if there is one. */
  readonly row?: StoredSession
  /** For codecs that count versions. */
  readonly version: number
  /** When the session expires if it is not used again. */
  readonly expiresAt: Date | undefined
}

/**
 * Puts together what is written, and saves it in the store if there is one.
 *
 * @returns undefined if another request destroyed the session: then nothing may be written
 * @throws {SessionError} `ERR_SESSION_STORE`, and what the store throws for data that it can't hold
 */
async function saveContent(settings: Settings, draft: Draft, plan: Plan, now: Date): Promise<Content | undefined> {
  const { data, loaded, createdAt, isRegenerated } = draft
  const expiresAt = settings.lifetime.expiresAt({ createdAt, accessedAt: now })
  const version = (loaded?.record.version ?? -1) + 1
  const { rows } = settings
  if (rows) {
    const row = await saveRow(settings, rows, draft, { plan, expiresAt })
    // The token's own claims stay, but not those of an earlier user.
    const claims = isRegenerated ? undefined : loaded?.record.data
    return row && { data: claims ?? {}, shown: row.data, row, version, expiresAt }
  }
  if (!loaded) return { data, shown: data, version, expiresAt }
  const merged = await mergeVersions(settings, draft, loaded)
  return merged && { ...merged, shown: merged.data, expiresAt }
}

/**
 * Writes the row.
 *
 * @returns what the store has now; undefined if another request destroyed the session, which is final
 */
async function saveRow(
  settings: Settings,
  rows: Rows,
  { id, data: mine, loaded, isRegenerated }: Draft,
  { plan, expiresAt }: { plan: Plan; expiresAt: Date | undefined },
): Promise<StoredSession | undefined> {
  if (settings.observe) return loaded?.row ?? { data: mine }
  if (!loaded?.row || isRegenerated) {
    return await createRow(settings, rows, { id, loaded, mine, expiresAt })
  }
  if (plan.reason !== 'changed') {
    await rows.touch(id, expiresAt)
    // A touch does not tell whether the row still exists, and no token may go out for a destroyed session.
    const row = await rows.find(id)
    if (!row) reportConflict(settings, loaded, { isDestroyed: true })
    return row
  }
  const base = loaded.base ?? {}
  let clashes: string[] = []
  const row = await rows.change(id, (current) => {
    const merged = mergeByKey({ base, mine, theirs: current.data })
    clashes = merged.clashes
    return withEnd({ ...current, data: merged.data }, expiresAt)
  })
  if (!row || clashes.length > 0) reportConflict(settings, loaded, { keys: clashes, isDestroyed: !row })
  return row
}

/**
 * Writes the row of a new id. What the old row has goes along; of a session that was destroyed meanwhile, only what this request
 * changed.
 */
async function createRow(
  settings: Settings,
  rows: Rows,
  { id, loaded, mine, expiresAt }: Pick<Draft, 'id' | 'loaded'> & { mine: SessionData; expiresAt: Date | undefined },
): Promise<StoredSession> {
  const before = loaded?.row ? loaded.record.id : undefined
  const create = async (row: StoredSession): Promise<StoredSession> => {
    await rows.create(id, withEnd(row, expiresAt))
    return row
  }
  if (!loaded || before === undefined) return await create({ data: { ...mine } })

  const carried = (current: StoredSession | undefined): StoredSession => {
    const { data, clashes } = mergeByKey({ base: loaded.base ?? {}, mine, theirs: current?.data ?? {} })
    if (!current || clashes.length > 0) reportConflict(settings, loaded, { keys: clashes, isDestroyed: !current })
    return { ...current, data }
  }
  const current = await rows.current(before)
  const row = await create(carried(current))
  // If it was destroyed before the new row was there, its data must not live on in that.
  return !current || (await rows.current(before)) ? row : await create(carried(undefined))
}

function withEnd({ expiresAt: _, ...row }: StoredSession, expiresAt: Date | undefined): StoredSession {
  return { ...row, ...(expiresAt ? { expiresAt } : {}) }
}

/**
 * Without a store the cookie is all there is, so the changes of other requests count as far as this process has seen them.
 *
 * @returns undefined if another request destroyed the session
 */
async function mergeVersions(
  settings: Settings,
  { data: mine, isRegenerated }: Draft,
  loaded: LoadedSession,
): Promise<Pick<Content, 'data' | 'version' | 'isMerged'> | undefined> {
  const own = loaded.record.version ?? 0
  const known = loaded.isCounted ? settings.versions.of(loaded) : undefined
  const isDestroyed = known?.isDestroyed === true
  const other = known?.isDestroyed === false ? known : undefined
  const newest = other?.version ?? own
  const version = Math.max(own, newest) + 1
  const isCurrent = !isDestroyed && newest <= own
  if (isCurrent && !loaded.isMerged) return { data: mine, version }

  const theirs = other && !isCurrent ? await dataOfValue(settings, other) : isDestroyed ? {} : loaded.record.data
  const base = loaded.base ?? (await dataOfValue(settings, loaded))
  if (!theirs || !base) {
    // What the other request wrote can't be read any more: all that remains is to tell that it is lost.
    reportConflict(settings, loaded)
    return { data: mine, version }
  }
  const { data, clashes } = mergeByKey({ base, mine, theirs })
  if (!isCurrent) reportConflict(settings, loaded, { keys: clashes, isDestroyed })
  return isDestroyed && !isRegenerated ? undefined : { data, version, isMerged: true }
}

// 3. Sign.

/** A session that is signed and not yet sent. */
interface SignedSession {
  readonly loaded: LoadedSession
  /** The session in one piece or several, and pieces left over that expire. */
  readonly cookies: readonly SetCookie[]
  /** Which pieces besides the first the browser has then. */
  readonly chunks: readonly number[]
}

/**
 * Signs with the codec of the plan. If that can't hold the session, the codec that read it keeps it.
 *
 * @returns undefined if an unchanged session stays as it is
 * @throws {SessionError} `ERR_SESSION_TOO_LARGE`, `ERR_SESSION_UNWRITABLE`, `ERR_SESSION_LIMIT`
 */
async function signSession(
  settings: Settings,
  draft: Draft,
  plan: Plan,
  content: Content,
  now: Date,
): Promise<SignedSession | undefined> {
  const { loaded } = draft
  try {
    return await signWith(settings, draft, plan.codecIndex, content, now)
  } catch (error) {
    if (!loaded || !isUnwritable(error)) throw error
    const mustWrite = plan.reason === 'changed' || isTouchDue(settings, loaded, now)
    const canKeep = loaded.codecIndex !== plan.codecIndex && loaded.codec.sign !== undefined
    if (plan.reason === 'changed' && !canKeep) throw error
    settings.emit?.({
      type: 'kept',
      ...identify(loaded),
      code: error.code,
      ...(error.path === undefined ? {} : { path: error.path }),
    })
    return mustWrite && canKeep ? await signWith(settings, draft, loaded.codecIndex, content, now) : undefined
  }
}

function isUnwritable(error: unknown): error is SessionError {
  return (
    error instanceof SessionError &&
    ['ERR_SESSION_UNWRITABLE', 'ERR_SESSION_TOO_LARGE', 'ERR_SESSION_LIMIT'].includes(error.code)
  )
}

async function signWith(
  settings: Settings,
  { id, createdAt, isRegenerated, loaded: read, browser }: Draft,
  codecIndex: number,
  { data, row, version, expiresAt, isMerged = false }: Content,
  now: Date,
): Promise<SignedSession> {
  const codec = settings.codecs[codecIndex] as SessionCodec
  // What a token said before signing in is not copied; without a store it is the data that was there.
  const before = row && isRegenerated ? undefined : read?.record
  const record: SessionRecord = { ...before, data, version, id, createdAt, accessedAt: now }
  if (row) record.stored = row.data
  const end = expiresAt ?? (codec.bareId && row?.expiresAt)
  if (end) record.expiresAt = end
  const limits = codec.chunks ? settings.chunkLimits : undefined
  const value = await signFitting(codec, record, contextOf(settings, 'session', now), settings.name, limits)
  const loaded: LoadedSession = {
    value,
    codec,
    codecIndex,
    record: { ...record, keyIndex: 0 },
    isMerged,
    isCounted: read?.isCounted === true,
  }
  return { loaded, ...piecesOf(settings, browser, { value, limits, now }) }
}

/** The cookies of a value. A piece that the browser has and the value no longer needs expires. */
function piecesOf(
  { name, cookies, exposure }: Settings,
  { chunks }: BrowserCookies,
  { value, limits, now }: { value: string; limits: ChunkLimits | undefined; now: Date },
): Pick<SignedSession, 'cookies' | 'chunks'> {
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

/**
 * @param cookieName - of the cookie that the value stands in, which takes room too
 * @param limits - of the cookies that it may be split over
 * @throws {SessionError} `ERR_SESSION_TOO_LARGE` with the largest keys, and what the codec throws
 */
async function signFitting(
  codec: SessionCodec,
  record: SessionRecord,
  context: CodecContext,
  cookieName: string,
  limits?: ChunkLimits,
): Promise<string> {
  const value = await (codec as Required<SessionCodec>).sign(record, context)
  const most = limits ? chunkRoom(cookieName, limits) : MAX_COOKIE_BYTES - cookieName.length
  const room = Math.min(codec.maxLength ?? most, most)
  if (value.length <= room) return value
  throw new SessionError(
    'ERR_SESSION_TOO_LARGE',
    `Cookie ${cookieName} takes ${value.length} bytes as ${codec.name}; there is room for ${room} (see "largest" for the biggest keys)`,
    { largest: largestKeys(record.data) },
  )
}

// 4. The public cookie: the fields that scripts may read, while the session itself is HttpOnly.

/** What this commit has written so far. */
interface Written {
  readonly content?: Content | undefined
  readonly signed?: SignedSession | undefined
}

interface SignedPublic {
  readonly cookie: SetCookie
  /** Absent if the cookie expires. */
  readonly written?: PublicCookie
}

/** What the public cookie has to become; undefined if it stays. */
function publicChange(
  settings: Settings,
  { browser, loaded: before, data: mine }: Draft,
  { content, signed }: Written,
  now: Date,
): 'expired' | SessionData | undefined {
  const { exposure, lifetime } = settings
  const loaded = signed?.loaded ?? before
  if (!exposure.publicData || !loaded) return browser.publicCookie && 'expired'
  const data = exposure.publicData(content?.shown ?? loaded.row?.data ?? mine)
  if (signed || !browser.publicCookie) return data
  const { record } = browser.publicCookie
  const isCurrent =
    record !== undefined &&
    (record.keyIndex ?? 0) === 0 &&
    !(record.expiresAt && record.expiresAt <= now) &&
    !lifetime.needsTouch(record, now) &&
    equalValues(record.data, data)
  return isCurrent ? undefined : data
}

/** If nothing changed, a public cookie that can't be written is no reason to fail: an older one goes. */
async function writePublic(
  settings: Settings,
  draft: Draft,
  plan: Plan | undefined,
  data: 'expired' | SessionData,
  written: Written & { now: Date },
): Promise<SignedPublic | undefined> {
  try {
    return await signPublic(settings, draft, data, written)
  } catch (error) {
    if (plan?.reason === 'changed' || !draft.loaded || !isUnwritable(error)) throw error
    settings.emit?.({ type: 'kept', ...identify(draft.loaded), code: error.code })
    return draft.browser.publicCookie && (await signPublic(settings, draft, 'expired', written))
  }
}

/**
 * Signs the public cookie with the session, or if the browser has an older one; expires it if there is no session.
 *
 * @throws {SessionError} `ERR_SESSION_TOO_LARGE`, `ERR_SESSION_UNWRITABLE`
 */
async function signPublic(
  settings: Settings,
  draft: Draft,
  data: 'expired' | SessionData,
  { content, signed, now }: Written & { now: Date },
): Promise<SignedPublic> {
  const { cookies, publicName, publicCodec } = settings
  if (data === 'expired') return { cookie: cookies.expire(publicName, { httpOnly: false }) }
  const loaded = signed?.loaded ?? (draft.loaded as LoadedSession)
  const { createdAt, accessedAt, expiresAt } = loaded.record
  const { origin } = content?.row ?? loaded.row ?? loaded.record
  const record: SessionRecord = {
    data,
    ...(createdAt && { createdAt }),
    ...(accessedAt && { accessedAt }),
    ...(expiresAt && { expiresAt }),
    ...(origin && { origin }),
  }
  const context = contextOf(settings, 'public', now)
  const value = await signFitting(publicCodec as SessionCodec, record, context, publicName)
  return {
    cookie: cookies.set(publicName, value, { httpOnly: false, now }),
    written: { value, record: { ...record, data: copyOf(data), keyIndex: 0 } },
  }
}

/**
 * A row is written before the cookies are signed: with one whose public cookie can't hold it, no later visit would succeed.
 *
 * @throws {SessionError} `ERR_SESSION_TOO_LARGE`, `ERR_SESSION_UNWRITABLE`
 */
async function checkPublic(
  settings: Settings,
  { createdAt, data: mine, loaded }: Draft,
  { reason }: Plan,
  now: Date,
): Promise<void> {
  const { exposure, lifetime, publicCodec, publicName } = settings
  if (reason !== 'changed' || !exposure.publicData) return
  const expiresAt = lifetime.expiresAt({ createdAt, accessedAt: now })
  const origin = loaded?.row?.origin
  const record: SessionRecord = {
    data: exposure.publicData(mine),
    createdAt,
    accessedAt: now,
    ...(expiresAt && { expiresAt }),
    ...(origin && { origin }),
  }
  await signFitting(publicCodec as SessionCodec, record, contextOf(settings, 'public', now), publicName)
}

// 5. What ends.

/** A session that is destroyed, or moves to another id: its row goes, and no other request brings the old id back. */
async function removeOld({ rows, versions, observe }: Settings, { loaded, rejectedId }: Draft): Promise<void> {
  if (observe) return
  const id = loaded?.row ? loaded.record.id : rejectedId
  if (rows && id !== undefined) await rows.remove(id)
  if (loaded) versions.destroyed(loaded)
}

/** The session's cookie and all its pieces. */
function expireSession({ name, cookies, exposure }: Settings, { browser }: Draft): SetCookie[] {
  return [0, ...browser.chunks].map((index) => cookies.expire(chunkName(name, index), exposure))
}

/** Cookies of our names in other places: they would hide ours, or come back when ours is gone. */
function expireShadows({ name, publicName, cookies, exposure }: Settings, { browser }: Draft): SetCookie[] {
  const names = [0, ...browser.chunks].map((index) => chunkName(name, index))
  return [
    ...cookies.expireShadows(names, exposure),
    ...(exposure.publicData ? cookies.expireShadows([publicName], { httpOnly: false }) : []),
  ]
}

// 6. Apply.

function report(
  { emit, name }: Settings,
  { loaded: before }: Draft,
  plan: Plan | undefined,
  written: LoadedSession | undefined,
): void {
  if (!emit) return
  if (!written) {
    if (plan?.isRowOnly && before) emit({ type: 'committed', ...identify(before) })
    return
  }
  const about = { ...identify(written), bytes: name.length + written.value.length }
  const isUpgrade = before && (before.codecIndex !== written.codecIndex || (before.record.keyIndex ?? 0) > 0)
  if (isUpgrade) emit({ type: 'upgraded', ...about })
  if (plan?.reason === 'renewed') emit({ type: 'renewed', ...about })
  emit({ type: 'committed', ...about })
}

/** The one place where a commit changes the session's state. */
function apply(
  { versions }: Settings,
  state: SessionState,
  { draft, base, content, signed, publicCookie }: Applied,
): void {
  const stored = { ...(base && { base }), ...(content?.row && { row: content.row }) }
  if (signed) {
    // The version of a new session is known once its cookie comes in.
    if (signed.loaded.isCounted && !draft.isRegenerated) versions.note(signed.loaded)
    const { accessedAt = state.accessedAt, expiresAt } = signed.loaded.record
    state.loaded = { ...signed.loaded, ...stored }
    state.accessedAt = accessedAt
    state.expiresAt = expiresAt
    // A `regenerate()` meanwhile is for the next commit.
    state.isRegenerated = state.id !== draft.id
    state.browser = { ...state.browser, hasSession: true, chunks: signed.chunks }
  } else if (content?.row && state.loaded) state.loaded = { ...state.loaded, ...stored }
  if (publicCookie) state.browser = { ...state.browser, publicCookie: publicCookie.written }
}

interface Applied extends Written {
  readonly draft: Draft
  /** A copy of the data as it was when the commit began. */
  readonly base: SessionData | undefined
  readonly publicCookie: SignedPublic | undefined
}

/** Adds cookies to the response. They replace those of the same name and place that an earlier commit has put there. */
function respond(
  { observe, plainHttp }: Settings,
  state: SessionState,
  cookies: readonly SetCookie[],
  headers: HeaderTarget | undefined,
): SetCookie[] {
  if (observe) return []
  const replaced = state.sent.filter((earlier) => cookies.some((cookie) => isSameCookie(cookie, earlier)))
  if (headers && (cookies.length > 0 || state.isRead)) {
    const isPrivate = state.loaded !== undefined || cookies.length > 0
    changeResponse(headers, { cookies: cookies.map(String), replaces: replaced.map(String), isPrivate })
  }
  if (cookies.length > 0) {
    plainHttp.watch(state.source)
    state.sent = [...state.sent.filter((earlier) => !replaced.includes(earlier)), ...cookies]
  }
  return [...cookies]
}
