/**
 * The columns of Django's session table: `session_data`, a session serialized, perhaps compressed, and signed; `expire_date`.
 * FORMATS §8.
 */
import { decodeBase64 } from '../../shared/base64.js'
import { decodeHex } from '../../shared/bytes.js'
import { asVerified, SessionError } from '../../shared/errors.js'
import { checkInflated } from '../../shared/limits.js'
import { decodeLatin1 } from '../../shared/pickle/text.js'
import type { LoadedKeys } from '../keys/key-source.js'
import type { HmacKey } from '../platform/platform.js'
import { createPythonSerializer } from '../python-serializers.js'
import { type DjangoSession, readDjangoSession, writeDjangoSession } from './session-data.js'
import {
  createDjangoSecrets,
  createTimestampSigner,
  type DjangoSecretOptions,
  type DjangoSecrets,
  type DjangoSigningOptions,
  decodeSessionText,
  encodeSessionText,
  MAX_SESSION_BYTES,
} from './signer.js'

export interface DjangoRowOptions extends DjangoSigningOptions, DjangoSecretOptions {
  /**
   * The salt of the signer; a backend with another class name has that name at the end.
   *
   * @defaultValue `django.contrib.sessions.SessionStore`
   */
  salt?: string | undefined
}

export interface DjangoRows {
  /** If a function gives the secrets. */
  readonly keys?: LoadedKeys
  /** Keys for something else than rows. */
  deriveKeys(label: string): Promise<readonly HmacKey[]>
  /** @throws {SessionError} with `verified` if the signature was right */
  read(text: unknown): Promise<Required<DjangoSession>>
  write(session: DjangoSession, now: Date): Promise<string>
}

const SALT = 'django.contrib.sessions.SessionStore'
/** Rows have only one kind of key. */
const USE = { purpose: 'session', cookieName: '' } as const

/** @throws {TypeError} naming the option */
export function createDjangoRows(options: DjangoRowOptions): DjangoRows {
  const { salt = SALT, legacy = true } = options
  const maxInflated = checkInflated(options.maxInflated ?? MAX_SESSION_BYTES)
  const serializer = createPythonSerializer({ serializer: options.serializer ?? 'json', maxLength: maxInflated })
  const secrets = createDjangoSecrets(options)
  const signer = createTimestampSigner({ secrets, salt, legacy })

  async function verifiedBytes(text: string): Promise<() => Uint8Array> {
    if (legacy && looksLikeLegacyRow(text)) {
      const serialized = await verifyLegacyRow(text, secrets, salt)
      return () => withinLimit(serialized)
    }
    const unsigned = await signer.unsign(text, USE)
    return () => decodeSessionText(unsigned.text, maxInflated)
  }

  function withinLimit(serialized: Uint8Array): Uint8Array {
    if (serialized.length <= maxInflated) return serialized
    throw new SessionError('ERR_SESSION_LIMIT', `The session has more than ${maxInflated} bytes`)
  }

  return {
    ...(secrets.loaded && { keys: secrets.loaded }),
    deriveKeys: (label) => secrets.keys(label, 'SHA-256'),
    async read(text) {
      if (typeof text !== 'string')
        throw new SessionError('ERR_SESSION_MALFORMED', 'The row has no text in session_data')
      const bytes = await verifiedBytes(text)
      try {
        return readDjangoSession(bytes(), serializer)
      } catch (error) {
        throw asVerified(error)
      }
    },
    async write(session, now) {
      const text = await encodeSessionText(await writeDjangoSession(session, serializer), maxInflated)
      return await signer.sign(text, now, USE)
    },
  }
}

/** 40 hex digits and the colon after them. */
const MAC = /^[0-9a-f]{40}:$/
const MAC_LENGTH = 41

/** Recognized by shape alone: the newer form has colons, and base64 has none. */
function looksLikeLegacyRow(text: string): boolean {
  return !text.includes(':')
}

/**
 * The serialized session of a row that Django before 3.1 wrote: base64 of the hex HMAC-SHA1, a colon, and the session.
 *
 * @param salt - of the newer form; the older one lacks its last dot
 * @returns bytes whose signature was right
 * @throws {SessionError} `ERR_SESSION_MALFORMED`, `ERR_SESSION_SIGNATURE`
 */
async function verifyLegacyRow(text: string, secrets: DjangoSecrets, salt: string): Promise<Uint8Array> {
  const row = decodeBase64(text, true)
  const prefix = decodeLatin1(row.subarray(0, MAC_LENGTH))
  if (!MAC.test(prefix)) throw new SessionError('ERR_SESSION_MALFORMED', 'The row is not a session of Django')
  const serialized = row.subarray(MAC_LENGTH)
  const mac = decodeHex(prefix.slice(0, -1))
  for (const key of await secrets.keys(salt.replace(/\.(?=[^.]*$)/, ''), 'SHA-1')) {
    if (await key.verify(serialized, mac)) return serialized
  }
  throw new SessionError('ERR_SESSION_SIGNATURE', 'No key verifies the row')
}
