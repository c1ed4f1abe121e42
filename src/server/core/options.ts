/**
 * The options of `createSessions`, checked and made ready once.
 */
import { type Duration, defineSession, type SessionDefinition } from '../../shared/define-session.js'
import type { SessionData } from '../../shared/types.js'
import { beakerJwt } from '../codecs/beaker-jwt.js'
import type { SessionCodec } from '../codecs/codec.js'
import type { Secrets } from '../keys/hmac.js'
import type { SessionStore } from '../stores/store.js'
import {
  type ChunkLimits,
  type CookieAttributes,
  type CookiePlace,
  type CookieWriter,
  createChunkLimits,
  createCookieWriter,
  shadowPlaces,
} from './cookies.js'
import type { SessionEvent, SessionEventListener } from './events.js'
import { createExposure, type Expose, type Exposure, publicName } from './expose.js'
import { type PlainHttpWatch, watchPlainHttp } from './http.js'
import { createLifetime, type Lifetime } from './lifetime.js'
import { createRows, type Rows } from './store-rows.js'
import { createVersions, type Versions } from './versions.js'

export interface SessionsOptions<Data extends object = SessionData> extends CookieAttributes {
  /** Name, type and timeouts, shared with the browser. Default: cookie `beaker.session.id`, no timeouts. */
  session?: SessionDefinition<Data>
  /** The first writes, all read. */
  codecs?: readonly SessionCodec[]
  /** Short for `codecs: [beakerJwt({ secrets })]`. */
  secrets?: Secrets
  /** Where the data is kept: the cookie then names the session and holds no more than its codec adds. Default: in the cookie. */
  store?: SessionStore
  /** What may scripts on the page see? Required: a list of keys, a function, `true` (all) or `false` (nothing). */
  expose: Expose<Data>
  /** How old the last access may get before the cookie is written anew: default one minute, 0 for each commit. */
  touchEvery?: Duration | false
  /** When a session moves to the first codec and key: at once (default), with its next change, or never. */
  upgrade?: 'always' | 'on-change' | 'never'
  /** How many cookies a session that is too large for one may take, 1 to 4, where the codec can be split. Default 3. */
  chunks?: number
  /** Octets that they may take together in the Cookie header. Default 8192. */
  headerBudget?: number
  /**
   * Which cookies of our name are expired in other places than ours, when a request has several: `true` (default) with a `domain` the
   * one of the host alone; a list names places where the application's own cookie once was.
   */
  expireShadows?: boolean | readonly CookiePlace[]
  /** `observe` writes nothing and reports what it would do: the safe first step on live traffic. */
  mode?: 'write' | 'observe'
  /** Only `load`: the codecs need no keys to sign with. */
  readOnly?: boolean
  on?: SessionEventListener
  /** The present time, for tests. */
  clock?: () => Date
}

export interface Settings {
  readonly name: string
  readonly publicName: string
  readonly codecs: readonly SessionCodec[]
  /** Signs the public half. */
  readonly publicCodec: SessionCodec | undefined
  readonly exposure: Exposure
  readonly lifetime: Lifetime
  readonly cookies: CookieWriter
  /** For the codecs that can be split; absent where none can. */
  readonly chunks: ChunkLimits | undefined
  readonly plainHttp: PlainHttpWatch
  /** The store, where there is one. */
  readonly rows: Rows | undefined
  readonly versions: Versions
  readonly upgrade: 'always' | 'on-change' | 'never'
  readonly observe: boolean
  readonly clock: () => Date
  /** Absent where nobody listens. */
  readonly emit: ((event: Omit<SessionEvent, 'cookie' | 'time' | 'observed'>) => void) | undefined
}

/** @throws {TypeError} naming the option that is wrong */
export function settle<Data extends object>(options: SessionsOptions<Data>): Settings {
  const { session = defineSession<Data>(), clock = () => new Date(), upgrade = 'always', mode = 'write' } = options
  if (typeof session?.name !== 'string') throw new TypeError('Option "session" must come from defineSession()')
  oneOf('upgrade', upgrade, ['always', 'on-change', 'never'])
  oneOf('mode', mode, ['write', 'observe'])
  const codecs = codecList(options)
  const exposure = createExposure(options.expose)
  const publicCodec = codecs.find((codec) => codec.readable && codec.sign)
  if (exposure.publicHalf && !publicCodec && !options.readOnly) {
    throw new TypeError(
      'Option "expose" needs a codec that browsers can read; none of "codecs" is, so set expose: false',
    )
  }
  const { name, idleTimeout, absoluteTimeout } = session
  const { touchEvery } = options
  const observe = mode === 'observe'
  const emit = emitter(options.on, { cookie: name, clock, observe })
  for (const [codecIndex, codec] of codecs.entries()) {
    codec.keys?.listen((event) => emit?.({ type: 'keys', codec: codec.name, codecIndex, ...event }))
  }
  return {
    name,
    publicName: publicName(name),
    codecs,
    publicCodec,
    exposure,
    lifetime: createLifetime({
      ...(idleTimeout === undefined ? {} : { idleTimeout }),
      ...(absoluteTimeout === undefined ? {} : { absoluteTimeout }),
      ...(touchEvery === undefined ? {} : { touchEvery }),
    }),
    cookies: createCookieWriter(
      options,
      [name, publicName(name)],
      name.startsWith('__Host-') ? [] : shadowPlaces(options.expireShadows ?? true, options),
    ),
    chunks: codecs.some((codec) => codec.chunks) ? createChunkLimits(options) : undefined,
    plainHttp: watchPlainHttp(name, options.secure ?? true, emit),
    rows: options.store === undefined ? undefined : createRows(options.store),
    versions: createVersions(),
    upgrade,
    observe,
    clock,
    emit,
  }
}

function codecList({
  codecs,
  secrets,
  readOnly = false,
}: Pick<SessionsOptions, 'codecs' | 'secrets' | 'readOnly'>): SessionCodec[] {
  if ((codecs === undefined) === (secrets === undefined)) {
    throw new TypeError('Give createSessions either "codecs" or "secrets"')
  }
  const list = secrets === undefined ? [...(codecs ?? [])] : [beakerJwt({ secrets })]
  const [writer] = list
  if (writer === undefined) throw new TypeError('Option "codecs" is empty')
  if (!writer.sign && !readOnly) {
    throw new TypeError(
      `The first codec, ${writer.name}, can not sign: put one that can before it, or set readOnly: true`,
    )
  }
  return list
}

function emitter(
  on: SessionEventListener | undefined,
  { cookie, clock, observe }: { cookie: string; clock: () => Date; observe: boolean },
): Settings['emit'] {
  if (on === undefined) return undefined
  if (typeof on !== 'function') throw new TypeError('Option "on" must be a function')
  return (event) => {
    const isWrite = !['read', 'rejected', 'shadowed', 'keys', 'insecure'].includes(event.type)
    on({ ...event, cookie, time: clock(), ...(observe && isWrite ? { observed: true } : {}) })
  }
}

function oneOf(option: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) throw new TypeError(`Option "${option}" must be one of ${allowed.join(', ')}`)
}
