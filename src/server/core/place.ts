/**
 * Where the cookies of a session are: in the place of the options, or in one that the session names itself and that is allowed.
 */
import type { CookieWriter } from './cookies.js'
import type { Settings } from './options.js'
import { identify, type LoadedSession } from './session.js'

/** The writer for the cookies of a session as it was read or signed. */
export function cookiesOf(settings: Pick<Settings, 'cookies'>, session: LoadedSession | undefined): CookieWriter {
  return allowedAt(settings, session) ?? settings.cookies
}

/** Tells that a session is written or ended in another place than it names. */
export function reportPlace(settings: Pick<Settings, 'cookies' | 'emit'>, session: LoadedSession | undefined): void {
  const { emit } = settings
  if (emit && session && !allowedAt(settings, session)) emit({ type: 'misplaced', ...identify(session) })
}

function allowedAt(
  { cookies }: Pick<Settings, 'cookies'>,
  session: LoadedSession | undefined,
): CookieWriter | undefined {
  return cookies.at(session?.codec.cookiePlace?.(session.record))
}
