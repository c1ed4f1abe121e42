/**
 * Signs and verifies JWTs for the codecs `jwt` and `djangoJwt`: keys and headers are known here, claims are not.
 * RFC 7515 §5.1 and §5.2; header as PyJWT writes it (FORMATS §6).
 */
import { platform } from '#platform'
import { decodeUtf8 } from '../../shared/bytes.js'
import { asVerified, SessionError } from '../../shared/errors.js'
import { createHeaderReader, type HeaderReader, MAX_HEADER_LENGTH, splitJwt } from '../../shared/jwt.js'
import { createJsonClaims, type JsonClaims } from '../json/claims.js'
import { writeJson } from '../json/writer.js'
import type { KeyUse } from '../keys/hmac.js'
import { isCostly, type KeyRing, type KeySet, MAX_COSTLY } from '../keys/keys.js'
import {
  commonName,
  isAlgorithm,
  type KeyCost,
  type PreparedKey,
  type SignedToken,
  type UnsignedToken,
} from '../keys/prepared-key.js'
import type { CodecContext, SessionRecord } from './codec.js'
import { createVerifiedCache, type VerifiedCache } from './verified-cache.js'

export interface SignedTokensOptions {
  ring: KeyRing
  /** Writes the id of the key that signs, if it has one. */
  writesKid: boolean
  /** How many valid values are remembered. */
  remember: number | undefined
}

/** Signs and verifies the tokens of one codec. */
export interface SignedTokens {
  /**
   * @param read - makes the session from the claims; also called for a value that is remembered
   * @throws {SessionError} `ERR_SESSION_ALGORITHM`, `ERR_SESSION_SIGNATURE`, `ERR_SESSION_KEYS`, what `read` throws as verified
   */
  verify(value: string, context: CodecContext, read: (claims: JsonClaims) => SessionRecord): Promise<SessionRecord>
  /** @throws {SessionError} `ERR_SESSION_KEYS` if no key signs */
  sign(payload: string, context: CodecContext): Promise<string>
}

interface VerifiedToken {
  claims: JsonClaims
  keyIndex: number
  kid?: string
}

export function createSignedTokens({ ring, writesKid, remember }: SignedTokensOptions): SignedTokens {
  const headers = new WeakMap<PreparedKey, string>()
  const readHeader = createHeaderReader()
  let cache = createVerifiedCache<VerifiedToken>(remember)
  let cacheSet: KeySet | undefined

  /** What other keys verified is forgotten: one of them may be gone because it leaked. */
  function cacheFor(set: KeySet): VerifiedCache<VerifiedToken> {
    if (set !== cacheSet) cache = createVerifiedCache(remember)
    cacheSet = set
    return cache
  }

  function encodedHeader(key: PreparedKey, header: UnsignedToken['header']): string {
    const known = headers.get(key)
    if (known !== undefined) return known
    const text = platform.base64Url(writeJson(header, { ascii: true }))
    if (text.length > MAX_HEADER_LENGTH) {
      throw new SessionError(
        'ERR_SESSION_LIMIT',
        'The header of the token would be too long: give the key a shorter "kid"',
      )
    }
    headers.set(key, text)
    return text
  }

  return {
    async verify(value, context, read) {
      const isSession = context.purpose === 'session'
      const set = await ring.current()
      const known = isSession ? cacheFor(set).get(value) : undefined
      if (known) return withKey(read(known.claims), known)
      const token = openToken(value, readHeader)
      const found = await findKey(ring, set, token, context)
      try {
        const verified = {
          claims: createJsonClaims(decodeUtf8(platform.decodeBase64Url(token.payload))),
          ...found.identity,
        }
        const record = read(verified.claims)
        if (isSession) cacheFor(found.set).set(value, verified, token.payload.length)
        return withKey(record, verified)
      } catch (error) {
        throw asVerified(error)
      }
    },
    sign: (payload, { keyIndex, ...use }) =>
      ring.use(async (set) => {
        const signer = set[keyIndex ?? 0]
        if (!signer?.sign) throw new SessionError('ERR_SESSION_KEYS', 'None of the keys can sign')
        const header = headerOf(signer, writesKid)
        const encoded = encodedHeader(signer, header)
        const signingInput = () => `${encoded}.${platform.base64Url(payload)}`
        return await signer.sign({ header, payload, signingInput }, use)
      }),
  }
}

/** Takes the token apart without trusting any of it. Keys and addresses in its header are ignored. */
function openToken(value: string, readHeader: HeaderReader): SignedToken {
  const { header, payload, signature, signingInput } = splitJwt(value, readHeader)
  const { kid, crit } = header
  const alg = commonName(header.alg)
  if (!isAlgorithm(alg)) throw otherAlgorithm()
  if (crit !== undefined) throw new SessionError('ERR_SESSION_ALGORITHM', 'The token asks for extensions (crit)')
  if (signature === '') throw new SessionError('ERR_SESSION_SIGNATURE', 'The token has no signature')
  const known = typeof kid === 'string' ? kid : undefined
  return { value, alg, kid: known, payload, signingInput, signature: platform.decodeBase64Url(signature) }
}

interface VerifyingKey {
  set: KeySet
  identity: Omit<VerifiedToken, 'claims'>
}

/** Newer keys are looked for if a token names a key that is unknown, or names none and no key verifies it. */
async function findKey(ring: KeyRing, first: KeySet, token: SignedToken, context: CodecContext): Promise<VerifyingKey> {
  let set = first
  let { index, isKnown } = await verifyWithSet(set, token, context)
  if (index === -1 && !isKnown) {
    set = await ring.renewed(first)
    if (set !== first) index = (await verifyWithSet(set, token, context)).index
  }
  const key = set[index]
  if (key) return { set, identity: { keyIndex: index, ...(key.kid !== undefined && { kid: key.kid }) } }
  if (!set.some(({ alg }) => alg === token.alg)) throw otherAlgorithm()
  throw new SessionError('ERR_SESSION_SIGNATURE', 'No key verifies the signature')
}

interface FoundKey {
  /** The place of the key that verified, or -1. */
  readonly index: number
  /** The token names a key of the set: newer sets have no other. */
  readonly isKnown: boolean
}

/** @throws {SessionError} `ERR_SESSION_LIMIT` for one token too many */
async function verifyWithSet(keys: KeySet, token: SignedToken, use: KeyUse): Promise<FoundKey> {
  const { alg, kid } = token
  // A `kid` that is known means that key alone; another issuer may name the same keys in another way.
  const named = kid === undefined ? [] : keys.filter((key) => key.kid === kid)
  const isKnown = named.length > 0
  const suitable = (isKnown ? named : keys).filter((key) => key.alg === alg)
  // Of more costly keys than that, those with a name are for tokens that say it.
  const isLong = suitable.filter(isCostly).length > MAX_COSTLY
  const possible = isLong ? suitable.filter((key) => !isCostly(key) || key.givenKid === undefined) : suitable
  const count = (cost: KeyCost['cost']) => possible.filter((key) => key.cost === cost).length
  use.verifications?.spend({ costly: count('much'), ordinary: count('little') })
  for (const key of possible) if (await key.verify(token, use)) return { index: keys.indexOf(key), isKnown }
  return { index: -1, isKnown }
}

function otherAlgorithm(): SessionError {
  return new SessionError('ERR_SESSION_ALGORITHM', 'The token is signed with another algorithm')
}

/** PyJWT since 2.5.0 sorts the header (FORMATS §6). */
function headerOf({ alg, kid }: PreparedKey, writesKid: boolean): UnsignedToken['header'] {
  return { alg, ...(writesKid && kid !== undefined && { kid }), typ: 'JWT' }
}

/** @param record - was made for this call */
function withKey(record: SessionRecord, { keyIndex, kid }: VerifiedToken): SessionRecord {
  record.keyIndex = keyIndex
  if (kid !== undefined) record.kid = kid
  return record
}
