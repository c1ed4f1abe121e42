/**
 * The 40 hex digits that Beaker's cookies begin with: HMAC-SHA1 of the rest, or in 0.9.0 and 0.9.1 a plain SHA-1.
 * FORMATS §2.1 and §2.4.
 */
import { platform } from '#platform'
import { concatBytes, encodeHex, encodeUtf8 } from '../../shared/bytes.js'
import { looksLikeBeaker } from '../../shared/decode-beaker.js'
import { SessionError } from '../../shared/errors.js'
import { type Flow, wait } from '../flow.js'
import { createKeyring } from '../keyring.js'
import { equalInConstantTime } from '../values/constant-time.js'
import { decodeHex } from '../values/hex.js'
import type { CodecContext } from './codec.js'

export interface SignedBody {
  /** What was signed: text, as it stands in the cookie. */
  body: string
  keyIndex: number
}

export interface BeakerSigner {
  /** The signature and the body behind it. */
  sign(body: string, context: CodecContext): Flow<string>
  /** @throws {SessionError} `ERR_SESSION_SIGNATURE` */
  verify(value: string, context: CodecContext): Flow<SignedBody>
}

/** Characters of the signature. */
const LENGTH = 40

/**
 * Prepares the keys: the first signs, every one verifies.
 *
 * @param plain - the SHA-1 of key and body instead of an HMAC, which reads 0.9.0 and 0.9.1 and signs nothing
 * @throws {TypeError} for an empty key
 */
export function createBeakerSigner(validateKeys: readonly string[], plain: boolean): BeakerSigner {
  const keyring = createKeyring({
    secrets: validateKeys,
    hash: 'SHA-1',
    allowWeakSecrets: true,
    option: 'validateKey',
  })
  const keys = validateKeys.map(encodeUtf8)
  return {
    *sign(body, context) {
      const mac = yield* wait(keyring.sign(body, context))
      return encodeHex(mac) + body
    },
    *verify(value, context) {
      // Compared as text there, so upper case never verifies.
      if (!looksLikeBeaker(value)) throw refused()
      const body = value.slice(LENGTH)
      const mac = decodeHex(value.slice(0, LENGTH))
      const keyIndex = plain
        ? yield* verifyPlain(keys, body, mac, context)
        : yield* wait(keyring.verify(body, mac, context))
      if (keyIndex === -1) throw refused()
      return { body, keyIndex }
    },
  }
}

/**
 * Whoever has one good value can make the SHA-1 of a longer one, but never from ASCII alone: between both stands an
 * octet 0x80, which `looksLikeBeaker` takes nowhere.
 */
function* verifyPlain(keys: readonly Uint8Array[], body: string, mac: Uint8Array, context: CodecContext): Flow<number> {
  if (context.purpose !== 'session') return -1
  const signed = encodeUtf8(body)
  let found = -1
  for (const [index, key] of keys.entries()) {
    const digest = yield* wait(platform.sha1(concatBytes(key, signed)))
    if (equalInConstantTime(digest, mac) && found === -1) found = index
  }
  return found
}

function refused(): SessionError {
  return new SessionError('ERR_SESSION_SIGNATURE', 'No key verifies the signature')
}
