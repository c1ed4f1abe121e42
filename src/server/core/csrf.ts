/**
 * Tokens against cross-site requests (CWE-352): a random secret in the session, masked anew for each page that shows it.
 * The secret stands where pyramid_beaker keeps its own, in the same form.
 */
import { platform } from '#platform'
import { concatBytes, decodeBase64Url, decodeHex, encodeBase64Url, encodeHex } from '../../shared/bytes.js'
import type { SessionData } from '../../shared/types.js'
import { equalInConstantTime } from '../keys/hmac.js'

const KEY = '_csrft_'
const SECRET_BYTES = 20
/** As pyramid_beaker makes it: 20 bytes in lower-case hexadecimal. */
const SECRET = /^[0-9a-f]{40}$/
/** Mask and masked secret, 40 bytes in base64url. */
const TOKEN = /^[\w-]{54}$/

/**
 * A token for a form or a header. No two are equal, so that what a page compresses tells nothing of the secret (BREACH).
 * The secret is made at the first call, which changes the data.
 */
export function createCsrfToken(data: SessionData): string {
  let secret = secretOf(data)
  if (!secret) {
    secret = platform.randomBytes(SECRET_BYTES)
    data[KEY] = encodeHex(secret)
  }
  const mask = platform.randomBytes(SECRET_BYTES)
  return encodeBase64Url(concatBytes(mask, masked(secret, mask)))
}

/** Whether a token was made of this session's secret; the secret itself is one too, as pyramid_beaker shows it. */
export function isCsrfToken(data: SessionData, token: unknown): boolean {
  const secret = secretOf(data)
  if (!secret || typeof token !== 'string') return false
  if (SECRET.test(token)) return equalInConstantTime(secret, decodeHex(token))
  if (!TOKEN.test(token)) return false
  let bytes: Uint8Array
  try {
    bytes = decodeBase64Url(token)
  } catch {
    return false
  }
  return equalInConstantTime(secret, masked(bytes.subarray(SECRET_BYTES), bytes))
}

/** The next token begins with another secret, and no earlier token stays valid. */
export function forgetCsrf(data: SessionData): void {
  if (secretOf(data)) delete data[KEY]
}

function secretOf(data: SessionData): Uint8Array | undefined {
  const secret = Object.hasOwn(data, KEY) ? data[KEY] : undefined
  return typeof secret === 'string' && SECRET.test(secret) ? decodeHex(secret) : undefined
}

function masked(bytes: Uint8Array, mask: Uint8Array): Uint8Array {
  return bytes.map((byte, at) => byte ^ (mask[at] as number))
}
