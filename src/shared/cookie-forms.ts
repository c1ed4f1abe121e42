/**
 * The forms of session cookies that people meet: told by shape alone, with a name in words, and taken apart where no key is needed.
 * FORMATS §2 to §12.
 */
import { decodeBase64Url, decodeUtf8 } from './bytes.js'
import { decodeSession } from './decode.js'
import { decodeBeaker, looksLikeBeaker, textKeys } from './decode-beaker.js'
import { decodeCompact, looksLikeCompact } from './decode-compact.js'
import { decodeDjango, looksLikeDjango } from './decode-django.js'
import { isSessionError, SessionError } from './errors.js'
import { inflateZlib } from './inflate.js'
import { looksLikeJwt } from './jwt.js'
import { type ReadPickleOptions, readPickle } from './pickle/reader.js'
import type { DecodedSession } from './types.js'

/** A form that this package reads, or one that it can only name. */
export interface CookieForm {
  readonly name:
    | 'jwe'
    | 'jwt'
    | 'compact'
    | 'beaker'
    | 'django-signed'
    | 'store-key'
    | 'express-session'
    | 'iron'
    | 'itsdangerous'
  /** In words, for a sentence. */
  readonly what: string
  matches(value: string): boolean
  /** Proves nothing: anyone may have made the value. @throws {SessionError} any code */
  decode?(value: string, maxInflated: number): DecodedSession
}

/** The first that matches counts. */
const FORMS: readonly CookieForm[] = [
  {
    name: 'jwe',
    what: 'an encrypted token (JWE)',
    matches: (value) => /^[\w-]+\.[\w-]*\.[\w-]*\.[\w-]+\.[\w-]*$/.test(value),
  },
  {
    name: 'jwt',
    what: 'a signed token (JWT)',
    matches: (value) => looksLikeJwt(value) && hasAlgorithm(value),
    decode: (value, maxInflated) => decodeSession(value, { maxInflated }),
  },
  { name: 'compact', what: 'compact', matches: looksLikeCompact, decode: decodeCompact },
  { name: 'beaker', what: "Beaker's own", matches: looksLikeBeaker, decode: decodeEitherPython },
  { name: 'django-signed', what: "Django's signed cookie", matches: looksLikeDjango, decode: decodeDjangoOrPickle },
  {
    name: 'store-key',
    what: 'the key of a session on the server (Django, or Beaker with a store)',
    matches: (value) => /^[0-9a-z]{32}$/.test(value),
  },
  {
    name: 'express-session',
    what: 'the signed key of a session on the server (express-session)',
    matches: (value) => /^s(?::|%3A)[^.]+\.[\w+/%]+/i.test(value),
  },
  {
    name: 'iron',
    what: 'an encrypted cookie of iron-session or Iron',
    matches: (value) => /^Fe26\.2\*/.test(value),
  },
  {
    name: 'itsdangerous',
    what: 'a cookie of Flask, Starlette or another user of itsdangerous',
    matches: (value) => ITSDANGEROUS.test(value),
    decode: decodeItsdangerous,
  },
]

/** Tells the form of a value by its shape; undefined if it has none of these. */
export function formOf(value: string): CookieForm | undefined {
  return FORMS.find((form) => form.matches(value))
}

/** A JOSE header is JSON; the first part of a cookie of Flask is, too, but has no `alg`. */
function hasAlgorithm(value: string): boolean {
  try {
    return 'alg' in (JSON.parse(decodeUtf8(decodeBase64Url(value.split('.', 1)[0] ?? ''))) as object)
  } catch {
    return false
  }
}

const ITEMS = 100_000

/** How a pickle is read here. */
function pickleOptions(maxBytes: number, encoding: 'ascii' | 'latin1' = 'ascii'): ReadPickleOptions {
  return { encoding, limits: { bytes: maxBytes, items: ITEMS, expanded: ITEMS } }
}

/** Byte strings of Python 2 may be in any encoding; Latin-1 reads them all. */
function decodeEitherPython(value: string, maxInflated: number): DecodedSession {
  try {
    return decodeBeaker(value, maxInflated, pickleOptions(maxInflated))
  } catch (error) {
    if (!isSessionError(error) || error.code !== 'ERR_SESSION_PICKLE') throw error
    return decodeBeaker(value, maxInflated, pickleOptions(maxInflated, 'latin1'))
  }
}

function decodeDjangoOrPickle(value: string, maxInflated: number): DecodedSession {
  const [payload = '', ...rest] = value.split(':')
  const bytes = decodeBase64Url(payload.replace(/^\./, ''))
  const serialized = payload.startsWith('.') ? inflateZlib(bytes, maxInflated) : bytes
  if (serialized[0] !== 0x80) return decodeDjango(value, maxInflated)
  // The time stands beside the session, so the reader of JSON finds it with an empty one, too.
  const { format, meta } = decodeDjango(['e30', ...rest].join(':'), maxInflated)
  return { format, meta, data: textKeys(readPickle(serialized, pickleOptions(maxInflated)).value) }
}

/** `payload '.' time '.' signature`: base64url, of Starlette also with `=` and the other alphabet. The first `.` says it is compressed. */
const ITSDANGEROUS = /^(\.?)([\w+/-]+=*)\.([\w-]{5,8})\.([\w-]{27,})$/

function decodeItsdangerous(value: string, maxInflated: number): DecodedSession {
  const [, dot, payload = '', time = ''] = ITSDANGEROUS.exec(value) ?? []
  const bytes = fromBase64(payload)
  const text = decodeUtf8(dot ? inflateZlib(bytes, maxInflated) : bytes)
  const meta = { accessedAt: new Date(fromBase64(time).reduce((sum, byte) => sum * 256 + byte, 0) * 1_000) }
  let data: unknown
  try {
    data = untagged(JSON.parse(text))
  } catch {
    throw new SessionError('ERR_SESSION_JSON')
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) throw new SessionError('ERR_SESSION_JSON')
  return { format: 'itsdangerous', data: data as Record<string, unknown>, meta }
}

function fromBase64(text: string): Uint8Array {
  return decodeBase64Url(text.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'))
}

/** The tags that Flask's JSON has for values that JSON lacks: an object with this one key. */
const TAGS: Readonly<Record<string, (value: unknown) => unknown>> = {
  ' t': (value) => value,
  ' b': (value) => fromBase64(String(value)),
  ' d': (value) => new Date(String(value)),
  ' u': (value) => value,
  ' m': (value) => value,
}

function untagged(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(untagged)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const [tag = '', content] = entries[0] ?? []
  if (entries.length === 1 && Object.hasOwn(TAGS, tag)) return TAGS[tag]?.(untagged(content))
  return Object.fromEntries(entries.map(([key, member]) => [key, untagged(member)]))
}
