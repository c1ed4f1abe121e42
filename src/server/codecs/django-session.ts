/**
 * Django's own session cookie: the key of a session, 32 characters and no signature; the data is in a store.
 * FORMATS §8.
 */
import { platform } from '#platform'
import { SessionError } from '../../shared/errors.js'
import { checkNames } from '../../shared/option-names.js'
import type { CodecContext, SessionCodec, SessionRecord } from './codec.js'

/** What may stand beside the bare key. */
export interface DjangoSessionOptions {
  /**
   * Accepts other codecs in the same list that write the key into their values, for a migration from or to
   * `djangoJwt`. A key copied out of such a value then works without the signature and the expiry of that value.
   *
   * @defaultValue false
   */
  allowBareKey?: boolean | undefined
}

/** FORMATS §8. */
const SESSION_KEY = /^[a-z0-9]{32}$/
const CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'
const KEY_LENGTH = 32
/** The largest multiple of 36 that a byte can hold: bytes from there on would make some characters more likely. */
const FAIR_BYTES = 252

/**
 * The codec of Django's cookie `sessionid` with the backends `db` and `cached_db`: the bare key, which names a row of `djangoStore`. The
 * key is not signed: anybody who knows it is that visitor. So it is only looked up. A key that names no row gives a new session with
 * a new key.
 *
 * @returns a codec of the family `django-session`, which no browser can read
 * @throws {TypeError} naming the option; `createSessions` throws one without a store, and for other codecs that show the key
 * @see FORMATS §8
 * @since 0.1.0
 *
 * @example
 * const sessions = createSessions({
 *   session: defineSession({ name: 'sessionid' }),
 *   codecs: [djangoSession()],
 *   store: djangoStore({ execute: pgExecute(pool), secretKey: 'the SECRET_KEY of settings.py, 50 characters' }),
 *   expose: false,
 * })
 */
export function djangoSession(options: DjangoSessionOptions = {}): SessionCodec {
  checkNames(options, { allowBareKey: 'switch' }, 'djangoSession')
  const { allowBareKey = false } = options
  return {
    name: 'djangoSession',
    family: 'django-session',
    readable: false,
    bareId: allowBareKey ? 'beside' : 'alone',
    keepsId: true,
    newId: newSessionKey,
    matches: (value) => SESSION_KEY.test(value),
    verify: async (value, context) => verify(value, context),
    sign: async (record) => sign(record),
  }
}

function verify(value: string, { purpose }: CodecContext): SessionRecord {
  if (purpose !== 'session' || !SESSION_KEY.test(value)) {
    throw new SessionError('ERR_SESSION_MALFORMED', 'The value is not a session key of Django')
  }
  return { id: value, data: {} }
}

function sign({ id = '', stored, data }: SessionRecord): string {
  if (stored === undefined && Object.keys(data).length > 0) {
    throw new TypeError('djangoSession needs a "store": its cookie holds no data')
  }
  if (SESSION_KEY.test(id)) return id
  throw new TypeError('A session key of Django has 32 characters of a to z and 0 to 9')
}

/** As Django makes them: `get_random_string(32)` of lower-case letters and digits. */
function newSessionKey(): string {
  let key = ''
  while (key.length < KEY_LENGTH) {
    for (const byte of platform.randomBytes(KEY_LENGTH)) if (byte < FAIR_BYTES) key += CHARACTERS.charAt(byte % 36)
  }
  return key.slice(0, KEY_LENGTH)
}
