/** What the suites against beaker-session-jwt share: keys, the options of Python's side, and the cookie in between. */
import { createHmac } from 'node:crypto'
import type { BeakerOptions } from './peer.js'
import type { PayloadForm } from './random-data.js'
import type { Tagged } from './tagged.js'

export const cookieName = 'beaker.session.id'
/** 64 bytes each, the least that both sides take for HS512 without a warning. */
export const [key, newKey, strangeKey]: [string, string, string] = [
  'interop-secret-of-the-first-day-of-64-bytes-as-many-as-sha512-ha',
  'interop-secret-of-the-second-day-of-64-bytes-as-many-as-sha512-h',
  'interop-secret-of-somebody-else-of-64-bytes-as-many-as-sha512-ha',
]
/** Beaker's own keys, which are not data. */
export const metaKeys = ['_id', '_creation_time', '_accessed_time', '_domain', '_path', '_expires']

/** A session that the real package saved. */
export interface SavedSession {
  cookie: string
  session: Tagged
}

/** The answer to a WSGI request. */
export interface WsgiAnswer {
  set_cookie: string[]
  session: Tagged
  is_new: boolean
  corrupt: boolean
}

/** What both sides of a deployment agree on. */
export interface Deployment {
  secrets?: readonly string[]
  /** What is written; both forms are read. */
  form?: PayloadForm
  /** Seconds. */
  idleTimeout?: number
}

/** Python's side: the options of the same deployment. */
export function pythonOptions({ secrets = [key], form = 'bson', idleTimeout }: Deployment = {}): BeakerOptions {
  return {
    jwt_secret_keys: [...secrets],
    bson_compress_jwt_payload: form === 'bson',
    ...(idleTimeout !== undefined && { timeout: { $int: String(idleTimeout) } }),
  }
}

export function cookieHeader(value: string): string {
  return `${cookieName}=${value}`
}

/** What a browser would keep of the answer: the value of our cookie. */
export function cookieValue(setCookies: readonly string[]): string {
  const prefix = `${cookieName}=`
  const found = setCookies.map((text) => text.trimStart()).filter((text) => text.startsWith(prefix))
  if (found.length !== 1) throw new Error(`${found.length} cookies of the name, not one`)
  return (found[0] as string).slice(prefix.length).split(';', 1)[0] as string
}

/** A token signed with HMAC, whatever its header says. */
export function signToken(header: string, payload: string, secret: string = key, hash = 'sha256'): string {
  const signingInput = `${base64url(header)}.${base64url(payload)}`
  return `${signingInput}.${createHmac(hash, secret).update(signingInput).digest('base64url')}`
}

export function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}
