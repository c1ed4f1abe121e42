/**
 * Sessions of Django's backend `signed_cookies`: the whole session in the cookie, signed and not encrypted.
 * FORMATS §8.
 */
import type { Duration } from '../../shared/define-session.js'
import { asVerified, SessionError } from '../../shared/errors.js'
import { checkDuration, checkNames, type OptionNames } from '../../shared/option-names.js'
import { djangoLocalEnds } from '../django/expiry.js'
import { djangoSessionChanged, readDjangoSession, writeDjangoSession } from '../django/session-data.js'
import {
  createTimestampSigner,
  type DjangoSecret,
  type DjangoSigningOptions,
  decodeSessionText,
  encodeSessionText,
  fixedSecrets,
  looksLikeDjangoSigned,
  type TimestampSigner,
} from '../django/signer.js'
import type { Known, SecretSource } from '../keys/key-source.js'
import { createPythonSerializer, type PythonSerializer } from '../python-serializers.js'
import { checkMaxInflated, MAX_COOKIE_VALUES } from './checks.js'
import type { CodecContext, SessionCodec, SessionRecord } from './codec.js'
import { withSecrets } from './secret-source.js'

/** The settings of Django, whose own names stand in capitals. */
export interface DjangoSignedOptions extends DjangoSigningOptions {
  /** `SECRET_KEY_FALLBACKS`, or what returns them: keys that only verify. */
  fallbacks?: readonly DjangoSecret[] | SecretSource<readonly DjangoSecret[]> | undefined
  /**
   * `SESSION_COOKIE_AGE`: how old a signature may get.
   *
   * @defaultValue two weeks, as Django's
   */
  maxAge?: Duration | undefined
  /** `TIME_ZONE`, only under `USE_TZ = False`: then `set_expiry` puts local times into the session. */
  timeZone?: string | undefined
  /**
   * The salt of the signer, which differs for each backend.
   *
   * @defaultValue `django.contrib.sessions.backends.signed_cookies`
   */
  salt?: string | undefined
}

const OPTIONS: OptionNames<DjangoSignedOptions> = {
  secretKey: 1,
  fallbacks: 1,
  reloadEvery: 1,
  maxAge: 1,
  timeZone: 1,
  salt: 1,
  serializer: 1,
  legacy: 'switch',
  allowWeakSecrets: 'switch',
  maxInflated: 1,
}

const SALT = 'django.contrib.sessions.backends.signed_cookies'
const COOKIE_AGE = '14d'
/** How far the clock of another server may be ahead, in milliseconds: more would outlive `maxAge` by as much. */
const CLOCK_TOLERANCE = 300_000

/**
 * The codec of Django's sessions in signed cookies; the cookie is `sessionid` there. Anybody who has the cookie can read it, and
 * an older one stays valid until it is too old: signing out does not end a session of which someone kept a copy. If an attacker
 * knows the secret, the serializer `pickle` lets them make Django run any program; nothing is run here.
 *
 * The cookie holds no id: `session.id` is new with each request. The time of the signature is `session.accessedAt`.
 *
 * @returns a codec of the family `django-signed`; `keyIndex` counts the secrets, then the same secrets with SHA-1
 * @throws {TypeError} naming the option
 * @see FORMATS §8
 * @since 0.1.0
 *
 * @example
 * const sessions = createSessions({
 *   session: defineSession({ name: 'sessionid' }),
 *   codecs: [djangoSigned({ secretKey: 'the SECRET_KEY of settings.py, 50 characters' })],
 *   expose: ['theme'],
 * })
 */
export function djangoSigned(options: DjangoSignedOptions): SessionCodec {
  checkNames(options, OPTIONS, 'djangoSigned')
  return withSecrets(options, ['secretKey', 'fallbacks'], create)
}

function create(options: Known<DjangoSignedOptions>): SessionCodec {
  const settings = settingsOf(options)
  return {
    name: 'djangoSigned',
    family: 'django-signed',
    idleTimeout: settings.maxAge,
    valueEnd: ({ accessedAt }, now) => new Date((accessedAt ?? now).getTime() + settings.maxAge),
    readable: settings.serializer.format === 'json',
    keepsId: false,
    matches: looksLikeDjangoSigned,
    deriveKeys: settings.deriveKeys,
    // Then the same secrets with SHA-1.
    thumbprints: async () => {
      const all = await settings.thumbprints()
      return [...all, ...all]
    },
    verify: (value, context) => verify(value, context, settings),
    sign: (record, context) => sign(record, context, settings),
    changed: djangoSessionChanged,
    ...(options.timeZone !== undefined && djangoLocalEnds(options.timeZone)),
  }
}

interface DjangoSignedSettings {
  deriveKeys: Required<SessionCodec>['deriveKeys']
  thumbprints: Required<SessionCodec>['thumbprints']
  signer: TimestampSigner
  serializer: PythonSerializer
  /** Milliseconds. */
  maxAge: number
  /** Bytes. */
  maxInflated: number
}

function settingsOf(options: Known<DjangoSignedOptions>): DjangoSignedSettings {
  const { secretKey, fallbacks, serializer = 'json', allowWeakSecrets, salt = SALT, legacy = true } = options
  const secrets = fixedSecrets({ secretKey, allowWeakSecrets }, fallbacks, 'fallbacks')
  const maxInflated = checkMaxInflated(options.maxInflated)
  return {
    deriveKeys: (label) => secrets.keys(label, 'SHA-256'),
    thumbprints: secrets.thumbprints,
    signer: createTimestampSigner({ secrets, salt, legacy }),
    serializer: createPythonSerializer({ serializer, maxLength: maxInflated, maxValues: MAX_COOKIE_VALUES }),
    maxAge: checkDuration(options.maxAge ?? COOKIE_AGE, 'maxAge'),
    maxInflated,
  }
}

/** Signature, age, zlib, serializer, in this order. */
async function verify(value: string, context: CodecContext, settings: DjangoSignedSettings): Promise<SessionRecord> {
  const { signer, serializer, maxAge, maxInflated } = settings
  const { text, signedAt, keyIndex } = await signer.unsign(value, context)
  try {
    refuseAge(signedAt, context.now, maxAge)
    const session = readDjangoSession(decodeSessionText(text, maxInflated), serializer)
    return { ...session, accessedAt: signedAt, expiresAt: new Date(signedAt.getTime() + maxAge), keyIndex }
  } catch (error) {
    throw asVerified(error)
  }
}

function refuseAge(signedAt: Date, now: Date, maxAge: number): void {
  const age = now.getTime() - signedAt.getTime()
  if (age > maxAge) throw new SessionError('ERR_SESSION_EXPIRED', 'The session has expired: it was signed too long ago')
  if (age < -CLOCK_TOLERANCE) {
    throw new SessionError('ERR_SESSION_NOT_YET_VALID', 'The session was signed in the future')
  }
}

async function sign(record: SessionRecord, context: CodecContext, settings: DjangoSignedSettings): Promise<string> {
  const { signer, serializer, maxInflated } = settings
  const text = await encodeSessionText(await writeDjangoSession(record, serializer), maxInflated)
  return await signer.sign(text, record.accessedAt ?? context.now, context)
}
