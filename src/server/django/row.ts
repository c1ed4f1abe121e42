/**
 * The column `session_data` of Django's session table: a session, serialized, perhaps compressed, and signed.
 * FORMATS §8.
 */
import { asVerified, SessionError } from '../../shared/errors.js'
import type { Flow } from '../flow.js'
import { looksLikeLegacyRow, verifyLegacyRow } from './legacy-row.js'
import { decodePayload, encodePayload, MAX_SESSION_OCTETS } from './payload.js'
import { createDjangoSecrets } from './secret-keys.js'
import { createDjangoSerializer } from './serializer.js'
import { type DjangoSession, readDjangoSession, writeDjangoSession } from './session-data.js'
import { createTimestampSigner } from './timestamp-signer.js'

export interface DjangoRowOptions {
  /** `SECRET_KEY`. It signs. */
  secretKey: string | Uint8Array
  /** `SECRET_KEY_FALLBACKS`: keys that only verify. */
  secretKeyFallbacks?: readonly (string | Uint8Array)[] | undefined
  /** `SESSION_SERIALIZER`. Default `json`, as Django's. */
  serializer?: 'json' | 'pickle' | undefined
  /** Default `django.contrib.sessions.SessionStore`; a backend of another class name has that at the end. */
  salt?: string | undefined
  /** Reads what Django before 3.1 wrote, and SHA-1; Django from 4.0 on does not. Default true. */
  legacy?: boolean | undefined
  /** Takes secrets under 32 octets. */
  allowWeakSecrets?: boolean | undefined
  /** Most octets that a session may have. Default 1 MiB. */
  maxInflated?: number | undefined
}

export interface DjangoRows {
  /** @throws {SessionError} with `verified` where the signature was good */
  read(text: unknown): Flow<Required<DjangoSession>>
  write(session: DjangoSession, now: Date): Flow<string>
}

const SALT = 'django.contrib.sessions.SessionStore'
/** Rows have one kind of key. */
const USE = { purpose: 'session', cookieName: '' } as const

/** @throws {TypeError} naming the option */
export function createDjangoRows(options: DjangoRowOptions): DjangoRows {
  const { secretKey, secretKeyFallbacks: fallbacks, allowWeakSecrets, salt = SALT, legacy = true } = options
  const { maxInflated = MAX_SESSION_OCTETS } = options
  const serializer = createDjangoSerializer(options.serializer ?? 'json')
  const secrets = createDjangoSecrets({ secretKey, fallbacks, allowWeakSecrets, fallbacksOption: 'secretKeyFallbacks' })
  const signer = createTimestampSigner({ secrets, salt, legacy })

  function* verifiedOctets(text: string): Flow<() => Uint8Array> {
    if (legacy && looksLikeLegacyRow(text)) {
      const serialized = yield* verifyLegacyRow(text, secrets, salt)
      return () => withinLimit(serialized)
    }
    const { payload } = yield* signer.unsign(text, USE)
    return () => decodePayload(payload, maxInflated)
  }

  function withinLimit(serialized: Uint8Array): Uint8Array {
    if (serialized.length <= maxInflated) return serialized
    throw new SessionError('ERR_SESSION_LIMIT', `The session has more than ${maxInflated} octets`)
  }

  return {
    *read(text) {
      if (typeof text !== 'string')
        throw new SessionError('ERR_SESSION_MALFORMED', 'The row has no text in session_data')
      const octets = yield* verifiedOctets(text)
      try {
        return readDjangoSession(octets(), serializer)
      } catch (error) {
        throw asVerified(error)
      }
    },
    *write(session, now) {
      const payload = encodePayload(writeDjangoSession(session, serializer), maxInflated)
      return yield* signer.sign(payload, now, USE)
    },
  }
}
