/**
 * The columns of Django's session table: `session_data`, a session serialized, perhaps compressed, and signed; `expire_date`.
 * FORMATS §8.
 */

import { decodeBase64 } from '../../shared/base64.js'
import { decodeHex } from '../../shared/bytes.js'
import { asVerified, SessionError } from '../../shared/errors.js'
import { checkInflated } from '../../shared/limits.js'
import { zoneOffset } from '../../shared/pickle/known.js'
import { decodeLatin1 } from '../../shared/pickle/text.js'
import type { SessionData } from '../../shared/types.js'
import { createPythonSerializer } from '../python-serializers.js'
import { type DjangoSession, readDjangoSession, writeDjangoSession } from './session-data.js'
import {
  createDjangoSecrets,
  createTimestampSigner,
  type DjangoSecrets,
  type DjangoSigningOptions,
  decodeSessionText,
  encodeSessionText,
  MAX_SESSION_BYTES,
} from './signer.js'

export interface DjangoRowOptions extends DjangoSigningOptions {
  /** `SECRET_KEY_FALLBACKS`: keys that only verify. */
  secretKeyFallbacks?: readonly (string | Uint8Array)[] | undefined
  /** Default `django.contrib.sessions.SessionStore`; a backend with another class name has that name at the end. */
  salt?: string | undefined
}

export interface DjangoRows {
  /** @throws {SessionError} with `verified` if the signature was right */
  read(text: unknown): Promise<Required<DjangoSession>>
  write(session: DjangoSession, now: Date): Promise<string>
}

const SALT = 'django.contrib.sessions.SessionStore'
/** Rows have only one kind of key. */
const USE = { purpose: 'session', cookieName: '' } as const

/** @throws {TypeError} naming the option */
export function createDjangoRows(options: DjangoRowOptions): DjangoRows {
  const { secretKey, secretKeyFallbacks: fallbacks, allowWeakSecrets, salt = SALT, legacy = true } = options
  const maxInflated = checkInflated(options.maxInflated ?? MAX_SESSION_BYTES)
  const serializer = createPythonSerializer({ serializer: options.serializer ?? 'json', maxLength: maxInflated })
  const secrets = createDjangoSecrets({ secretKey, fallbacks, allowWeakSecrets, fallbacksOption: 'secretKeyFallbacks' })
  const signer = createTimestampSigner({ secrets, salt, legacy })

  async function verifiedBytes(text: string): Promise<() => Uint8Array> {
    if (legacy && looksLikeLegacyRow(text)) {
      const serialized = await verifyLegacyRow(text, secrets, salt)
      return () => withinLimit(serialized)
    }
    const unsigned = await signer.unsign(text, USE)
    return () => decodeSessionText(unsigned.text, maxInflated)
  }

  function withinLimit(serialized: Uint8Array): Uint8Array {
    if (serialized.length <= maxInflated) return serialized
    throw new SessionError('ERR_SESSION_LIMIT', `The session has more than ${maxInflated} bytes`)
  }

  return {
    async read(text) {
      if (typeof text !== 'string')
        throw new SessionError('ERR_SESSION_MALFORMED', 'The row has no text in session_data')
      const bytes = await verifiedBytes(text)
      try {
        return readDjangoSession(bytes(), serializer)
      } catch (error) {
        throw asVerified(error)
      }
    },
    async write(session, now) {
      const text = await encodeSessionText(await writeDjangoSession(session, serializer), maxInflated)
      return await signer.sign(text, now, USE)
    },
  }
}

/** 40 hex digits and the colon after them. */
const MAC = /^[0-9a-f]{40}:$/
const MAC_LENGTH = 41

/** Recognized by shape alone: the newer form has colons, and base64 has none. */
function looksLikeLegacyRow(text: string): boolean {
  return !text.includes(':')
}

/**
 * The serialized session of a row that Django before 3.1 wrote: base64 of the hex HMAC-SHA1, a colon, and the session.
 *
 * @param salt - of the newer form; the older one lacks its last dot
 * @returns bytes whose signature was right
 * @throws {SessionError} `ERR_SESSION_MALFORMED`, `ERR_SESSION_SIGNATURE`
 */
async function verifyLegacyRow(text: string, secrets: DjangoSecrets, salt: string): Promise<Uint8Array> {
  const row = decodeBase64(text, true)
  const prefix = decodeLatin1(row.subarray(0, MAC_LENGTH))
  if (!MAC.test(prefix)) throw new SessionError('ERR_SESSION_MALFORMED', 'The row is not a session of Django')
  const serialized = row.subarray(MAC_LENGTH)
  const mac = decodeHex(prefix.slice(0, -1))
  for (const key of await secrets.keys(salt.replace(/\.(?=[^.]*$)/, ''), 'SHA-1')) {
    if (await key.verify(serialized, mac)) return serialized
  }
  throw new SessionError('ERR_SESSION_SIGNATURE', 'No key verifies the row')
}

/** How a database stores times: PostgreSQL with their zone, SQLite as text of a local time. */
export interface RowTimes {
  read(column: unknown): Date
  write(time: Date): string
}

/** The key with which `set_expiry` gives one session a different expiry. */
const EXPIRY = '_session_expiry'

/**
 * The expiry that Django gives a session when it is saved, by `_session_expiry`: seconds from now, a time, or ISO 8601 text.
 * None and 0 (until the browser is closed) don't affect the row.
 *
 * @param times - for a text without an offset
 * @returns undefined if the session has no expiry of this kind
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` for anything else
 */
export function ownExpiry(data: SessionData, now: Date, times: RowTimes): Date | undefined {
  const expiry = Object.hasOwn(data, EXPIRY) ? data[EXPIRY] : undefined
  if (expiry === undefined || expiry === null || expiry === 0 || expiry === false || expiry === '') return undefined
  const end = typeof expiry === 'number' ? new Date(now.getTime() + expiry * 1000) : timeOf(expiry, times)
  if (end && isRowTime(end)) return end
  throw new SessionError('ERR_SESSION_UNWRITABLE', `${EXPIRY} is neither seconds nor a time`, { path: EXPIRY })
}

/**
 * `timestamptz` of PostgreSQL: a `Date` as pg returns it, or text with an offset.
 */
export const zonedTimes: RowTimes = {
  read: (column) => readTime(column, 'UTC'),
  write: (time) => time.toISOString(),
}

/**
 * `datetime` of SQLite: text as Python's `str` writes it, in UTC if Django has `USE_TZ = True`, else in its `TIME_ZONE`.
 *
 * @throws {TypeError} for a zone that the runtime does not know
 */
export function localTimes(timeZone: string): RowTimes {
  if (zoneOffset(timeZone, 0, 0) === undefined) throw new TypeError('Option "timeZone" is not a time zone')
  return { read: (column) => readTime(column, timeZone), write: (time) => writeLocal(time, timeZone) }
}

/** ISO 8601 as Python and PostgreSQL write it, with a space or `T`: up to microseconds, with an optional offset. */
const TIME = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:(\.\d{1,3})\d{0,3})?(Z|[+-]\d\d(?::?\d\d)?)?$/

function readTime(column: unknown, zone: string): Date {
  const time = column instanceof Date ? column : parse(column, zone)
  if (time && !Number.isNaN(time.getTime())) return time
  throw new SessionError('ERR_SESSION_CLAIMS', 'The row has no time in expire_date')
}

function parse(text: unknown, zone: string): Date | undefined {
  const [, day, clock, fraction = '.', offset] = (typeof text === 'string' && TIME.exec(text)) || []
  if (day === undefined) return undefined
  const local = Date.parse(`${day}T${clock}${fraction.padEnd(4, '0')}Z`)
  if (offset === undefined) {
    return new Date(zone === 'UTC' ? local : local - (zoneOffset(zone, local, 0) ?? Number.NaN))
  }
  const [, sign, hours = 0, minutes = 0] = /^([+-])(\d\d):?(\d\d)?$/.exec(offset) ?? []
  const east = (Number(hours) * 60 + Number(minutes)) * 60_000
  return new Date(sign === '-' ? local + east : local - east)
}

function writeLocal(time: Date, zone: string): string {
  const text = (zone === 'UTC' ? time : inZone(time, zone)).toISOString().replace('T', ' ')
  // No fraction if it is zero.
  return text.endsWith('.000Z') ? text.slice(0, -5) : text.replace('Z', '000')
}

/** The time at which a clock in UTC shows what a clock in the zone shows now. */
function inZone(time: Date, timeZone: string): Date {
  const numbers = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    hourCycle: 'h23',
    ...numbers,
    second: 'numeric',
  })
  const parts = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]))
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second, time.getUTCMilliseconds()))
}

function timeOf(expiry: unknown, times: RowTimes): Date | undefined {
  if (!(expiry instanceof Date) && typeof expiry !== 'string') return undefined
  try {
    return times.read(expiry)
  } catch {
    return undefined
  }
}

/** What a database can hold: years of four digits. */
function isRowTime(time: Date): boolean {
  const year = time.getUTCFullYear()
  return year >= 1000 && year <= 9998
}
