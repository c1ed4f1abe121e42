/**
 * What a browser signs with the key of its device: a JWT of type `dbsc+jwt`, without times, over a challenge of ours.
 * W3C Device Bound Session Credentials; RFC 7515 §5.2, RFC 7638.
 */
import { platform } from '#platform'
import { decodeBase64Url, decodeUtf8, encodeUtf8 } from '../../shared/bytes.js'
import { looksLikeJwt, parseUniqueObject, splitJwt } from '../../shared/jwt.js'
import { checkKeys } from '../keys/key-input.js'
import type { Jwk, PreparedKey } from '../keys/prepared-key.js'

/** A proof whose signature was not looked at. */
export interface DeviceProof {
  /** The challenge that it answers. */
  readonly challenge: string
  /** The address that it is for, from browsers that say it. */
  readonly audience: string | undefined
  /** The key that it names; browsers name it only to register. */
  readonly jwk: Jwk | undefined
  readonly alg: DeviceAlgorithm
  readonly value: string
}

type DeviceAlgorithm = 'ES256' | 'RS256'

/** Characters: RSA with 4096 bits takes some 2200. */
const MAX_PROOF = 4096
const MAX_TEXT = 512

/**
 * Takes the header `Secure-Session-Response` apart, and trusts none of it.
 *
 * @returns undefined for anything but a proof
 */
export function openDeviceProof(header: string | null | undefined): DeviceProof | undefined {
  // A structured field has quotes (RFC 9651 §3.3.3), and what Chromium sends has none.
  const value = /^"(.*)"$/.exec(header ?? '')?.[1] ?? header ?? ''
  if (value.length > MAX_PROOF || !looksLikeJwt(value)) return undefined
  try {
    const { header: said, payload } = splitJwt(value)
    const { alg, typ, jwk, crit } = said
    const { jti, aud } = parseUniqueObject(decodeUtf8(decodeBase64Url(payload)))
    const isWhole = typ === 'dbsc+jwt' && crit === undefined && isText(jti) && (aud === undefined || isText(aud))
    if (!isWhole || (alg !== 'ES256' && alg !== 'RS256')) return undefined
    return { challenge: jti, audience: aud, jwk: jwk as Jwk | undefined, alg, value }
  } catch {
    return undefined
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_TEXT
}

/** A device's key that has signed. */
export interface DeviceKey {
  readonly thumbprint: string
  /** Its public members alone, as base64url. */
  readonly jwk: string
}

/**
 * Whether a proof was signed with a key.
 *
 * @returns undefined if not, or if the key is weak, private, or of another kind than the algorithm
 */
export async function verifyDeviceProof(proof: DeviceProof, jwk: Jwk): Promise<DeviceKey | undefined> {
  const key = await importedKey(jwk, proof.alg)
  const [header, payload, signature] = proof.value.split('.') as [string, string, string]
  if (!key) return undefined
  try {
    const token = {
      value: proof.value,
      alg: proof.alg,
      kid: undefined,
      payload,
      signingInput: `${header}.${payload}`,
      signature: decodeBase64Url(signature),
    }
    const isSigned = await key.verify(token, { purpose: 'session', cookieName: '' })
    const thumbprint = isSigned ? await key.thumbprint() : undefined
    return thumbprint === undefined ? undefined : { thumbprint, jwk: jwkText(key.publicJwk ?? {}) }
  } catch {
    return undefined
  }
}

async function importedKey(jwk: Jwk, alg: DeviceAlgorithm): Promise<PreparedKey | undefined> {
  try {
    const [checked] = checkKeys([publicMembers(jwk)], { option: 'jwk', algorithms: [alg], isRemote: true })
    return await checked?.prepare()
  } catch {
    return undefined
  }
}

/** Nothing else of what a browser sends: an option for keys also takes the name of a file. @throws {TypeError} for a private key */
function publicMembers(jwk: Jwk): Jwk {
  const { kty, crv, x, y, n, e, d } = jwk
  if (typeof kty !== 'string' || d !== undefined) throw new TypeError('no public key')
  return JSON.parse(JSON.stringify({ kty, crv, x, y, n, e }))
}

function jwkText(jwk: Jwk): string {
  return platform.base64Url(encodeUtf8(JSON.stringify(publicMembers(jwk))))
}

/** The key that `jwkText` wrote, out of a cookie that we have signed. */
export function jwkOf(text: string): Jwk | undefined {
  try {
    return parseUniqueObject(decodeUtf8(decodeBase64Url(text)))
  } catch {
    return undefined
  }
}
