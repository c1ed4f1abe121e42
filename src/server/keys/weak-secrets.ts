/**
 * Secrets that anyone may know: key files, which may be public, those of published examples, and one byte again and again. Settings
 * often hold a text in quotes, with escapes, in hexadecimal digits, in base64 or behind a prefix, so what is wrapped in a secret is
 * looked at, too.
 * RFC 7518 §3.2. Forms of key files: RFC 7468, RFC 7517, RFC 4716, RFC 4253 §6.6.
 */
import { decodeHex, encodeHex } from '../../shared/bytes.js'

/**
 * What a secret is that must not be one, or undefined.
 *
 * @param secret - as its bytes
 */
export function publicMaterial(secret: Uint8Array): string | undefined {
  const forms = formsOf(secret)
  if (forms.some(isOpenSsh))
    return `${OPENSSH}, which is not secret: "keys" of jwt and "key" of djangoJwt take it; ${CURE}`
  if (forms.some(isKeyFile)) return 'a PEM or JWK: such a key may be public, and an HMAC secret never is'
  const texts = forms.map(textOf)
  if (texts.includes('True')) return '"True", which anyone can guess'
  if (EXAMPLES.some((example) => texts.includes(example))) return 'a secret from a published example'
  return formsOf(secret, false).some(isOneByte) ? 'one byte again and again, which anyone can guess' : undefined
}

/** @throws {TypeError} for a key file where a secret is taken. It may be public: it never is an HMAC secret, whatever is allowed */
export function refuseKeyFile(secret: Uint8Array): void {
  refuseOpenSsh(secret)
  if (!formsOf(secret).some(isKeyFile)) return
  throw new TypeError('a PEM or JWK as a secret; pass PEM as text and a JWK as an object')
}

/** @throws {TypeError} with the way to a form that is taken */
export function refuseOpenSsh(key: Uint8Array): void {
  if (formsOf(key).some(isOpenSsh)) throw new TypeError(`${OPENSSH}; ${CURE}`)
}

const OPENSSH = 'an OpenSSH public key'
const CURE = 'convert it: ssh-keygen -e -m PKCS8 -f FILE'

/** Forms of one secret that are looked at: each wrapping may be read in several ways, and what is left of most is nothing. */
const MAX_FORMS = 64

/** The secret, and what is wrapped in it, and in that; also parts of it if a part alone is telling. */
function formsOf(secret: Uint8Array, hasParts = true): Uint8Array[] {
  const forms = [secret]
  // What is found is looked at in its turn.
  for (let at = 0; at < forms.length && at < MAX_FORMS; at++) {
    const text = textOf(forms[at] as Uint8Array)
    const texts = [fromQuotes(text), ...fromEscapes(text), ...(hasParts ? fromParts(text) : [])].map((inner) =>
      new TextEncoder().encode(inner),
    )
    forms.push(...[...texts, fromHex(text), fromBase64(text)].filter((bytes) => bytes.length > 0))
  }
  return forms
}

/** As UTF-8, or as UTF-16, which has a zero beside each character of ASCII; without what is not printed before it. */
function textOf(secret: Uint8Array): string {
  const text = new TextDecoder().decode(secret.filter((byte) => byte !== 0))
  return text.replace(/^[^!-~]+/, '').trimEnd()
}

function fromQuotes(text: string): string {
  const [, , inner = ''] = /^(["'])([\s\S]*)\1$/.exec(text) ?? []
  const value = parsed(text)
  return typeof value === 'string' ? value : inner
}

/** Line ends as two characters, as a file of settings has them, and percent-encoding (RFC 3986 §2.1), where a blank may be `+`. */
function fromEscapes(text: string): string[] {
  const plain = text
    .replace(/\\[nr]/g, '\n')
    .replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
  return plain === text ? [] : [plain, plain.replace(/\+/g, ' ')]
}

/** Base64 or digits behind a prefix or among other text: `base64:`, a data URL, `KEY=`, a comment, `b'…'` of Python. */
function fromParts(text: string): string[] {
  const parts = text.match(/[A-Za-z0-9+/_-]{40,}/g) ?? []
  return parts.filter((part) => part !== text)
}

function fromHex(text: string): Uint8Array {
  const digits = text.replace(/[\s:]/g, '').toLowerCase().replace(/^0x/, '')
  return decodeHex(/^(?:[0-9a-f]{2})+$/.test(digits) ? digits : '')
}

/** In either alphabet. */
function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (byte) => byte.charCodeAt(0))
  } catch {
    return new Uint8Array()
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A line of such a file, of hosts or of allowed keys, or what its base64 is of: the length of a name, and the name of an algorithm. */
function isOpenSsh(bytes: Uint8Array): boolean {
  const start = encodeHex(bytes.subarray(0, 16))
  return (
    /(?:^|\s)(?:sk-)?(?:ssh|ecdsa)-\S+\s+AAAA/.test(textOf(bytes)) ||
    /^000000..(?:736b2d)?(?:7373682d|65636473612d)/.test(start)
  )
}

/** PEM, a public key file of SSH2, the XML of .NET, a JWK as JSON or as Python shows it, other JSON, or DER. Text may be around it. */
const KEY_TEXT = /-----BEGIN[\s_]|---- BEGIN |<(?:RSA|EC|DSA)KeyValue|["']kty["']\s*:/

function isKeyFile(bytes: Uint8Array): boolean {
  const text = textOf(bytes)
  return KEY_TEXT.test(text) || typeof (parsed(text) ?? '') === 'object' || isDer(bytes)
}

/** Parts of names in keys for RSA, EC and Ed25519 or its kin, as SPKI, PKCS #8, SEC 1 and certificates have them (RFC 3279 §2.3, RFC 8410 §3). */
const KEY_NAMES: readonly string[] = ['2a864886f70d0101', '2a8648ce3d', '06052b8104', '06032b65']

/** A sequence with such a name in it, or PKCS #1: one of its exact length that begins with a number. Random bytes are neither. */
function isDer(bytes: Uint8Array): boolean {
  const hex = encodeHex(bytes)
  if (!hex.startsWith('30')) return false
  const { long, short: size = long } = /^308(?:1(?<short>..)|2(?<long>....))02/.exec(hex)?.groups ?? {}
  const isPkcs1 = size !== undefined && Number.parseInt(size, 16) + 2 + size.length / 2 === bytes.length
  return isPkcs1 || KEY_NAMES.some((name) => hex.includes(name))
}

/** Of the shortest length that is taken, or a longer one. */
function isOneByte(bytes: Uint8Array): boolean {
  return bytes.length >= 32 && bytes.every((byte) => byte === bytes[0])
}

/** Long enough to pass, and in the documentation of a well-known package, where anyone finds them. */
const EXAMPLES: readonly string[] = [
  // jwt.io, today and before
  'a-string-secret-at-least-256-bits-long',
  'your-256-bit-secret',
  'a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long',
  // iron-session
  'complex_password_at_least_32_characters_long',
  // @fastify/secure-session and @fastify/session
  'averylogphrasebiggerthanthirtytwochars',
  'a secret with minimum length of 32 characters',
  // @hapi/yar, @hapi/iron and nuxt-auth-utils
  'the-password-must-be-at-least-32-characters-long',
  'some_not_random_password_that_is_at_least_32_characters',
  'password-with-at-least-32-characters',
]
