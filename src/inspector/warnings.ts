/**
 * What is risky about a cookie, as far as the cookie itself shows it.
 */
import { PickleObject } from '../shared/pickle/object.js'
import { isPlainObject, type SessionData, type SessionMeta } from '../shared/types.js'
import { count } from '../shared/words.js'
import { COOKIE_BYTES, type Inspected } from './inspected.js'

export interface Warning {
  readonly level: 'bad' | 'care'
  readonly title: string
  readonly text: string
}

/** From here on a cookie is near the limit. */
const NEAR = 3500
/** Names of keys that say what should not be readable. */
const SENSITIVE =
  /pass(?:word|wd|phrase)|secret|api_?key|private_?key|access_?token|refresh_?token|credit|card_?n|cvv|cvc|iban|ssn|social_?sec|birth|\bdob\b|phone|e-?mail|address|salary|health|passport|tax_?id|otp|\bpin\b/i
const OUTDATED = /^(?:none|HS1|RS1|MD5)$/i
const DEPTH = 6

export function warningsOf(cookie: Inspected, now: Date): Warning[] {
  return [
    ...sizeWarnings(cookie),
    ...algorithmWarnings(cookie),
    ...endWarnings(cookie, now),
    ...contentWarnings(cookie),
    ...attributeWarnings(cookie),
  ]
}

function sizeWarnings({ bytes, pieces, name }: Inspected): Warning[] {
  if (pieces !== undefined) {
    return [care(`Split over ${pieces} cookies`, 'The pieces were joined here. All of them travel with every request.')]
  }
  if (bytes > COOKIE_BYTES) {
    return [bad('Too large', `${count(bytes, 'byte')} of name and value: browsers drop a cookie over ${COOKIE_BYTES}.`)]
  }
  if (bytes <= NEAR) return []
  const rest = `${count(COOKIE_BYTES - bytes, 'byte')} left${name === undefined ? ', without its name' : ''}.`
  return [care('Near the limit', `${rest} A browser drops a cookie over ${COOKIE_BYTES} bytes without a word.`)]
}

function algorithmWarnings({ header, form, value }: Inspected): Warning[] {
  const { alg } = header ?? {}
  if (form?.name === 'jwt' && (value.endsWith('.') || String(alg).toLowerCase() === 'none')) {
    return [bad('Not signed', 'Anyone can write such a token. A server that takes it takes every session.')]
  }
  if (typeof alg === 'string' && OUTDATED.test(alg)) return [bad('Weak algorithm', `${alg} proves little today.`)]
  if (form?.name === 'beaker') {
    return [
      care('Old algorithm', 'Beaker signs with HMAC-SHA1. Known attacks do not break it; newer formats use SHA-256.'),
    ]
  }
  const isSha1 = form?.name === 'itsdangerous' || (form?.name === 'django-signed' && /:[\w-]{27}$/.test(value))
  if (isSha1) return [care('Old algorithm', 'Signed with HMAC-SHA1. Known attacks do not break it.')]
  return []
}

function endWarnings({ decoded, form, attributes = [] }: Inspected, now: Date): Warning[] {
  if (!decoded) return []
  const { expiresAt, notBefore }: SessionMeta = decoded.meta
  if (expiresAt && expiresAt <= now) return [care('Expired', 'A server refuses it now.')]
  if (notBefore && notBefore > now) return [care('Not valid yet', 'A server refuses it until then.')]
  if (expiresAt) return []
  const isCookieEnding = attributes.some((one) => /^\s*(?:max-age|expires)\s*=/i.test(one))
  const isDated = form?.name === 'django-signed' || form?.name === 'itsdangerous'
  return [
    care(
      'No end in the value',
      `${isCookieEnding ? 'The browser forgets the cookie, but a copy of it does not expire. ' : ''}${
        isDated
          ? 'The server decides how old the signature may be.'
          : 'Only the timeouts of the server end this session: without one, a copy stays valid as long as the key.'
      }`,
    ),
  ]
}

function contentWarnings({ decoded, unpacking }: Inspected): Warning[] {
  const found: Warning[] = []
  if (unpacking.serializer === 'pickle') {
    const objects = decoded ? pickledNames(decoded.data) : []
    const named = objects.length > 0 ? ` It names ${objects.slice(0, 5).join(', ')}.` : ''
    const risk = 'If someone else learns the key, they can make Python run any program. Nothing of it runs here.'
    found.push(bad('Pickle inside', `${risk}${named}`))
  }
  const keys = decoded ? sensitiveKeys(decoded.data) : []
  if (keys.length > 0) {
    const text = `It is signed, not encrypted: everyone who has the cookie can read ${keys.slice(0, 8).join(', ')}.`
    found.push(care('Readable, yet it looks sensitive', text))
  }
  return found
}

function attributeWarnings({ attributes }: Inspected): Warning[] {
  if (attributes === undefined) return []
  const has = (pattern: RegExp): boolean => attributes.some((one) => pattern.test(one.trim()))
  const found: Warning[] = []
  if (!has(/^secure$/i)) found.push(care('Without Secure', 'The browser also sends it over plain HTTP.'))
  if (!has(/^httponly$/i)) found.push(care('Without HttpOnly', 'Every script of the page can read it.'))
  if (has(/^samesite\s*=\s*none$/i)) found.push(care('SameSite=None', 'Other sites can send requests with it.'))
  return found
}

/** Paths of keys whose names sound like something that should not be readable. */
function sensitiveKeys(data: SessionData): string[] {
  const found: string[] = []
  walk(data, (path, key) => {
    if (SENSITIVE.test(key)) found.push(path)
  })
  return found
}

function pickledNames(data: SessionData): string[] {
  const found = new Set<string>()
  walk(data, (_path, _key, value) => {
    if (value instanceof PickleObject) found.add(`${value.module}.${value.name}`)
  })
  return [...found]
}

/** Calls for each member, at most some thousand. */
function walk(data: SessionData, visit: (path: string, key: string, value: unknown) => void): void {
  let left = 5000
  const into = (value: unknown, path: string, depth: number): void => {
    if (depth > DEPTH || typeof value !== 'object' || value === null) return
    const members =
      value instanceof Map ? [...value] : Array.isArray(value) || isPlainObject(value) ? Object.entries(value) : []
    for (const [key, member] of members) {
      if (left-- <= 0) return
      const at = path === '' ? String(key) : `${path}.${String(key)}`
      visit(at, String(key), member)
      into(member, at, depth + 1)
    }
  }
  into(data, '', 0)
}

function bad(title: string, text: string): Warning {
  return { level: 'bad', title, text }
}

function care(title: string, text: string): Warning {
  return { level: 'care', title, text }
}
