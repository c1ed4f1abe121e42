/**
 * The cookies that may be a session, decoded once for as long as their text stays the same.
 * RFC 6265 §5.4, FORMATS §1. Nothing of them is verified.
 */
import { readCookies } from '../shared/cookie.js'
import { decodeJwt } from '../shared/decode.js'
import { expandFields, type SessionDefinition, type SessionFields } from '../shared/define-session.js'
import type { SessionError, SessionErrorCode } from '../shared/errors.js'
import { type OwnTimes, ownTimes } from '../shared/own-times.js'
import { type DecodedSession, deepFreeze, type SessionData, type SessionMeta } from '../shared/types.js'

/** Reads values of cookies, and remembers what it read. */
export interface SessionReader {
  /** Takes a value apart. @throws {SessionError} */
  readonly decode: Decode
  /** @internal The last values of each session, by the names in its definition. */
  readonly values: Map<string, Read>
}

type Decode = (value: string) => DecodedSession

/** One cookie that may be the session, as it was read. */
export interface Found<Data = SessionData> extends Partial<DecodedSession<Data>> {
  /** The cookie's name: the session's own, or that of its public cookie. */
  cookie: string
  /** Of a value in chunks, all of them together. */
  value: string
  /** Why the value could not be read; then there is no `data`. */
  error?: SessionErrorCode
  /** The lifetime that the session has for itself, in milliseconds: its idle timeout, or its end since 1970. */
  own?: OwnTimes | false
}

/** One cookie that may be the session. */
export interface Candidate<Data = SessionData> extends Found<Data> {
  /** Bytes of name and value together, as browsers count them (4 096 at most in one cookie). */
  size: number
}

type Read = readonly [cookies: string, candidates: readonly Found[]]

const jwtReader: SessionReader = { values: new Map(), decode: decodeJwt }

/**
 * All cookies that may be the session, the likeliest first: the public cookie before the session's own cookie, and of one
 * name the last first, as Python and the server take them. Before these stands what the chunks of the name make together,
 * all of them and then fewer: where one is left over from a longer session, only a shorter join can be read.
 *
 * @param definition - has the name of the cookie, and shows claims by their long names
 * @param cookies - read instead of the page's
 * @param reader - of the values
 * @returns frozen candidates, each the same one while its value is the same, also for another definition of the same names
 */
export function readCandidates<Public>(
  { name, fields, sessionField }: SessionDefinition<unknown, Public>,
  cookies: string = pageCookies(),
  reader: SessionReader = jwtReader,
): readonly Found<Public>[] {
  const key = JSON.stringify([name, fields, sessionField])
  const [before, known = []] = reader.values.get(key) ?? []
  if (before === cookies) return known as readonly Found<Public>[]
  // biome-ignore lint/style/useTemplate: smaller after gzip, and a page has no byte to spare
  const candidates = [name + '.public', name].flatMap((cookie) =>
    readValues(cookies, cookie).map(
      (value) =>
        known.find((candidate) => candidate.value === value && candidate.cookie === cookie) ??
        readCandidate(cookie, value, reader.decode, fields, sessionField),
    ),
  )
  reader.values.set(key, [cookies, candidates])
  return candidates as readonly Found<Public>[]
}

/** As many as the server has: so that an attacker can't make a page join more. */
const MAX_CHUNKS = 4

/** The values of a name, the likeliest first: that of all chunks, up to where one is missing, then of fewer, then each alone. */
function readValues(cookies: string, cookie: string): string[] {
  const values = readCookies(cookies, cookie)
  let joined = values.at(-1)
  for (let index = 1; joined && index < MAX_CHUNKS; index++) {
    // biome-ignore lint/style/useTemplate: smaller after gzip, and a page has no byte to spare
    const chunk = readCookies(cookies, cookie + '.' + index).at(-1)
    joined = chunk && joined + chunk
    if (joined) values.push(joined)
  }
  return values.reverse()
}

/**
 * Shows claims of plain JWTs by their long names, and the key of a session on the server as the id of this one. Other formats
 * have neither.
 *
 * @param fields - the short names by the long ones
 * @param sessionField - the claim that has the key; where that is no text it stays data
 * @see FORMATS §6.2
 */
function readCandidate(
  cookie: string,
  value: string,
  decode: Decode,
  fields?: SessionFields,
  sessionField?: string,
): Found {
  try {
    const decoded = decode(value)
    let {
      data: { _session_expiry: own, _session_expiry_rule, _version, _authenticated_at, ...data },
      meta,
    } = decoded
    if (fields && decoded.format === 'jwt') {
      const { [sessionField as string]: id, ...others } = data
      if (typeof id === 'string') {
        meta = { ...meta, id }
        data = others
      }
      data = expandFields(data, fields)
    }
    return deepFreeze({ cookie, value, ...decoded, data, meta, own: ownTimes(own) })
  } catch (error) {
    // An engine's own error means that its stack is too small for the levels of this value.
    return deepFreeze({ cookie, value, error: (error as SessionError).code ?? 'ERR_SESSION_LIMIT' })
  }
}

/** Empty on a server, and in a frame that may not ask for cookies. */
function pageCookies(): string {
  try {
    return document.cookie
  } catch {
    return ''
  }
}

/** What a page may show of it. What shows nothing is no session to a page. */
export function visibleOf<Data>(data?: Data): Readonly<Data> | null {
  let shown: Readonly<Data> | null = null
  for (const _ in data) shown = data as Data
  return shown
}

/** What has `data` has `meta`. */
export type Readable = Pick<Found, 'own'> & { readonly meta: SessionMeta }

/** Seconds. */
export const TOLERANCE = 30

/**
 * The moments at which a session ends: too long unused, too long ago, its `exp`, the end that it has for itself. NaN or undefined: never.
 *
 * @param found - its times, of a Beaker session without `expiresAt` (nothing there reads `exp`), and the lifetime that it has for itself
 * @param definition - has the timeouts in milliseconds
 * @returns milliseconds since 1970: the first at which it is over, in the order of `Over`
 * @see FORMATS §2.2, RFC 7519 §4.1
 */
export function endsOf({ meta, own }: Readable, definition: SessionDefinition<unknown>): readonly number[] {
  const { end, idleTimeout }: OwnTimes = own || definition
  return [
    +(meta.accessedAt as Date) + (idleTimeout as number) + 1,
    +(meta.createdAt as Date) + (definition.absoluteTimeout as number) + 1,
    +(meta.expiresAt as Date),
    end as number,
  ]
}

/**
 * Whether a session counts: it could be read, is not expired and valid already. Only the server decides.
 *
 * @param now - milliseconds since 1970
 * @param tolerance - milliseconds that this may be wrong, for the benefit of the session
 */
export function isCurrent(
  found: Partial<Found<unknown>>,
  definition: SessionDefinition<unknown>,
  now: number,
  tolerance: number,
): boolean {
  // No time and no timeout are NaN, and no comparison with NaN is true.
  return !(
    !found.data ||
    endsOf(found as Readable, definition).some((end) => now - tolerance >= end) ||
    now + tolerance < +((found as Readable).meta.notBefore as Date)
  )
}
