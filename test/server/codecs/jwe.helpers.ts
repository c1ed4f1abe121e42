/** Encrypted tokens put together and taken apart from FORMATS §12 alone, by node:crypto. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'

export interface TokenOptions {
  secret: string
  enc?: 'A256GCM' | 'A256CBC-HS512'
  cookieName?: string
  tenant?: string
  purpose?: string
  /** Instead of the key that is derived. */
  key?: Uint8Array
  /** Members that the header has beside `alg`, `enc` and `kid`, or in their place. */
  header?: object
  /** The whole header. */
  headerText?: string
}

/** The key and its id: HKDF with SHA-256 (RFC 5869) without a salt. */
export function derivedKey(options: TokenOptions): { key: Buffer; kid: string } {
  const { secret, enc = 'A256GCM', cookieName = 'sid', tenant, purpose = 'session' } = options
  const info = ['sessionglass jwe 1', enc, purpose, cookieName, ...(tenant === undefined ? [] : [tenant])].join(' ')
  const size = enc === 'A256GCM' ? 32 : 64
  const output = Buffer.from(hkdfSync('sha256', secret, '', info, size + 6))
  return { key: output.subarray(0, size), kid: output.subarray(size).toString('base64url') }
}

/** A token around these bytes (RFC 7516 §5.1). */
export function jweValue(plaintext: Uint8Array | string, options: TokenOptions): string {
  const { enc = 'A256GCM', header, headerText } = options
  const derived = derivedKey(options)
  const text = headerText ?? JSON.stringify({ alg: 'dir', enc, kid: derived.kid, ...header })
  const protectedHeader = Buffer.from(text).toString('base64url')
  const { iv, ciphertext, tag } = encrypted(Buffer.from(plaintext), options.key ?? derived.key, protectedHeader)
  return [protectedHeader, '', ...[iv, ciphertext, tag].map((part) => part.toString('base64url'))].join('.')
}

export interface OpenedToken {
  header: Record<string, unknown>
  plaintext: Buffer
}

/** @throws if the token is not one of this key (RFC 7516 §5.2) */
export function openJwe(value: string, options: TokenOptions): OpenedToken {
  const [head = '', , ...parts] = value.split('.')
  const [iv, ciphertext, tag] = parts.map((part) => Buffer.from(part, 'base64url')) as [Buffer, Buffer, Buffer]
  const plaintext = decrypted({ iv, ciphertext, tag }, derivedKey(options).key, head)
  return { header: JSON.parse(Buffer.from(head, 'base64url').toString()) as Record<string, unknown>, plaintext }
}

interface Encrypted {
  iv: Buffer
  ciphertext: Buffer
  tag: Buffer
}

function encrypted(plaintext: Buffer, key: Uint8Array, header: string): Encrypted {
  if (key.length === 32) {
    const iv = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(header))
    const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
    return { iv, ciphertext, tag: cipher.getAuthTag() }
  }
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-256-cbc', key.subarray(32), iv)
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return { iv, ciphertext, tag: cbcTag({ iv, ciphertext }, key, header) }
}

function decrypted({ iv, ciphertext, tag }: Encrypted, key: Uint8Array, header: string): Buffer {
  if (key.length === 32) {
    const cipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(header)).setAuthTag(tag)
    return Buffer.concat([cipher.update(ciphertext), cipher.final()])
  }
  if (!cbcTag({ iv, ciphertext }, key, header).equals(tag)) throw new Error('The tag is another')
  const cipher = createDecipheriv('aes-256-cbc', key.subarray(32), iv)
  return Buffer.concat([cipher.update(ciphertext), cipher.final()])
}

/** RFC 7518 §5.2.2.1: the MAC ends with the length of the header in bits. */
function cbcTag({ iv, ciphertext }: Omit<Encrypted, 'tag'>, key: Uint8Array, header: string): Buffer {
  const bits = Buffer.alloc(8)
  bits.writeUInt32BE(8 * header.length, 4)
  const mac = createHmac('sha512', key.subarray(0, 32)).update(header).update(iv).update(ciphertext).update(bits)
  return mac.digest().subarray(0, 32)
}
