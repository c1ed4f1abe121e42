/** Tokens as anybody with a key can make them, also such as no codec writes. */
import { createHmac } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { encodeBase85 } from '../../../src/shared/encode-base85.js'
import { SECRET } from '../server.helpers.js'

export const HS256 = '{"typ":"JWT","alg":"HS256"}'

export function base64url(content: string | Uint8Array): string {
  return Buffer.from(content).toString('base64url')
}

/** A token with a good signature over whatever header and payload. */
export function signedToken(payload: string | Uint8Array, header = HS256, secret = SECRET, hash = 'sha256'): string {
  return signParts(base64url(header), base64url(payload), secret, hash)
}

/** The same over parts that are base64url already, or not. */
export function signParts(header: string, payload: string, secret = SECRET, hash = 'sha256'): string {
  const signingInput = `${header}.${payload}`
  return `${signingInput}.${createHmac(hash, secret).update(signingInput).digest('base64url')}`
}

/** The claims of a compressed session. */
export function bsZ(document: Uint8Array, beside: object = {}): string {
  return JSON.stringify({ bsZ: encodeBase85(deflateSync(document, { level: 9 })), ...beside })
}

/** Header and payload of a token, as text. */
export function openToken(token: string): { header: string; payload: string } {
  const [header = '', payload = ''] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString())
  return { header, payload }
}
