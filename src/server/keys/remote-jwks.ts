/**
 * The public keys of another server, from its JWK set: fetched, checked, kept, and fetched again for a token they do not know.
 * RFC 7517 §5. Whoever answers at that address decides who is signed in: it is fetched over HTTPS and from nowhere else.
 */
import { concatBytes, decodeUtf8 } from '../../shared/bytes.js'
import type { Duration } from '../../shared/define-session.js'
import { checkLimit } from '../../shared/limits.js'
import { checkDuration, checkNames, type OptionNames } from '../../shared/option-names.js'
import { MAX_KEYS } from './hmac.js'
import { checkKeys, isPrivateJwk } from './key-input.js'
import { affordable, checkAlgorithms, createKeyRing, type KeyRing, type KeySet } from './keys.js'
import type { Jwk, JwsAlgorithm } from './prepared-key.js'

/** How another server's keys are fetched and kept. */
export interface RemoteJwksOptions {
  /**
   * What the keys may be for. A set may name `alg` for each key; RSA keys without one are for the first RS or PS of
   * these.
   *
   * @defaultValue all but those for secrets
   */
  algorithms?: readonly JwsAlgorithm[]
  /**
   * At least this long between two requests for tokens that no key verifies.
   *
   * @defaultValue 30 seconds
   */
  cooldown?: Duration
  /**
   * How old keys get before they are fetched again, beside the requests that use them.
   *
   * @defaultValue 10 minutes
   */
  cacheMaxAge?: Duration
  /**
   * How long keys are used beyond that while the set can't be fetched.
   *
   * @defaultValue one day
   */
  staleMaxAge?: Duration
  /**
   * For the whole answer.
   *
   * @defaultValue 5 seconds
   */
  timeout?: Duration
  /**
   * Bytes of the answer.
   *
   * @defaultValue 64 KiB
   */
  maxSize?: number
  /**
   * Makes the request, through a proxy for instance.
   *
   * @defaultValue the global `fetch`
   */
  fetch?: (url: string, init: RequestInit) => Promise<Response>
  /** Further headers of the request, for an address that asks for them. */
  headers?: Readonly<Record<string, string>>
  /** The present time, for tests. */
  clock?: () => Date
}

const OPTIONS: OptionNames<RemoteJwksOptions> = {
  algorithms: 1,
  cooldown: 1,
  cacheMaxAge: 1,
  staleMaxAge: 1,
  timeout: 1,
  maxSize: 1,
  fetch: 'function',
  headers: 1,
  clock: 'function',
}

const MAX_JWKS_BYTES = 65_536
const DEFAULTS = { cooldown: '30s', cacheMaxAge: '10m', staleMaxAge: '1d', timeout: '5s' } as const

/**
 * Verifies with the keys that another server publishes, and with nothing else: no secret, no private key. Keys of the set that
 * are not for signatures, too weak, secret or private are passed over, and so is the fourth costly key without a `kid`, or of one.
 *
 * @param url - `https:`, or a loopback address; redirects are not followed
 * @returns a ring for the option `keys`; a codec with it reads only
 * @throws {TypeError} for another address or option
 * @since 0.1.0
 * @example
 * const keys = remoteJwks('https://issuer.example/.well-known/jwks.json', { algorithms: ['ES256'] })
 * const sessions = verifySessions({ session: appSession, codecs: [jwt({ keys })] })
 */
export function remoteJwks(url: string | URL, options: RemoteJwksOptions = {}): KeyRing {
  checkNames(options, OPTIONS, 'remoteJwks')
  const address = checkedAddress(url)
  const { algorithms, maxSize = MAX_JWKS_BYTES, headers, clock } = options
  if (algorithms !== undefined) checkAlgorithms(algorithms)
  checkLimit(maxSize, 'maxSize', { unit: 'bytes' })
  const duration = (name: keyof typeof DEFAULTS): number => checkDuration(options[name] ?? DEFAULTS[name], name)
  const timeout = duration('timeout')

  async function load(): Promise<KeySet> {
    const { fetch: send = fetch } = options
    const { status, body } = await send(address, {
      headers: { accept: 'application/jwk-set+json, application/json', ...headers },
      // Workers know no `error`; either way a redirect is no answer.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeout),
    })
    if (status === 200) return await readJwks(await readLimited(body, maxSize), algorithms)
    await body?.cancel()
    throw new Error(`The request for the JWK set was answered with status ${status}`)
  }

  const ring = createKeyRing({
    load,
    canSign: false,
    maxAge: duration('cacheMaxAge'),
    maxStale: duration('staleMaxAge'),
    cooldown: duration('cooldown'),
    clock,
  })
  // They are the other server's to hand out.
  return { ...ring, publicKeys: async () => [] }
}

/** RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3; with or without a port. */
const LOOPBACK = /^(?:(?:[^:]+\.)?localhost|127(?:\.\d+){3}|\[::1\])(?::\d*)?$/i

/** Whether a host is this machine. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host)
}

function checkedAddress(url: string | URL): string {
  if (!URL.canParse(url)) throw new TypeError('The address of remoteJwks is not a URL')
  const { protocol, hostname, username, password, href } = new URL(url)
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(hostname))) {
    throw new TypeError('The address of remoteJwks must begin with https: (http: only for this machine)')
  }
  if (username !== '' || password !== '') throw new TypeError('The address of remoteJwks must not contain a password')
  return href
}

async function readLimited(body: Response['body'], maxSize: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  // An error within the loop also ends the connection.
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > maxSize) throw new Error(`The JWK set is longer than ${maxSize} bytes`)
    chunks.push(chunk)
  }
  return concatBytes(...chunks)
}

async function readJwks(bytes: Uint8Array, algorithms: readonly JwsAlgorithm[] | undefined): Promise<KeySet> {
  const { keys } = (JSON.parse(decodeUtf8(bytes)) ?? {}) as { keys?: unknown }
  if (!Array.isArray(keys)) throw new Error('The answer is not a JWK set')
  if (keys.length > MAX_KEYS) throw new Error(`The JWK set has more than ${MAX_KEYS} keys`)
  // RFC 7517 §5: keys that are not understood are passed over. So are those that the world should not know.
  const prepare = async (jwk: Jwk) => {
    if (jwk.kty === 'oct' || isPrivateJwk(jwk)) return []
    const checks = { option: 'keys', isRemote: true, ...(algorithms && { algorithms }) }
    return await Promise.all(checkKeys({ keys: [jwk] }, checks).map((key) => key.prepare()))
  }
  const usable = await Promise.all(keys.map((jwk: Jwk) => prepare(jwk).catch(() => [])))
  if (usable.flat().length === 0) throw new Error('The JWK set has no key that can verify sessions')
  // What the other server publishes next must not end the sessions of the keys before.
  return affordable(usable.flat())
}
