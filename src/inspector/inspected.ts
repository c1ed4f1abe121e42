/**
 * A cookie, taken apart without a key.
 */
import { decodeBase64Url, decodeUtf8, encodeUtf8 } from '../shared/bytes.js'
import { type CookieForm, formOf } from '../shared/cookie-forms.js'
import { isSessionError, type SessionError } from '../shared/errors.js'
import type { PastedCookie } from '../shared/pasted-cookies.js'
import type { DecodedSession } from '../shared/types.js'
import { type Unpacking, unpack } from './unpacking.js'

/** Bytes that a payload may inflate to here: anyone may have made it. */
const MAX_INFLATED = 1_048_576
/** Of name and value, as browsers count them. */
export const COOKIE_BYTES = 4096

export interface Inspected extends PastedCookie {
  /** Of name and value. */
  readonly bytes: number
  readonly form?: CookieForm
  /** The format as people call it. */
  readonly title: string
  readonly decoded?: DecodedSession
  /** The JOSE header. */
  readonly header?: Record<string, unknown>
  readonly error?: SessionError
  readonly unpacking: Unpacking
}

export function inspectCookie(cookie: PastedCookie): Inspected {
  const { name = '', value } = cookie
  const form = formOf(value)
  const { decoded, error } = decode(value, form)
  const header = decoded?.header ?? headerOf(value, form)
  return {
    ...cookie,
    bytes: encodeUtf8(name + value).length,
    title: titleOf(form, decoded, error),
    unpacking: unpack(value, form, decoded, MAX_INFLATED),
    ...(form && { form }),
    ...(decoded && { decoded }),
    ...(header && { header }),
    ...(error && { error }),
  }
}

function decode(
  value: string,
  form: CookieForm | undefined,
): { readonly decoded?: DecodedSession; readonly error?: SessionError } {
  if (!form?.decode) return {}
  try {
    return { decoded: form.decode(value, MAX_INFLATED) }
  } catch (error) {
    if (isSessionError(error)) return { error }
    throw error
  }
}

/** A header that can be read although the rest can't. */
function headerOf(value: string, form: CookieForm | undefined): Record<string, unknown> | undefined {
  if (form?.name !== 'jwe' && form?.name !== 'jwt') return undefined
  try {
    return JSON.parse(decodeUtf8(decodeBase64Url(value.split('.', 1)[0] ?? ''))) as Record<string, unknown>
  } catch {
    return undefined
  }
}

const TITLES: Readonly<Record<CookieForm['name'], string>> = {
  jwe: 'Encrypted token (JWE)',
  jwt: 'JWT',
  compact: 'sessionglass compact',
  beaker: 'Beaker',
  'django-signed': 'Django signed cookie',
  'store-key': 'Key of a session on the server',
  'express-session': 'express-session',
  iron: 'iron-session',
  itsdangerous: 'Flask or Starlette (itsdangerous)',
}

function titleOf(
  form: CookieForm | undefined,
  decoded: DecodedSession | undefined,
  error: SessionError | undefined,
): string {
  if (!form) return 'Not a session cookie that this page knows'
  if (decoded?.format === 'beaker-jwt') return 'beaker-session-jwt'
  if (form.name === 'jwt' && typeof decoded?.claims?.sk === 'string') return 'django-session-jwt'
  if (form.name === 'beaker' && error?.code === 'ERR_SESSION_UNSUPPORTED') return 'Beaker, encrypted'
  return TITLES[form.name]
}
