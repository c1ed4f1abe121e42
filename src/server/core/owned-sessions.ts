/**
 * All sessions of one owner, in a store that keeps owners: the page of one's devices, and signing out everywhere.
 */
import { platform } from '#platform'
import { encodeHex, encodeUtf8 } from '../../shared/bytes.js'
import { isOutage, isSessionError, type SessionError } from '../../shared/errors.js'
import { checkLimit } from '../../shared/limits.js'
import { checkNames, type OptionNames } from '../../shared/option-names.js'
import type { SessionData } from '../../shared/types.js'
import type { StoredSession } from '../stores/store.js'
import type { Settings } from './options.js'
import { ownerText } from './owner.js'
import { type Session, stateOf } from './session.js'
import type { Rows } from './store-rows.js'
import { rowIdOf, rowOwnerOf } from './tenant.js'

/** One session of an owner. */
export interface OwnedSession<Data extends object = SessionData> {
  /** Names the session for `endSession`. It can't be used as its id, so a page may have it. */
  readonly handle: string
  /** It is the session that was passed as `current`. */
  readonly isCurrent: boolean
  /** As it is in the store. It is for the server: choose what a page may see. */
  readonly data: Readonly<Partial<Data>>
  /** When the row was made: at the sign-in, if that calls `regenerate()`. Unknown in Django's table, as the next. */
  readonly createdAt?: Date
  /** When the row was last written or touched (`touchEvery`). */
  readonly accessedAt?: Date
  /** When it expires if it is not used again, if the store says so. */
  readonly expiresAt?: Date
  /** Why its row can't be read; `data` is empty then. It can be ended. */
  readonly rejected?: SessionError
}

/** Some of an owner's sessions, or all. */
export interface OwnedSessions<Data extends object = SessionData> {
  /** The current one first, then those that were used last. */
  readonly sessions: readonly OwnedSession<Data>[]
  /** If there are more: what `after` has to be for the next page. */
  readonly next?: string
}

/** Which sessions of an owner. */
export interface ListSessionsOptions<Data extends object = SessionData> {
  /** The session of this request. */
  current?: Session<Data> | undefined
  /**
   * Most sessions of a page, 1 to 1000.
   *
   * @defaultValue 100
   */
  limit?: number
  /** `next` of the page before. */
  after?: string | undefined
}

/** Which session stays. */
export interface EndSessionsOptions<Data extends object = SessionData> {
  /** The one to keep: a session, or its handle. */
  except?: Session<Data> | string | undefined
}

const LIST_OPTIONS: OptionNames<ListSessionsOptions> = { current: 1, limit: 1, after: 1 }
const END_OPTIONS: OptionNames<EndSessionsOptions> = { except: 1 }

const DEFAULT_LIMIT = 100
/** Sessions of a page. */
const MAX_LIMIT = 1000
/** Rows that are asked for at once. */
const AT_ONCE = 16
/** How often an owner's sessions are looked for again. Each time a session got a new id while the others were ended. */
const MAX_PASSES = 10

/** The rows of one owner. */
interface OwnedRows {
  readonly rows: Rows
  /** Their ids, in order. */
  page(query: { limit: number; after?: string | undefined }): Promise<readonly string[]>
  isOwned(row: StoredSession): boolean
}

/** @throws {TypeError} naming what is missing */
function rowsOf({ owned, tenant }: Settings, given: unknown, task: string): OwnedRows {
  const { store, rows, ownerOf } = owned
  if (!rows) throw new TypeError(`${task}() needs sessions in a store: without one the cookies are all there is`)
  if (!ownerOf) throw new TypeError(`Option "owner" is missing: ${task}() needs it in createSessions()`)
  const { listOwned } = rows
  if (!listOwned) {
    throw new TypeError(`${task}(): the store ${store} has no listOwned(), so it keeps no owners with these options`)
  }
  const text = ownerText(given, `${task}(): the owner`)
  if (text === undefined) throw new TypeError(`${task}() needs an owner: is anybody signed in?`)
  const owner = rowOwnerOf(tenant, text)
  return {
    rows,
    page: ({ limit, after }) => listOwned(owner, { limit, ownerOf, ...(after !== undefined && { after }) }),
    // An index may be older than its row.
    isOwned: (row) => ('owner' in row ? row.owner : ownerOf(row.data)) === owner,
  }
}

/** One page of an owner's sessions. */
export async function listSessions<Data extends object>(
  settings: Settings,
  owner: unknown,
  options: ListSessionsOptions<Data> = {},
): Promise<OwnedSessions<Data>> {
  checkNames(options as ListSessionsOptions, LIST_OPTIONS, 'listSessions')
  const { current, after } = options
  const limit = checkLimit(options.limit ?? DEFAULT_LIMIT, 'limit', { most: MAX_LIMIT })
  if (after !== undefined && typeof after !== 'string') throw new TypeError('Option "after" must be a text')
  const { rows, page, isOwned } = rowsOf(settings, owner, 'listSessions')
  const currentIds = current ? await idsOf(settings, current) : []
  // One more tells whether there is a next page.
  const ids = await page({ limit: limit + 1, after })
  const next = nextAfter(ids.slice(limit - 1))
  const found = await inPortions(ids.slice(0, limit), async (id) => {
    const row = await readRow(rows, id)
    if (!row || !('rejected' in row || isOwned(row))) return []
    return [await ownedSession<Data>(id, row, currentIds.includes(id))]
  })
  return { sessions: found.flat().sort(byUse), ...(next !== undefined && { next }) }
}

/**
 * Where the next page begins: behind the last id of this one, and at what its own first id has in common with that and one character more. A
 * page may have it in a link, so it is no id, as long as ids are random.
 */
function nextAfter([last, first]: readonly string[]): string | undefined {
  if (last === undefined || first === undefined) return undefined
  const [before, behind] = [[...last], [...first]]
  const place = behind.findIndex((character, at) => character !== before[at])
  const between = behind.slice(0, place + 1).join('')
  // Nothing is between two ids that differ in their last character.
  return between === first ? last : between
}

/** Ends one session of an owner. */
export async function endSession(settings: Settings, owner: unknown, handle: unknown): Promise<boolean> {
  if (typeof handle !== 'string') throw new TypeError('endSession() needs the handle of a session')
  const owned = rowsOf(settings, owner, 'endSession')
  for (let after: string | undefined; ; ) {
    const ids = await owned.page({ limit: MAX_LIMIT, after })
    for (const id of ids) {
      if ((await handleOf(id)) === handle) return (await endRow(settings, owned, id)) === 'ended'
    }
    if (ids.length < MAX_LIMIT) return false
    after = ids.at(-1)
  }
}

/** Ends all sessions of an owner but one. */
export async function endSessions<Data extends object>(
  settings: Settings,
  owner: unknown,
  options: EndSessionsOptions<Data> = {},
): Promise<number> {
  checkNames(options as EndSessionsOptions, END_OPTIONS, 'endSessions')
  const { except } = options
  const owned = rowsOf(settings, owner, 'endSessions')
  const isHandle = typeof except === 'string'
  const keptIds = isHandle || except === undefined ? [] : await idsOf(settings, except)
  const isKept = async (id: string): Promise<boolean> =>
    keptIds.includes(id) || (isHandle && (await handleOf(id)) === except)
  let count = 0
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const outcomes = await eachRow(owned, async (id) =>
      (await isKept(id)) ? 'kept' : await endRow(settings, owned, id),
    )
    count += outcomes.ended
    // A session that got another id in the meantime is found now. If nothing is written, all are still there.
    if (outcomes.ended + outcomes.gone === 0 || settings.observe) break
  }
  return count
}

/** What became of a row: it was gone already, perhaps to another id; or it belongs to another owner by now. */
type Outcome = 'ended' | 'gone' | 'kept'

/** @returns how many there were of each */
async function eachRow(
  { page }: OwnedRows,
  task: (id: string) => Promise<Outcome>,
): Promise<Readonly<Record<Outcome, number>>> {
  const counts = { ended: 0, gone: 0, kept: 0 }
  for (let after: string | undefined; ; ) {
    const ids = await page({ limit: MAX_LIMIT, after })
    for (const outcome of await inPortions(ids, task)) counts[outcome]++
    if (ids.length < MAX_LIMIT) return counts
    after = ids.at(-1)
  }
}

/** As `destroy` ends it: no request that is under way brings it back. */
async function endRow({ observe, emit }: Settings, { rows, isOwned }: OwnedRows, id: string): Promise<Outcome> {
  const row = await readRow(rows, id)
  if (!row) return 'gone'
  if (!('rejected' in row || isOwned(row))) return 'kept'
  if (!observe) await rows.remove(id)
  emit?.({ type: 'destroyed' })
  return 'ended'
}

/** A row that can't be read is one, too: its store says whose it is. @throws {SessionError} `ERR_SESSION_STORE`, `ERR_SESSION_KEYS` */
async function readRow(rows: Rows, id: string): Promise<StoredSession | { rejected: SessionError } | undefined> {
  try {
    return await rows.find(id)
  } catch (error) {
    if (isSessionError(error) && !isOutage(error)) return { rejected: error }
    throw error
  }
}

async function ownedSession<Data extends object>(
  id: string,
  row: StoredSession | { rejected: SessionError },
  isCurrent: boolean,
): Promise<OwnedSession<Data>> {
  const handle = await handleOf(id)
  if ('rejected' in row) return { handle, isCurrent, data: {} as Partial<Data>, rejected: row.rejected }
  const { data, createdAt, accessedAt, expiresAt } = row
  return {
    handle,
    isCurrent,
    data: data as Partial<Data>,
    ...(createdAt && { createdAt }),
    ...(accessedAt && { accessedAt }),
    ...(expiresAt && { expiresAt }),
  }
}

/** 32 hex digits. With a bare id in the cookie, the id is all that an attacker needs, so it is no id. */
async function handleOf(id: string): Promise<string> {
  const digest = await platform.sha256(encodeUtf8(`sessionglass handle ${id}`))
  return encodeHex(digest.subarray(0, 16))
}

/** The ids of a session's row: after a `regenerate()` that is not saved yet it is the former one. @throws {TypeError} */
async function idsOf<Data extends object>({ tenant }: Settings, session: Session<Data>): Promise<string[]> {
  const state = stateOf(session as Session<object>)
  if (state.tenant !== tenant) throw new TypeError('This session belongs to another tenant')
  const ids = [state.id, ...(state.loaded?.record.id === undefined ? [] : [state.loaded.record.id])]
  return await Promise.all(ids.map((id) => rowIdOf(tenant, id)))
}

function byUse(one: OwnedSession<object>, other: OwnedSession<object>): number {
  const used = ({ accessedAt, expiresAt }: OwnedSession<object>): number => (accessedAt ?? expiresAt)?.getTime() ?? 0
  return Number(other.isCurrent) - Number(one.isCurrent) || used(other) - used(one)
}

/** Some at a time, so that a store is not asked for a thousand rows at once. */
async function inPortions<Item, Result>(
  items: readonly Item[],
  task: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  for (let at = 0; at < items.length; at += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(task))))
  }
  return results
}
