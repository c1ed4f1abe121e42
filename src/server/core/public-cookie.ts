/**
 * The public cookie: the fields that scripts may read, while the session itself is HttpOnly. There is none while nothing is shown.
 */
import { isOutage, SessionError } from '../../shared/errors.js'
import type { SessionData } from '../../shared/types.js'
import type { SessionCodec, SessionRecord } from '../codecs/codec.js'
import { copyOf, equalValues } from '../values.js'
import type { SetCookie } from './cookies.js'
import type { Times } from './lifetime.js'
import { dataOfValue, type ReadPublic } from './load.js'
import { contextOf, type Settings } from './options.js'
import { hasMembers } from './own-lifetime.js'
import { cookiesOf } from './place.js'
import { type Draft, identify, type LoadedSession, type PublicCookie } from './session.js'
import { cookieRoom, signFitting } from './sign-fitting.js'

/** The public cookie that the browser has; a commit looks whether it still says the truth. It is never read as authority. */
export function publicReader(settings: Settings): ReadPublic {
  const { publicCodec, publicRecords, tenant } = settings
  return async (value, { now, verifications }) => {
    if (!publicCodec) return { value }
    // No tenant has a line break in its name.
    const key = tenant === undefined ? value : `${tenant}\n${value}`
    const known = publicRecords?.get(key)
    if (known) return { value, record: known }
    const clearings = publicRecords?.clearings
    try {
      const record = await publicCodec.verify(value, { ...contextOf(settings, 'public', now), verifications })
      // The keys that verified it may be gone by now.
      if (publicRecords?.clearings === clearings) publicRecords?.set(key, record, value.length)
      return { value, record }
    } catch {
      return { value }
    }
  }
}

/** The session as the public cookie has to show it. */
export interface Shown {
  /** As this commit has signed it, or else as it was loaded; absent: there is none any more. */
  readonly loaded: LoadedSession | undefined
  /** Its data. */
  readonly data: SessionData
  /** Its cookie or its row is written, or goes. */
  readonly isWritten: boolean
  /** Its cookie is written. */
  readonly isSigned: boolean
}

/**
 * What the public cookie has to become; undefined if it stays. A request that writes nothing does not expire it: a browser deletes by
 * name, and a sign-in beside this request may have set a newer one.
 */
export function publicChange(
  { exposure, lifetimeOf, needsTouch }: Settings,
  { browser: { publicCookie, isToken } }: Draft,
  { loaded, data, isWritten, isSigned }: Shown,
  now: Date,
): 'expired' | SessionData | undefined {
  const shown = loaded && !isToken && exposure.publicData?.(data)
  if (!shown || !hasMembers(shown)) return isWritten && publicCookie ? 'expired' : undefined
  if (isSigned || !publicCookie) return shown
  const { record } = publicCookie
  // To the second, as tokens have it: then a format without a time of the last access can't say more than it does.
  const endsTogether = Math.abs(Number(record?.expiresAt) - Number(loaded.record.expiresAt)) < 1000
  const isCurrent =
    record !== undefined &&
    (record.keyIndex ?? 0) === 0 &&
    !(record.expiresAt && record.expiresAt <= now) &&
    (endsTogether || !needsTouch(lifetimeOf(data), record, now)) &&
    equalValues(record.data, shown)
  return isCurrent ? undefined : shown
}

export interface SignedPublic {
  readonly cookie: SetCookie
  /** Absent if the cookie expires. */
  readonly written?: PublicCookie
}

/** Signs the public cookies of one commit. */
export interface PublicSigner {
  /** Whether `check` has passed this data. It never waits. */
  isChecked(data: SessionData): boolean
  /**
   * A row is written before the cookies are signed: with one whose public cookie can't hold it, no later visit would succeed.
   *
   * @throws {SessionError} `ERR_SESSION_TOO_LARGE`, `ERR_SESSION_UNWRITABLE`, unless the session could not be shown before either, and
   *   shows no more now
   */
  check(data: SessionData): Promise<void>
  /**
   * @returns undefined if the cookie that the browser has stays: nothing is written and it can't be
   * @throws {SessionError} as `check`
   */
  write(shown: Shown, data: 'expired' | SessionData): Promise<SignedPublic | undefined>
}

/** @param isChange - the application has changed the session: what does not fit is its own error */
export function createPublicSigner(
  settings: Settings,
  draft: Draft,
  { isChange, isSigned, now }: { isChange: boolean; isSigned: boolean; now: Date },
): PublicSigner {
  const { exposure, lifetimeOf, publicCodec, publicName } = settings
  const mayShow = isChange && exposure.publicData !== undefined && !draft.browser.isToken
  const context = contextOf(settings, 'public', now)
  let checked: SessionData | undefined
  /** What was signed last. */
  let last: { record: SessionRecord; value: string } | undefined

  async function sign(record: SessionRecord): Promise<{ record: SessionRecord; value: string }> {
    if (last && saysTheSame(last.record, record)) return last
    const value = await signFitting(publicCodec as SessionCodec, record, context, cookieRoom(publicName))
    last = { value, record: { ...record, data: copyOf(record.data) } }
    return last
  }

  async function lengthOf(record: SessionRecord): Promise<number> {
    try {
      return (await (publicCodec as Required<SessionCodec>).sign(record, context)).length
    } catch {
      return Number.POSITIVE_INFINITY
    }
  }

  /** Whether it was too large before, and is no larger now. */
  async function isNoLarger(record: SessionRecord): Promise<boolean> {
    const { loaded } = draft
    const before = loaded && (loaded.base ?? (await dataOfValue(settings, loaded)))
    const shown = before && exposure.publicData?.(before)
    if (!shown) return false
    if (equalValues(shown, record.data)) return true
    return (await lengthOf(record)) < (await lengthOf({ ...record, data: shown }))
  }

  async function mustFail(error: unknown, record: SessionRecord): Promise<boolean> {
    if (draft.loaded && !isChange && isOutage(error)) return false
    return !draft.loaded || !isUnwritable(error) || (isChange && !(await isNoLarger(record)))
  }

  return {
    isChecked: (data) =>
      !mayShow || !exposure.publicData || (checked !== undefined && equalValues(checked, exposure.publicData(data))),
    async check(data) {
      if (!mayShow || !exposure.publicData) return
      const shown = exposure.publicData(data)
      const { createdAt, loaded } = draft
      const expiresAt = lifetimeOf(data).expiresAt({ createdAt, accessedAt: now })
      const times = isSigned || !loaded ? { createdAt, accessedAt: now, expiresAt } : loaded.record
      const record = recordOf(shown, { ...times, isOwnEnd: settings.ownTimes(data) !== undefined }, loaded?.row?.origin)
      try {
        if (hasMembers(shown)) await sign(record)
      } catch (error) {
        if (await mustFail(error, record)) throw error
      }
      checked = copyOf(shown)
    },
    async write({ loaded, data: whole, isWritten }, data) {
      const cookies = cookiesOf(settings, loaded)
      const expired = { cookie: cookies.expire(publicName, { httpOnly: false }) }
      if (data === 'expired') return expired
      const session = loaded as LoadedSession
      const times = { ...session.record, isOwnEnd: settings.ownTimes(whole) !== undefined }
      const record = recordOf(data, times, (session.row ?? session.record).origin)
      try {
        const { value, record: signed } = await sign(record)
        const end = settings.cookieEnd(whole, now)
        return {
          cookie: cookies.set(publicName, value, { httpOnly: false, now, end }),
          written: { value, record: { ...signed, keyIndex: 0 } },
        }
      } catch (error) {
        if (await mustFail(error, record)) throw error
        settings.emit?.({
          type: 'kept',
          ...identify(draft.loaded as LoadedSession),
          code: (error as SessionError).code,
        })
        return isWritten && draft.browser.publicCookie && !isOutage(error) ? expired : undefined
      }
    },
  }
}

function recordOf(
  data: SessionData,
  { createdAt, accessedAt, expiresAt, isOwnEnd }: Times & { isOwnEnd: boolean },
  origin: SessionRecord['origin'],
): SessionRecord {
  return {
    data,
    ...(createdAt && { createdAt }),
    ...(accessedAt && { accessedAt }),
    ...(expiresAt && { expiresAt }),
    ...(isOwnEnd && { isOwnEnd }),
    ...(origin && { origin }),
  }
}

function saysTheSame(a: SessionRecord, b: SessionRecord): boolean {
  const isSameTime = (['createdAt', 'accessedAt', 'expiresAt'] as const).every(
    (time) => a[time]?.getTime() === b[time]?.getTime(),
  )
  return isSameTime && equalValues(a.data, b.data)
}

/** What is wrong with the data, not with the keys or the codec. */
export function isUnwritable(error: unknown): error is SessionError {
  return (
    error instanceof SessionError &&
    ['ERR_SESSION_UNWRITABLE', 'ERR_SESSION_TOO_LARGE', 'ERR_SESSION_LIMIT'].includes(error.code)
  )
}
