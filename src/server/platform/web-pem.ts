/**
 * The DER inside a PEM block, read far enough to tell what key it is: type, curve, modulus and exponent.
 * RFC 7468 §10 and §13, RFC 5280 §4.1 (SubjectPublicKeyInfo), RFC 5208 §5 (PrivateKeyInfo), RFC 8017 §A.1.
 */
import { encodeBase64Url, encodeHex } from '../../shared/bytes.js'
import type { Jwk } from './platform.js'

export interface PemKey {
  format: 'spki' | 'pkcs8'
  der: Uint8Array<ArrayBuffer>
  facts: Pick<Jwk, 'kty' | 'crv' | 'n' | 'e'>
}

/**
 * @param pem - one block
 * @throws {TypeError} for labels other than `PUBLIC KEY` and `PRIVATE KEY`, and for what is no key
 */
export function readPem(pem: string): PemKey {
  const [, label, body = ''] = BLOCK.exec(pem.trim()) ?? []
  const format = label === 'PUBLIC KEY' ? 'spki' : label === 'PRIVATE KEY' ? 'pkcs8' : undefined
  if (format === undefined) {
    throw new TypeError(
      'this platform reads PEM keys of the labels PUBLIC KEY and PRIVATE KEY alone (openssl pkcs8 -topk8 -nocrypt)',
    )
  }
  const der = Uint8Array.from(atob(body.replace(/\s/g, '')), (digit) => digit.charCodeAt(0))
  return { format, der, facts: factsOf(format, der) }
}

/** RFC 7468 §3: the label stands in both lines. */
const BLOCK = /^-----BEGIN ([A-Z0-9 ]+)-----\s([A-Za-z0-9+/=\s]+)-----END \1-----$/

/** Object identifiers as hex: RFC 8017 §A.1, RFC 5480 §2.1.1, RFC 8410 §3. */
const KEY_TYPES: Readonly<Record<string, 'RSA' | 'EC' | 'OKP'>> = {
  '2a864886f70d010101': 'RSA',
  '2a8648ce3d0201': 'EC',
  '2b6570': 'OKP',
}
const CURVES: Readonly<Record<string, string>> = {
  '2a8648ce3d030107': 'P-256',
  '2b81040022': 'P-384',
  '2b81040023': 'P-521',
}

function factsOf(format: PemKey['format'], der: Uint8Array): PemKey['facts'] {
  const outer = readElements(readElements(der)[0])
  const [algorithm, content] = format === 'spki' ? outer : outer.slice(1)
  const [type, curve] = readElements(algorithm).map((element) => encodeHex(element))
  const kty = KEY_TYPES[type ?? '']
  if (kty === 'OKP') return { kty, crv: 'Ed25519' }
  if (kty === 'EC') return { kty, crv: CURVES[curve ?? ''] ?? 'unknown' }
  if (kty !== 'RSA') throw new TypeError('the PEM holds a key of an unknown type')
  // A BIT STRING begins with the number of its unused bits, a private key with its version.
  const numbers = readElements(readElements(format === 'spki' ? content?.subarray(1) : content)[0])
  const [n, e] = format === 'spki' ? numbers : numbers.slice(1)
  return { kty, n: encodeUnsigned(n), e: encodeUnsigned(e) }
}

/** The contents of the elements that stand in a row (X.690 §8.1). */
function readElements(bytes: Uint8Array | undefined): Uint8Array[] {
  const elements: Uint8Array[] = []
  for (let at = 0; bytes !== undefined && at < bytes.length; ) {
    let length = bytes[at + 1] ?? 0
    at += 2
    if (length > 0x80) {
      const digits = bytes.subarray(at, at + length - 0x80)
      at += digits.length
      length = digits.reduce((sum, digit) => sum * 256 + digit, 0)
    }
    if (at + length > bytes.length) throw new TypeError('the PEM holds no key')
    elements.push(bytes.subarray(at, at + length))
    at += length
  }
  return elements
}

/** An INTEGER has a zero before it where it would be negative otherwise. */
function encodeUnsigned(integer: Uint8Array | undefined): string {
  if (integer === undefined) throw new TypeError('the PEM holds no key')
  return encodeBase64Url(integer[0] === 0 ? integer.subarray(1) : integer)
}
