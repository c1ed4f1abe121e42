/**
 * Signatures by a key that never leaves a KMS or an HSM: only its public key is here.
 * RFC 7518 §3.4; DER as ITU-T X.690 §8.1, §8.3 and §10.1.
 */
import { SessionError } from '../../shared/errors.js'
import type { MaybePromise } from '../../shared/types.js'
import { plainBuffer } from '../platform/platform.js'
import { inTime } from './key-source.js'

interface Signer {
  sign(bytes: Uint8Array): MaybePromise<Uint8Array>
}

/** What a signature must be. */
interface Expected {
  readonly publicKey: CryptoKey
  /** For WebCrypto. */
  readonly parameters: { name: string; hash: string; saltLength: number }
  /** Bytes. */
  readonly size: number
}

/** Asks for one signature, as a token has it. */
export type SignBytes = (bytes: Uint8Array<ArrayBuffer>, expected: Expected) => Promise<Uint8Array>

/**
 * A wrong signature never goes out: with it, the session of the visitor would be lost. The alias of a key may name another one by now.
 *
 * @param timeout - milliseconds
 */
export function signBytesWith(signer: Signer, timeout: number): SignBytes {
  return async (bytes, { publicKey, parameters, size }) => {
    try {
      const given = await inTime(signer.sign(bytes.slice()), timeout, 'signature')
      if (!(given instanceof Uint8Array)) throw new TypeError('The signature is not a Uint8Array')
      const signature = parameters.name === 'ECDSA' && given.length !== size ? numbersOf(given, size / 2) : given
      const isRight =
        signature.length === size && crypto.subtle.verify(parameters, publicKey, plainBuffer(signature), bytes)
      if (await isRight) return signature
      throw new Error('The signature does not belong to "publicKey" and "alg"')
    } catch (cause) {
      throw new SessionError('ERR_SESSION_KEYS', 'The signer of a key failed', { cause })
    }
  }
}

const SEQUENCE = 0x30
const INTEGER = 0x02
/** The length is in one byte more. */
const LONG = 0x81

/**
 * The two numbers of an ECDSA signature in DER, each as `length` bytes.
 *
 * @throws {TypeError} for any other bytes
 */
function numbersOf(der: Uint8Array, length: number): Uint8Array {
  const start = der[1] === LONG ? 3 : 2
  const size = der[start - 1] as number
  if (der[0] !== SEQUENCE || size !== der.length - start || (start === 3) !== size > 127) throw notDer()
  const numbers = new Uint8Array(2 * length)
  let at = start
  for (const end of [length, 2 * length]) {
    const [tag, count = 0] = der.subarray(at, at + 2)
    const number = der.subarray(at + 2, at + 2 + count)
    const [first = 0x80, second = 0x80] = number
    const isShortest = first !== 0 || second > 127
    const digits = first === 0 ? number.subarray(1) : number
    if (tag !== INTEGER || number.length !== count || first > 127 || !isShortest || digits.length > length)
      throw notDer()
    numbers.set(digits, end - digits.length)
    at += 2 + count
  }
  if (at !== der.length) throw notDer()
  return numbers
}

function notDer(): TypeError {
  return new TypeError('The ECDSA signature is neither DER nor two numbers of the size of the curve')
}
