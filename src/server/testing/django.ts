/**
 * What Django's `login` puts into a session, for tests of an application beside Django.
 * FORMATS §8: `_auth_user_id`, `_auth_user_backend` and `_auth_user_hash`.
 */
import { encodeHex } from '../../shared/bytes.js'
import { createDjangoSecrets } from '../django/secret-keys.js'
import { AUTH_HASH_SALT } from '../django/user.js'

export interface DjangoLoginOptions {
  /** `SECRET_KEY`. */
  secretKey: string | Uint8Array
  /** The dotted path of the backend that knew the password. Default Django's own, `django.contrib.auth.backends.ModelBackend`. */
  backend?: string
  /** Takes secrets under 32 octets. */
  allowWeakSecrets?: boolean
}

/** Django's own keys of a session. */
export interface DjangoLogin {
  _auth_user_id: string
  _auth_user_backend: string
  _auth_user_hash: string
}

/**
 * The data of a session in which Django (3.1 or later) takes a user for signed in, as `Client.force_login` of its own tests makes it:
 * for `sessionCookie` with sessions over `djangoStore` or `djangoSigned`.
 *
 * @param user - the primary key, and the column `password` as it is in the row: Django's hash, not the password
 * @throws {TypeError} for a secret that is missing, empty or weak
 * @see FORMATS §8
 */
export async function djangoLogin(
  user: { id: string | number | bigint; password: string },
  options: DjangoLoginOptions,
): Promise<DjangoLogin> {
  const { secretKey, backend = 'django.contrib.auth.backends.ModelBackend', allowWeakSecrets = false } = options
  const secrets = createDjangoSecrets({ secretKey, allowWeakSecrets, fallbacksOption: 'secretKeyFallbacks' })
  const [key] = await secrets.keys(AUTH_HASH_SALT, 'SHA-256')
  const hash = key === undefined ? '' : encodeHex(await key.sign(user.password))
  return { _auth_user_id: String(user.id), _auth_user_backend: backend, _auth_user_hash: hash }
}
