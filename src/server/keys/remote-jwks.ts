/**
 * The public keys of another server, from its JWK set: fetched, checked, kept, and fetched again for a token they do not know.
 * RFC 7517 §5. Whoever answers at that address decides who is signed in: it is fetched over HTTPS and from nowhere else.
 */
import { concatBytes, decodeUtf8 } from '../../shared/bytes.js'
import { type Duration, parseDuration } from '../../shared/define-session.js'
import {
  checkAlgorithms,
  isPrivateJwk,
  type Jwk,
  type JwsAlgorithm,
  type KeyChecks,
  keyOfJwk,
  type PreparedKey,
} from './key-input.js'
import { createKeyRing, type KeyRing, type KeySet, keySetOf } from './keys.js'

export interface RemoteJwksOptions {
  /** What the keys may be for. A set may name `alg` for each key; RSA keys without one are for the first RS or PS of these. */
  algorithms?: readonly JwsAlgorithm[]
  /** At least this long between two requests for tokens that no key verifies. Default 30 seconds. */
  cooldown?: Duration
  /** How old keys get before they are fetched again, beside the requests that use them. Default 10 minutes. */
  cacheMaxAge?: Duration
  /** How long keys are used beyond that while the set can't be fetched. Default one day. */
  staleMaxAge?: Duration
  /** For the whole answer. Default 5 seconds. */
  timeout?: Duration
  /** Bytes of the answer. Default 64 KiB. */
  maxSize?: number
  /** Default: the global one. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>
  headers?: Readonly<Record<string, string>>
  /** The present time, for tests. */
  clock?: () => Date
}

/** Keys of one set: each may cost a verification for a token that nobody signed. */
const MAX_REMOTE_KEYS = 32
const MAX_JWKS_BYTES = 65_536
const DEFAULTS = { cooldown: '30s', cacheMaxAge: '10m', staleMaxAge: '1d', timeout: '5s' } as const

/**
 * Verifies with the keys that another server publishes, and with nothing else: no secret, no private key. Keys of the set that
 * are not for signatures, too weak, secret or private are passed over.
 *
 * @param url - `https:`, or a loopback address; redirects are not followed
 * @returns a ring for the option `keys`; a codec with it reads only
 * @throws {TypeError} for another address or option
 */
export function remoteJwks(url: string | URL, options: RemoteJwksOptions = {}): KeyRing {
  const address = checkedAddress(url)
  const { algorithms, maxSize = MAX_JWKS_BYTES, clock = () => new Date() } = options
  if (algorithms !== undefined) checkAlgorithms(algorithms)
  if (!Number.isInteger(maxSize) || maxSize <= 0) throw new TypeError('Option "maxSize" must be a number of bytes')
  const duration = (name: keyof typeof DEFAULTS): number => parseDuration(options[name] ?? DEFAULTS[name], name)
  const request: JwksRequest = { address, timeout: duration('timeout'), maxSize, options }
  return createKeyRing({
    async load() {
      return await readJwks(await fetchJwks(request), algorithms ? { algorithms } : {})
    },
    canSign: false,
    isOwn: false,
    maxAge: duration('cacheMaxAge'),
    maxStale: duration('staleMaxAge'),
    cooldown: duration('cooldown'),
    clock,
  })
}

interface JwksRequest {
  address: string
  /** Milliseconds. */
  timeout: number
  maxSize: number
  options: Pick<RemoteJwksOptions, 'fetch' | 'headers'>
}

function checkedAddress(url: string | URL): string {
  const { protocol, hostname, username, password, href } = parseUrl(url)
  if (protocol !== 'https:' && !(protocol === 'http:' && LOOPBACK.test(hostname))) {
    throw new TypeError('The address of remoteJwks must begin with https: (http: only for this machine)')
  }
  if (username !== '' || password !== '') throw new TypeError('The address of remoteJwks must not contain a password')
  return href
}

/** RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3; as the URL standard writes hosts. */
const LOOPBACK = /^(?:(?:.+\.)?localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

function parseUrl(url: string | URL): URL {
  try {
    return new URL(url)
  } catch {
    throw new TypeError('The address of remoteJwks is not a URL')
  }
}

async function fetchJwks({ address, timeout, maxSize, options }: JwksRequest): Promise<Uint8Array> {
  const { fetch: send = fetch, headers = {} } = options
  const response = await send(address, {
    headers: { accept: 'application/jwk-set+json, application/json', ...headers },
    // Workers know no `error`; either way a redirect is no answer.
    redirect: 'manual',
    signal: AbortSignal.timeout(timeout),
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`The request for the JWK set was answered with status ${response.status}`)
  }
  return await readLimited(response, maxSize)
}

async function readLimited(response: Response, maxSize: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = response.body?.getReader()
  for (let step = await reader?.read(); step && !step.done; step = await reader?.read()) {
    size += step.value.length
    if (size > maxSize) {
      await reader?.cancel()
      throw new Error(`The JWK set is longer than ${maxSize} bytes`)
    }
    chunks.push(step.value)
  }
  return concatBytes(...chunks)
}

async function readJwks(bytes: Uint8Array, checks: KeyChecks): Promise<KeySet> {
  const { keys } = (JSON.parse(decodeUtf8(bytes)) ?? {}) as { keys?: unknown }
  if (!Array.isArray(keys)) throw new Error('The answer is not a JWK set')
  if (keys.length > MAX_REMOTE_KEYS) throw new Error(`The JWK set has more than ${MAX_REMOTE_KEYS} keys`)
  const usable: PreparedKey[] = []
  for (const jwk of keys as Jwk[]) {
    const key = await readKey(jwk, checks)
    if (key) usable.push(key)
  }
  if (usable.length === 0) throw new Error('The JWK set has no key that can verify sessions')
  return keySetOf(usable)
}

/** RFC 7517 §5: keys that are not understood are passed over. So are those that the world should not know. */
async function readKey(jwk: Jwk, checks: KeyChecks): Promise<PreparedKey | undefined> {
  try {
    if (jwk.kty === 'oct' || isPrivateJwk(jwk)) return undefined
    return await keyOfJwk(jwk, checks).prepare()
  } catch {
    return undefined
  }
}
