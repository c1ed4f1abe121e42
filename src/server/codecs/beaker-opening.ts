/**
 * Whether opened octets are a session: the signature of a Beaker cookie says who made it, and nothing of what with.
 * FORMATS §2.1; a wrong cipher, key, nonce length or serializer gives octets that are as good as random.
 */
import { decodeBase64 } from '../../shared/base64.js'
import { SessionError } from '../../shared/errors.js'
import type { BeakerSerializer, SerializedReading } from './beaker-serializer.js'

/** A body without its base64 and its encryption. */
export interface OpenedBody {
  bytes: Uint8Array
  /** A tag under the encryption key vouches for the octets. */
  isProven: boolean
}

/**
 * Reads what was opened. Where no tag vouches for it, it is a session only where chance makes none: JSON whose checksum is
 * right, a dict that ends with the octets, or one with a key that every Beaker writes.
 *
 * @throws {SessionError} `ERR_SESSION_KEY` where the octets may be another codec's; another code only where they are not
 */
export function readOpened({ bytes, isProven }: OpenedBody, serializer: BeakerSerializer): SerializedReading {
  let cause: unknown
  try {
    const reading = serializer.read(bytes)
    if (isProven || reading.isCertain || serializer.wrote(bytes)) return reading
  } catch (error) {
    if (isProven ? serializer.owns(bytes) : serializer.wrote(bytes, error)) throw error
    cause = error
  }
  const message = `The session is no ${serializer.format}, or the encryption key, the cipher or the nonce is another one`
  throw new SessionError('ERR_SESSION_KEY', message, { cause })
}

/**
 * The octets of a body, or of what stands behind its nonce.
 *
 * @throws {SessionError} `ERR_SESSION_KEY` where it goes on behind its padding, as it does where a nonce is in it;
 *   `ERR_SESSION_MALFORMED`
 */
export function decodeBody(text: string, strict: boolean): Uint8Array {
  try {
    return decodeBase64(text, strict)
  } catch (error) {
    if (!PADDED_INSIDE.test(text)) throw error
    throw new SessionError('ERR_SESSION_KEY', 'The body is encrypted, or its nonce is of another length', {
      cause: error,
    })
  }
}

/** Padding of base64 (RFC 4648 §4) that is not at the end. */
const PADDED_INSIDE = /=[^=]/
