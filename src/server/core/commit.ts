/**
 * Writes a session: is there anything to write? → merge with other requests → store → sign → public cookie → apply → headers.
 * Nothing of the session changes before the last step that can fail.
 */
import { isOutage, SessionError } from '../../shared/errors.js'
import type { SessionData } from '../../shared/types.js'
import type { SessionCodec, SessionRecord } from '../codecs/codec.js'
import type { StoredSession } from '../stores/store.js'
import { copyOf, equalValues, markUncertain } from '../values.js'
import { forgetAuthentication, mergeSessions } from './authentication.js'
import { isSameCookie, type SetCookie } from './cookies.js'
import { nextId } from './csrf.js'
import { changeResponse, type HeaderTarget } from './http.js'
import { copyOfPlain } from './judge.js'
import { dataOfValue } from './load.js'
import { contextOf, type Settings } from './options.js'
import { isEmpty } from './own-keys.js'
import { type Rule, showRuled } from './own-lifetime.js'
import { endingCookies, expireBeside, piecesOf, reportPlace } from './place.js'
import {
  createPublicSigner,
  isUnwritable,
  type PublicSigner,
  publicChange,
  type Shown,
  type SignedPublic,
} from './public-cookie.js'
import { isRevokedMeanwhile } from './revocation.js'
import {
  type Draft,
  draftOf,
  identify,
  isProtected,
  type LoadedSession,
  loadedData,
  type Session,
  type SessionState,
  stateOf,
} from './session.js'
import { cookieRoom, type Room, signFitting } from './sign-fitting.js'
import type { Rows } from './store-rows.js'
import { reportConflict } from './versions.js'
import { createWriteCheck, ruleOf, type WriteCheck } from './write-check.js'

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
export interface Begun {
  readonly now: Date
  readonly draft: Draft
  readonly plan: Plan | undefined
  /** There is something to write. */
  readonly isDue: boolean
}

export function begin(settings: Settings, session: Session<object>): Begun {
  const now = settings.clock()
  const draft = draftOf(session)
  const plan = planOf(settings, draft, now)
  if (plan) return { now, draft, plan, isDue: true }
  const isStale = publicChange(settings, draft, shownOf(draft, {}), now) !== undefined
  return { now, draft, plan, isDue: isStale && !settings.observe }
}

/** Writes what there is to write. */
export async function commit(
  settings: Settings,
  session: Session<object>,
  headers: HeaderTarget | undefined,
): Promise<SetCookie[]> {
  const state = stateOf(session)
  refuseForeign(settings, state)
  const begun = state.isDestroyed || settings.turns.isRunning(session) ? undefined : begin(settings, session)
  // Most requests only read.
  if (begun?.isDue === false) return respond(settings, state, [], headers)
  return await settings.turns(session, () => commitNow(settings, session, headers, begun))
}

/** Ends a session: its cookies expire, its row goes. */
export async function destroy(
  settings: Settings,
  session: Session<object>,
  headers: HeaderTarget | undefined,
): Promise<SetCookie[]> {
  refuseForeign(settings, stateOf(session))
  return await settings.turns(session, () => destroyNow(settings, session, headers))
}

/** Written by another tenant's sessions it would become one of theirs. @throws {TypeError} */
function refuseForeign({ tenant }: Settings, state: SessionState): void {
  if (tenant === state.tenant) return
  throw new TypeError('This session belongs to another tenant: commit and destroy it with the sessions that loaded it')
}

/** Marks the response of a session that needs no commit as depending on the cookie. */
export function markResponse(settings: Settings, session: Session<object>, headers: HeaderTarget): void {
  respond(settings, stateOf(session), [], headers)
}

export async function commitNow(
  settings: Settings,
  session: Session<object>,
  headers: HeaderTarget | undefined,
  begun?: Begun,
): Promise<SetCookie[]> {
  const state = stateOf(session)
  if (state.isDestroyed) return respond(settings, state, state.sent, headers)
  const { now, draft, plan: planned } = begun ?? begin(settings, session)
  if (planned && !draft.loaded) refuseOverwriting(draft)
  if (planned) forgetAuthentication(settings, draft)
  if (planned) settings.bound?.keep(state, draft, now)
  const rule = ruleOf(settings, planned && settings.askRules?.(session, draft.data))
  // A time that has passed: the application wants the session to end.
  if (planned && Number(settings.ownTimes(rule(draft.data))?.end) <= now.getTime()) {
    return await destroyNow(settings, session, headers)
  }
  const plan = planned && ruledPlan(settings, draft, { plan: planned, rule, now })
  // Copied before anything is awaited: what the application changes meanwhile is a change for the next commit.
  const base = plan && copyOf(draft.data)
  // What the schema has passed is what is written.
  const written = settings.schema ? { ...draft, data: copyOfPlain(draft.data) } : draft
  if (plan && (await isRevokedMeanwhile(settings, draft))) {
    state.isDestroyed = true
    return respond(settings, state, [], headers)
  }

  const isChange = plan !== undefined && plan.reason !== 'renewed' && plan.reason !== 'upgraded'
  const signer = createPublicSigner(settings, written, { isChange, isSigned: !plan?.isRowOnly, now })
  const check = createWriteCheck(settings.schema, draft.loaded, isChange ? undefined : written.data)
  const content = plan && (await saveContent(settings, written, { plan, signer, check, rule, now }))
  if (plan && !content) {
    // Another request destroyed the session, and its response has told the browser.
    state.isDestroyed = true
    return respond(settings, state, [], headers)
  }
  // Another request may have put something into a session that this one has emptied.
  if (plan?.reason === 'emptied' && content && isEmpty(content.shown)) {
    return await endEmptied(settings, state, { draft, now, headers })
  }
  const signed =
    plan && content && !plan.isRowOnly ? await signSession(settings, written, plan, content, now) : undefined
  const shown = shownOf(written, { plan, content, signed })
  const publicData = publicChange(settings, draft, shown, now)
  const publicCookie = publicData && (await signer.write(shown, publicData))
  const offer = plan && (await settings.bound?.offer(state, draft, now))
  if (signed && draft.isRegenerated) await removeOld(settings, draft)

  // Nothing below fails: a session that was not sent never counts as written.
  const cookies = [
    ...(signed?.cookies ?? []),
    ...(publicCookie ? [publicCookie.cookie] : []),
    ...(signed ? expireBeside(settings, draft, signed.loaded) : []),
    ...(offer?.cookies ?? []),
  ]
  report(settings, draft, plan, signed?.loaded)
  if (!settings.observe) {
    if (base) markUncertain(base, draft.data)
    apply(settings, state, { draft, base, check, content, signed, publicCookie })
    if (offer && headers) offer.into(headers)
  }
  return respond(settings, state, cookies, headers)
}

export async function destroyNow(
  settings: Settings,
  session: Session<object>,
  headers: HeaderTarget | undefined,
): Promise<SetCookie[]> {
  const state = stateOf(session)
  const draft = draftOf(session)
  const isFirst = !state.isDestroyed
  // No commit saves the session again, even if the store fails now.
  state.isDestroyed = true
  await removeOld(settings, draft)
  if (isFirst) {
    settings.emit?.({ type: 'destroyed', ...(state.loaded ? identify(state.loaded) : {}) })
    if (!state.browser.isToken) reportPlace(settings, state.loaded)
  }
  if (headers && !settings.observe) settings.bound?.clear(headers)
  return respond(settings, state, endingCookies(settings, state, draft), headers)
}

/** A session without anything in it needs no cookie. What the application puts into it from now on begins another one. */
async function endEmptied(
  settings: Settings,
  state: SessionState,
  { draft, now, headers }: { draft: Draft; now: Date; headers: HeaderTarget | undefined },
): Promise<SetCookie[]> {
  const cookies = endingCookies(settings, state, draft)
  await removeOld(settings, draft)
  settings.emit?.({ type: 'destroyed', ...(draft.loaded ? identify(draft.loaded) : {}) })
  if (!state.browser.isToken) reportPlace(settings, draft.loaded)
  if (settings.observe) return []
  if (state.id === draft.loaded?.record.id) state.id = nextId(state)
  if (!draft.isRegenerated) state.createdAt = now
  state.accessedAt = now
  state.expiresAt = settings.lifetimeOf(draft.data).expiresAt(state)
  // It may replace a cookie that could not be read.
  state.isRegenerated = true
  delete state.loaded
  delete state.bound
  state.browser = { ...state.browser, hasSession: false, hasSeveral: false, chunks: [], publicCookie: undefined }
  return respond(settings, state, cookies, headers)
}

// 1. Is there anything to write?

/** Why a session is written, and where. */
interface Plan {
  readonly reason: 'changed' | 'emptied' | 'upgraded' | 'renewed'
  /** The place of the codec that writes. */
  readonly codecIndex: number
  /** Only the row changes: the cookie stays as it is. */
  readonly isRowOnly: boolean
}

/** Data that changed, an older codec or key, or a touch that is due. */
function planOf(
  settings: Settings,
  { loaded, isRegenerated, isTouched, isNeeded, data, isAsked, browser }: Draft,
  now: Date,
): Plan | undefined {
  if (!loaded) {
    if (isNeeded || !isEmpty(data)) return { reason: 'changed', codecIndex: 0, isRowOnly: false }
    const isReplaced = isRegenerated && (browser.hasSession || browser.publicCookie !== undefined)
    return isReplaced ? { reason: 'emptied', codecIndex: 0, isRowOnly: false } : undefined
  }
  const isChanged = isRegenerated || (isAsked && hasChanged(loaded, data))
  const isOld = loaded.codecIndex > 0 || (loaded.record.keyIndex ?? 0) > 0
  const upgrades = isOld && (settings.upgrade === 'always' || (settings.upgrade === 'on-change' && isChanged))
  const codecIndex = isOld && !upgrades && loaded.codec.sign ? loaded.codecIndex : 0
  const isDue = isTouched || isTouchDue(settings, loaded, now)
  if (isChanged) {
    if (!isNeeded && isEmpty(data)) return { reason: 'emptied', codecIndex, isRowOnly: false }
    // A bare id is sent with each change, as Django does: its cookie lives on as its row does.
    const isRowOnly =
      !!loaded.row &&
      !isRegenerated &&
      !upgrades &&
      !isDue &&
      !loaded.codec.bareId &&
      !movesEnd(settings, loaded, data, now)
    return { reason: 'changed', codecIndex, isRowOnly }
  }
  if (upgrades) return { reason: 'upgraded', codecIndex, isRowOnly: false }
  if (loaded.unshaped && settings.upgrade === 'always') {
    return { reason: 'upgraded', codecIndex, isRowOnly: !!loaded.row && !isDue && !loaded.codec.bareId }
  }
  return isDue ? { reason: 'renewed', codecIndex, isRowOnly: false } : undefined
}

function hasChanged({ base, codec, record }: LoadedSession, data: SessionData): boolean {
  const original = base ?? codec.original?.(record)
  return original ? !equalValues(original, data) : (codec as Required<SessionCodec>).changed({ ...record, data })
}

/** Whether the change of a row is one for its cookie too. */
function movesEnd(settings: Settings, { base }: LoadedSession, data: SessionData, now: Date): boolean {
  const [before, after] = [base ?? {}, data].map((each) => settings.cookieEnd(each, now))
  return String(before) !== String(after)
}

/** A function of `maxAge` or `expires` may move the end of a session whose row alone was to change. */
function ruledPlan(
  settings: Settings,
  { loaded, data }: Draft,
  { plan, rule, now }: { plan: Plan; rule: Rule; now: Date },
): Plan {
  return plan.isRowOnly && loaded && movesEnd(settings, loaded, rule(data), now) ? { ...plan, isRowOnly: false } : plan
}

/** Whether an unchanged session is written again for its times. */
function isTouchDue({ lifetimeOf, needsTouch }: Settings, loaded: LoadedSession, now: Date): boolean {
  const { codec, record } = loaded
  return needsTouch(lifetimeOf(loadedData(loaded)), record, now, codec.needsRenewal?.(record, now))
}

/** @throws {SessionError} `ERR_SESSION_PROTECTED` */
function refuseOverwriting({ rejected, isCutShort, isRegenerated, isReplaceable }: Draft): void {
  if (isRegenerated || !(isCutShort || (isProtected(rejected) && !isReplaceable))) return
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
}

/**
 * Puts together what is written, and saves it in the store if there is one.
 *
 * @returns undefined if another request destroyed the session: then nothing may be written
 * @throws {SessionError} `ERR_SESSION_STORE`, and what the store throws for data that it can't hold
 */
async function saveContent(
  settings: Settings,
  draft: Draft,
  { plan, signer, check, rule, now }: WriteContext & { now: Date },
): Promise<Content | undefined> {
  const { data, loaded, createdAt, isRegenerated } = draft
  const version = (loaded?.record.version ?? -1) + 1
  const { rows } = settings
  if (rows) {
    await check?.check(rule(data))
    await signer.check(rule(data))
    const endOf = (each: SessionData): Date | undefined => endAt(settings, each, { createdAt, now })
    const row = await saveRow(settings, rows, draft, { plan, signer, check, rule, endOf })
    // The token's own claims stay, but not those of an earlier user.
    const claims = isRegenerated ? undefined : loaded?.record.data
    return row && { data: claims ?? {}, shown: row.data, row, version }
  }
  const merged = loaded ? await mergeVersions(settings, draft, loaded, check) : { data, version }
  if (!merged) return undefined
  const written = rule(merged.data)
  await check?.check(written)
  return { ...merged, data: written, shown: written, ...(written !== merged.data && { isMerged: true }) }
}

/** When a session of this data expires if it is not used again. */
function endAt(
  { lifetimeOf }: Settings,
  data: SessionData,
  { createdAt, now }: { createdAt: Date; now: Date },
): Date | undefined {
  return lifetimeOf(data).expiresAt({ createdAt, accessedAt: now })
}

/** What decides what is written. */
interface WriteContext {
  readonly plan: Plan
  readonly signer: PublicSigner
  /** Absent without a schema. */
  readonly check: WriteCheck | undefined
  readonly rule: Rule
}

/** How a row is written. */
interface RowWrite extends WriteContext {
  endOf(data: SessionData): Date | undefined
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
  write: RowWrite,
): Promise<StoredSession | undefined> {
  const { plan, signer, check, rule, endOf } = write
  if (settings.observe) return { ...loaded?.row, data: rule(mine) }
  if (!loaded?.row || isRegenerated) return await createRow(settings, rows, { ...write, id, loaded, mine })
  const isKept = plan.reason === 'renewed' || plan.reason === 'upgraded'
  if (isKept && rule(mine) === mine && !loaded.unshaped) {
    const row = await touchRow(rows, id, { end: endOf(mine), endOf })
    if (!row) reportConflict(settings, loaded, { isDestroyed: true })
    return row
  }
  const base = loaded.base ?? {}
  for (;;) {
    let clashes: string[] = []
    let missing = undefined as (() => Promise<unknown>) | undefined
    const row = await rows.change(id, (current) => {
      const theirs = check ? check.shaped(current.data) : current.data
      missing = () => (check as WriteCheck).shape(current.data)
      if (!theirs) return undefined
      const merged = mergeSessions(settings, { base, mine, theirs })
      const data = rule(merged.data)
      clashes = merged.clashes
      // The changes of both may break a rule of the schema, and the public cookie says something else.
      missing = async () => {
        await check?.check(data)
        await signer.check(data)
      }
      if (!signer.isChecked(data) || check?.isChecked(data) === false) return undefined
      missing = undefined
      return withEnd({ ...current, data }, endOf(data))
    })
    if (!row || !missing) {
      if (!row || clashes.length > 0) reportConflict(settings, loaded, { keys: clashes, isDestroyed: !row })
      return row
    }
    await missing()
  }
}

/** No token may go out for a destroyed session. */
async function touchRow(
  rows: Rows,
  id: string,
  { end, endOf }: { end: Date | undefined; endOf: RowWrite['endOf'] },
): Promise<StoredSession | undefined> {
  const row = await rows.touch(id, end)
  // Another request may have given the session another lifetime meanwhile.
  if (row && endOf(row.data)?.getTime() !== end?.getTime()) await rows.touch(id, endOf(row.data))
  return row
}

/**
 * Writes the row of a new id. What the old row has goes along; of a session that was destroyed meanwhile, only what this request
 * changed.
 */
async function createRow(
  settings: Settings,
  rows: Rows,
  {
    id,
    loaded,
    mine,
    plan,
    signer,
    check,
    rule,
    endOf,
  }: RowWrite & Pick<Draft, 'id' | 'loaded'> & { mine: SessionData },
): Promise<StoredSession> {
  const before = loaded?.row ? loaded.record.id : undefined
  const create = async (given: StoredSession): Promise<StoredSession> => {
    const row = { ...given, data: rule(given.data) }
    if (plan.reason === 'emptied' && isEmpty(row.data)) return row
    await check?.check(row.data)
    await signer.check(row.data)
    await rows.create(id, withEnd(row, endOf(row.data)))
    return row
  }
  if (!loaded || before === undefined) return await create({ data: { ...mine } })

  const carried = (current: StoredSession | undefined): StoredSession => {
    const { data, clashes } = mergeSessions(settings, { base: loaded.base ?? {}, mine, theirs: current?.data ?? {} })
    if (!current || clashes.length > 0) reportConflict(settings, loaded, { keys: clashes, isDestroyed: !current })
    return { ...current, data }
  }
  const found = await rows.current(before)
  const current = found && check ? { ...found, data: await check.shape(found.data) } : found
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
  check: WriteCheck | undefined,
): Promise<Pick<Content, 'data' | 'version' | 'isMerged'> | undefined> {
  const own = loaded.record.version ?? 0
  const known = loaded.isCounted ? settings.versions.of(loaded) : undefined
  const isDestroyed = known?.isDestroyed === true
  const other = known?.isDestroyed === false ? known : undefined
  const newest = other?.version ?? own
  const version = Math.max(own, newest) + 1
  const isCurrent = !isDestroyed && newest <= own
  if (isCurrent && !loaded.isMerged) return { data: mine, version }

  const found = other && !isCurrent ? await dataOfValue(settings, other) : isDestroyed ? {} : loaded.record.data
  const theirs = found && check ? await check.shape(found) : found
  const base = loaded.base ?? (await dataOfValue(settings, loaded))
  if (!theirs || !base) {
    // What the other request wrote can't be read any more: all that remains is to tell that it is lost.
    reportConflict(settings, loaded)
    return { data: mine, version }
  }
  const { data, clashes } = mergeSessions(settings, { base, mine, theirs })
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
    const isWanted = plan.reason === 'changed' || draft.isTouched
    // While no key can sign, a session that did not change stays as it is.
    const canWait = isOutage(error) && !isWanted && plan.reason !== 'emptied'
    if (!loaded || !(isUnwritable(error) || canWait)) throw error
    const { code, path } = error as SessionError
    const mustWrite = isWanted || isTouchDue(settings, loaded, now)
    const canKeep = loaded.codecIndex !== plan.codecIndex && loaded.codec.sign !== undefined
    if (isWanted && !canKeep) throw error
    settings.emit?.({
      type: 'kept',
      ...identify(loaded),
      code,
      ...(path === undefined ? {} : { path }),
    })
    return mustWrite && canKeep ? await signWith(settings, draft, loaded.codecIndex, content, now) : undefined
  }
}

async function signWith(
  settings: Settings,
  { id, createdAt, isRegenerated, loaded: read, browser }: Draft,
  codecIndex: number,
  { data, shown, row, version, isMerged = false }: Content,
  now: Date,
): Promise<SignedSession> {
  const codec = settings.codecs[codecIndex] as SessionCodec
  // What a token said before signing in is not copied; without a store it is the data that was there.
  const before = row && isRegenerated ? undefined : read?.record
  const record: SessionRecord = { ...before, data, version, id, createdAt, accessedAt: now }
  if (row) record.stored = row.data
  const end = endAt(settings, shown, { createdAt, now }) ?? (codec.bareId && row?.expiresAt)
  if (end) record.expiresAt = end
  else if (await hadOwnEnd(settings, read)) delete record.expiresAt
  record.isOwnEnd = settings.ownTimes(shown) !== undefined
  const limits = codec.chunks ? settings.chunkLimits : undefined
  // A header takes what several cookies together may take.
  const token: Room = { place: 'The token', bytes: settings.chunkLimits.bytes }
  const room = browser.isToken ? token : cookieRoom(settings.name, limits)
  const value = await signFitting(codec, record, contextOf(settings, 'session', now), room)
  const valueEnd = codec.valueEnd?.(record, now)
  if (valueEnd) record.expiresAt = end && end < valueEnd ? end : valueEnd
  const loaded: LoadedSession = {
    value,
    codec,
    codecIndex,
    record: { ...record, keyIndex: 0 },
    isMerged,
    isCounted: read?.isCounted === true,
  }
  const cookie = { end: settings.cookieEnd(shown, now), now }
  if (browser.isToken) return { loaded, cookies: [], chunks: [] }
  return { loaded, ...piecesOf(settings, browser, { loaded, limits, cookie }) }
}

/** Whether the end of a session as it was read is one that it had for itself, which goes with the wish for it. */
async function hadOwnEnd(settings: Settings, read: LoadedSession | undefined): Promise<boolean> {
  if (!read?.record.expiresAt) return false
  const data = read.base ?? (await dataOfValue(settings, read))
  return data !== undefined && settings.ownTimes(data) !== undefined
}

// 4. What ends.

/** A session that is destroyed, or moves to another id: its row goes, and no other request brings the old id back. */
async function removeOld({ rows, versions, observe }: Settings, { loaded, rejectedId }: Draft): Promise<void> {
  if (observe) return
  const id = loaded?.row ? loaded.record.id : rejectedId
  if (rows && id !== undefined) await rows.remove(id)
  if (loaded) versions.destroyed(loaded)
}

// 5. Apply.

function report(
  settings: Settings,
  { loaded: before, browser }: Draft,
  plan: Plan | undefined,
  written: LoadedSession | undefined,
): void {
  const { emit, name } = settings
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
  if (!browser.isToken) reportPlace(settings, written)
}

/** The one place where a commit changes the session's state. */
function apply(
  { versions }: Settings,
  state: SessionState,
  { draft, base, check, content, signed, publicCookie }: Applied,
): void {
  if (base && content) showRuled(draft.data, base, content.shown)
  const parsed = content && check && { parsed: check.parsedOf(content.shown, state.loaded?.parsed) }
  const stored = { ...(base && { base }), ...(content?.row && { row: content.row }), ...parsed }
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
  } else if (content?.row && state.loaded) state.loaded = { ...state.loaded, ...stored, unshaped: undefined }
  if (publicCookie) state.browser = { ...state.browser, publicCookie: publicCookie.written }
}

/** What this commit has written so far. */
interface Written {
  readonly plan?: Plan | undefined
  readonly content?: Content | undefined
  readonly signed?: SignedSession | undefined
}

/** The session as its public cookie has to show it. */
function shownOf({ loaded: before, data: mine }: Draft, { plan, content, signed }: Written): Shown {
  const loaded = signed?.loaded ?? before
  const row = content?.row ?? before?.row
  return {
    loaded: loaded && row && row !== loaded.row ? { ...loaded, row } : loaded,
    data: content?.shown ?? before?.row?.data ?? mine,
    isWritten: signed !== undefined || plan?.isRowOnly === true,
    isSigned: signed !== undefined,
  }
}

interface Applied extends Written {
  readonly check: WriteCheck | undefined
  readonly draft: Draft
  /** A copy of the data as it was when the commit began. */
  readonly base: SessionData | undefined
  readonly publicCookie: SignedPublic | undefined
}

/** Adds cookies to the response. They replace those of the same name and place that an earlier commit has put there. */
function respond(
  settings: Settings,
  state: SessionState,
  cookies: readonly SetCookie[],
  headers: HeaderTarget | undefined,
): SetCookie[] {
  if (settings.observe || state.browser.isToken) return []
  const replaced = state.sent.filter((earlier) => cookies.some((cookie) => isSameCookie(cookie, earlier)))
  if (headers && (cookies.length > 0 || state.isRead)) {
    const isPrivate = state.loaded !== undefined || cookies.length > 0
    changeResponse(headers, { cookies: cookies.map(String), replaces: replaced.map(String), isPrivate })
  }
  if (cookies.length > 0) {
    settings.plainHttp.watch(state.source, settings)
    state.sent = [...state.sent.filter((earlier) => !replaced.includes(earlier)), ...cookies]
  }
  return [...cookies]
}
