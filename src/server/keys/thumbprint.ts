/**
 * The name of a key that tells nothing of it: to say which one leaked.
 */
import { checkKeys, type KeyInput } from './key-input.js'

/** RFC 7638 §3 with SHA-256, or the HMAC of a secret. */
const THUMBPRINT = /^(?:secret\.)?[A-Za-z0-9_-]{43}$/

/**
 * Names a key for `revokeKey`: by its thumbprint (RFC 7638) if it is of a pair, whichever half is given; a secret by an HMAC under itself.
 * It may be stored and logged: what it tells of a secret is as little as a cookie does that was signed with it.
 *
 * @param key - one secret or key, in any form that the codecs take
 * @throws {TypeError} for several keys, as a text of secrets with commas, and for what is no key
 * @since 0.1.0
 * @example
 * const thumbprint = await keyThumbprint('an old secret that was published by mistake')
 * console.log(thumbprint.slice(0, 7), thumbprint.length) // → secret. 50
 */
export async function keyThumbprint(key: KeyInput): Promise<string> {
  if (typeof key === 'string' && key.includes(',') && !key.includes('-----BEGIN ')) {
    throw new TypeError(
      'keyThumbprint() takes one secret: a text with commas is a list of several. Pass one with a comma in it as bytes',
    )
  }
  const [checked, ...others] = checkKeys(key, { option: 'key', allowWeakSecrets: true })
  if (checked === undefined || others.length > 0) throw new TypeError('keyThumbprint() takes one key')
  const thumbprint = await (await checked.prepare()).thumbprint()
  if (thumbprint !== undefined) return thumbprint
  throw new TypeError('keyThumbprint(): a CryptoKey that can not be exported has no thumbprint')
}

export function isThumbprint(text: unknown): text is string {
  return typeof text === 'string' && THUMBPRINT.test(text)
}
