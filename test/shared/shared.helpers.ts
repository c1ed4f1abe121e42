/** What tests of the decode layer share: tokens of any parts, the code of an error, bytes from a seed. */
import { deflateSync } from 'node:zlib'
import { expect } from 'vitest'
import { writeBson } from '../../src/shared/bson/writer.js'
import { encodeBase64Url, encodeUtf8 } from '../../src/shared/bytes.js'
import { encodeBase85 } from '../../src/shared/encode-base85.js'
import { isSessionError, SessionError } from '../../src/shared/errors.js'
import type { SessionData } from '../../src/shared/types.js'
import { createRandom, type Random } from '../interop/random-data.js'

export const HEADER = '{"typ":"JWT","alg":"HS256"}'

/** A token of texts, whose signature nobody made. */
export function tokenOf(claims: string | object, header: string = HEADER): string {
  const text = typeof claims === 'string' ? claims : JSON.stringify(claims)
  return `${encodeBase64Url(encodeUtf8(header))}.${encodeBase64Url(encodeUtf8(text))}.c2ln`
}

/** `bsZ` as beaker-session-jwt makes it. */
export function bsZ(data: SessionData): string {
  return encodeBase85(deflateSync(writeBson(data), { level: 9 }))
}

/** The code of what a function throws, which must be a `SessionError` whose message is short, or `'none'`. */
export function codeOf(run: () => unknown): string {
  try {
    run()
    return 'none'
  } catch (error) {
    if (!isSessionError(error)) throw error
    expect(error).toBeInstanceOf(SessionError)
    expect(error.message.length).toBeLessThan(100)
    return error.code
  }
}

export { seed } from '../interop/random-data.js'

export interface RandomBytes extends Random {
  bytes(length: number): Uint8Array<ArrayBuffer>
}

/** The generator of the other tests, and bytes. */
export function randomBytes(from: number): RandomBytes {
  const random = createRandom(from)
  return { ...random, bytes: (length) => Uint8Array.from({ length }, () => random.below(256)) }
}
