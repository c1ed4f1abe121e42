/**
 * Sessions for a service that only reads them: nothing that signs, sets a cookie or writes a row is part of it.
 */
import { platform } from '#platform'
import type { SessionErrorCode } from '../../shared/errors.js'
import type { SessionData } from '../../shared/types.js'
import type { SessionCodec } from '../codecs/codec.js'
import type { JwkSet } from '../keys/key-input.js'
import type { Jwk } from '../keys/prepared-key.js'
import type { CookieSource } from './http.js'
import { createLoader, type LoadSession, loadJudge } from './load.js'
import {
  checkSessionsOptions,
  type LoadSettings,
  settleLoading,
  VERIFY_OPTIONS,
  type VerifyOptions,
} from './options.js'
import { type Session, stateOf } from './session.js'

/**
 * The sessions of a server that only reads them.
 *
 * @typeParam Parsed - what a schema makes of the data
 */
export interface ReadOnlySessions<Data extends object = SessionData, Parsed = unknown> {
  /** The name of the cookie. */
  readonly name: string
  /** What the codecs say of their configuration, for a log at start. */
  readonly warnings: readonly string[]
  /**
   * Finds the session of a request, always the same for the same request object. A cookie that can't be read gives a fresh session
   * with `rejected`.
   *
   * @throws {SessionError} `ERR_SESSION_STORE` and `ERR_SESSION_KEYS`: an outage never looks like an empty session
   */
  load(source: CookieSource): Promise<Session<Data, Parsed>>
  /**
   * Loads all keys now, and what they need, so that the first request does not wait and an unusable key is found at the start. With a
   * schema `verifySessions` checks that and its options here.
   *
   * @throws {SessionError} `ERR_SESSION_KEYS` for keys that could not be loaded
   * @throws {TypeError} naming the option of the schema that is wrong
   */
  ready(): Promise<void>
  /**
   * Loads all keys now that come from functions, files and addresses, those of the store too, after a rotation for instance. Requests go on
   * with the ones before.
   *
   * @throws {SessionError} `ERR_SESSION_KEYS` if some could not be loaded: their last valid keys stay
   */
  reload(): Promise<void>
  /**
   * The public keys of the codecs, for other services to verify with (RFC 7517 §5). Secrets are never among them, nor are keys
   * of `remoteJwks`: their own server publishes them.
   *
   * @throws {SessionError} `ERR_SESSION_KEYS` for keys that could not be loaded
   */
  jwks(): Promise<JwkSet>
  /** @internal For adapters: loads without counting as a look at the session. */
  readonly [internal]: { readonly load: LoadSession<Data> }
}

/** @internal */
export const internal: unique symbol = Symbol('sessionglass internal')

/**
 * Sessions of a service that only verifies them. A bundle that calls this and not `createSessions` holds no code that writes.
 *
 * @throws {TypeError} naming the option that is wrong
 * @since 0.1.0
 * @example
 * const sessions = verifySessions({ session: appSession, codecs: [beakerJwt({ secrets: process.env.SESSION_KEY! })] })
 * const { data } = await sessions.load('')
 */
export function verifySessions<Data extends object = SessionData, Parsed = unknown>(
  options: VerifyOptions<Data, Parsed>,
): ReadOnlySessions<Data, Parsed> {
  checkSessionsOptions(options as VerifyOptions, VERIFY_OPTIONS, 'verifySessions')
  return readOnlySessions(settleLoading(options))
}

const ENDLESS: SessionErrorCode = 'ERR_SESSION_ENDLESS'
const warned = new Set<string>()

/** The names of the cookies whose sessions never end have been told. */
function warnOnce({ name, endless: [warning] }: LoadSettings): void {
  if (!warning || warned.has(name)) return
  warned.add(name)
  platform.warn(ENDLESS, `${warning} (${name})`)
}

export function readOnlySessions<Data extends object, Parsed = unknown>(
  settings: LoadSettings,
  load: LoadSession<Data> = createLoader<Data>(settings),
): ReadOnlySessions<Data, Parsed> {
  warnOnce(settings)
  const { schema, loadedKeys } = settings
  return {
    name: settings.name,
    warnings: [...settings.codecs.flatMap(({ warnings }) => warnings ?? []), ...settings.warnings, ...settings.endless],
    async load(source) {
      const session = await load(source)
      stateOf(session).isRead = true
      return session as Session<Data, Parsed>
    },
    async ready() {
      await Promise.all([schema && (await loadJudge()).rulesOf(schema), ...loadedKeys.map((keys) => keys.ready())])
    },
    async reload() {
      await Promise.all(loadedKeys.map((keys) => keys.reload?.()))
    },
    jwks: () => publicJwks(settings.codecs),
    [internal]: { load },
  }
}

/** The public keys of all codecs as one JWK set (RFC 7517 §5). @throws {SessionError} `ERR_SESSION_KEYS`: never half a set */
async function publicJwks(codecs: readonly SessionCodec[]): Promise<JwkSet> {
  const found = new Map<string, Jwk>()
  for (const { keys } of codecs) {
    for (const jwk of keys ? await keys.publicKeys() : []) found.set(JSON.stringify(jwk), jwk)
  }
  return { keys: [...found.values()] }
}
