/**
 * The forms in which an application has its keys, and how each is told from the others.
 * RFC 7517 for JWK, RFC 7468 for PEM.
 */
import { platform } from '#platform'
import { encodeUtf8 } from '../../shared/bytes.js'
import type { Jwk, JwkSet } from '../platform/jwk.js'
import { type CryptoKeys, formOfCryptoKey, formOfCryptoKeys } from './crypto-key-form.js'
import { formOfJwk, formsOfJwkSet } from './jwk-form.js'
import { formOfSecret, type KeyForm, type KeyLabels, labelsOf } from './key-form.js'
import { formOfKeyObject, type KeyObjectLike } from './key-object-form.js'

/**
 * One key, or a set of them: a secret as text or octets, PEM as text, a JWK, a JWK set, a `CryptoKey`, a pair of those, a
 * `KeyObject`; or an object that says more about one.
 */
export type KeyInput =
  | string
  | Uint8Array
  | Jwk
  | JwkSet
  | CryptoKey
  | CryptoKeys
  | KeyObjectLike
  | (KeyLabels & { readonly pem: string; readonly passphrase?: string })
  /** PEM, JWK, JWK set, or else a secret of exactly its octets. Node only; read at start and with each reload. */
  | (KeyLabels & { readonly file: string; readonly passphrase?: string })
  | (KeyLabels & { readonly key: string | Uint8Array | Jwk | CryptoKey | CryptoKeys | KeyObjectLike })

/**
 * Takes an input apart into keys.
 *
 * @throws {TypeError} without the name of an option, which the caller puts before it
 */
export function formsOf(input: KeyInput, labels: KeyLabels = {}): KeyForm[] {
  if (typeof input === 'string') return [formOfText(input, labels)]
  if (input instanceof Uint8Array) return [formOfSecret(input, labels)]
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new TypeError('something that is no key')
  if ('pem' in input) return [formOfPem(input.pem, input, input.passphrase)]
  if ('file' in input) return formsOfFile(input.file, input, input.passphrase)
  if ('key' in input) return formsOf(input.key, input)
  if ('keys' in input) return formsOfJwkSet(input, labels)
  if ('kty' in input) return [formOfJwk(input, labels)]
  if ('privateKey' in input || 'publicKey' in input) return [formOfCryptoKeys(input, labels)]
  if ('export' in input && typeof input.export === 'function') return [formOfKeyObject(input, labels)]
  if ('usages' in input && 'algorithm' in input) return [formOfCryptoKey(input, labels)]
  throw new TypeError('something that is no key')
}

function formOfText(text: string, labels: KeyLabels): KeyForm {
  return text.trim().startsWith('-----BEGIN ') ? formOfPem(text, labels) : formOfSecret(encodeUtf8(text), labels)
}

/** RFC 7468 §3: the label stands in both lines. Text may stand around a block (§2). */
const PEM_BLOCK = /^-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?^-----END \1-----/gm
/** Others, such as the parameters of a curve, are no keys. */
const KEY_LABEL = /(?:^| )KEY$|^CERTIFICATE$/

function formOfPem(text: unknown, labels: KeyLabels, passphrase?: string): KeyForm {
  if (typeof text !== 'string') throw new TypeError('a "pem" that is no text')
  const blocks = [...text.trim().matchAll(PEM_BLOCK)].filter(([, label = '']) => KEY_LABEL.test(label))
  const [block] = blocks
  if (block === undefined) throw new TypeError('a PEM without a key')
  if (blocks.length > 1) throw new TypeError('a PEM with several keys; give each by itself')
  return { ...labelsOf(labels), material: { pem: block[0], ...(passphrase !== undefined && { passphrase }) } }
}

function formsOfFile(path: string, labels: KeyLabels, passphrase?: string): KeyForm[] {
  const octets = readFile(path)
  const text = new TextDecoder().decode(octets)
  if (/^-----BEGIN /m.test(text)) return [formOfPem(text, labels, passphrase)]
  const json = parseObject(text)
  return json === undefined ? [formOfSecret(octets, labels)] : formsOf(json, labelsOf(labels))
}

/** The message of the file system has the path, which is nobody else's business. */
function readFile(path: string): Uint8Array {
  try {
    return platform.readFile(path)
  } catch (error) {
    throw error instanceof TypeError ? error : new TypeError('a "file" that can not be read')
  }
}

/** JSON that may name another file or hold a PEM is none of ours. */
function parseObject(text: string): Jwk | JwkSet | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isKey = typeof value === 'object' && value !== null && ('kty' in value || 'keys' in value)
    return isKey && !('file' in value || 'pem' in value || 'key' in value) ? (value as Jwk) : undefined
  } catch {
    return undefined
  }
}
