/**
 * The codecs by their names, each made of a key that a person has, and the order in which they are tried: for the tools, which find out what
 * signed a cookie.
 */
import { DEFAULT_NAME } from '../../shared/define-session.js'
import { isSessionError, type SessionError } from '../../shared/errors.js'
import type { Secrets } from '../keys/hmac.js'
import { beaker } from './beaker.js'
import { beakerJwt } from './beaker-jwt.js'
import type { CodecContext, SessionCodec, SessionRecord } from './codec.js'
import { compact } from './compact.js'
import { djangoJwt } from './django-jwt.js'
import { djangoSigned } from './django-signed.js'
import { jwe } from './jwe.js'
import { jwt } from './jwt.js'

/** A key, or several secrets. */
export interface GivenKey {
  /** For messages: where it is, never what it is. */
  readonly label: string
  /** A list, or text in which commas separate several. */
  readonly secrets?: Secrets
  /** What is no secret: PEM, a JWK or a JWK set, a key ring. */
  readonly pair?: unknown
}

/** A codec with some of its options. */
export interface CodecForm {
  readonly name: string
  readonly options?: Readonly<Record<string, unknown>>
  /** Its options are for secrets. */
  readonly isHmac?: boolean
}

/** What is tried if no codec was named. Of those that read one token, the one that asks for most of it comes first. */
export const CODEC_FORMS: readonly CodecForm[] = [
  { name: 'beakerJwt' },
  { name: 'djangoJwt' },
  { name: 'jwt' },
  { name: 'jwt', options: { algorithms: ['HS384'] }, isHmac: true },
  { name: 'jwt', options: { algorithms: ['HS512'] }, isHmac: true },
  { name: 'compact' },
  { name: 'jwe' },
  { name: 'jwe', options: { enc: 'A256CBC-HS512' } },
  { name: 'beaker' },
  { name: 'beaker', options: { serializer: 'json' } },
  { name: 'djangoSigned' },
  { name: 'djangoSigned', options: { serializer: 'pickle' } },
]

// biome-ignore lint/suspicious/noExplicitAny: the options are those that a person wrote, and each codec checks its own
type Codec = (options: any) => SessionCodec
type Maker = (key: GivenKey, options: object) => SessionCodec | undefined

const bySecrets =
  (codec: Codec): Maker =>
  ({ secrets }, options) =>
    secrets === undefined ? undefined : codec({ ...options, secrets })
const bySecretsOrPair =
  (codec: Codec): Maker =>
  ({ secrets, pair }, options) =>
    pair === undefined ? codec({ ...options, secrets }) : codec({ ...options, keys: pair })

const MAKERS: Readonly<Record<string, Maker>> = {
  beakerJwt: bySecrets(beakerJwt),
  djangoJwt: bySecretsOrPair(djangoJwt),
  jwt: bySecretsOrPair(jwt),
  compact: bySecrets(compact),
  jwe: bySecrets(jwe),
  beaker({ secrets }, options) {
    const keys = [secrets ?? []].flat()
    const isText = keys.length > 0 && keys.every((key) => typeof key === 'string')
    return isText ? beaker({ ...options, validateKey: keys }) : undefined
  },
  djangoSigned({ secrets }, options) {
    const [secretKey] = [secrets ?? []].flat() as (string | Uint8Array)[]
    return secretKey === undefined ? undefined : djangoSigned({ ...options, secretKey })
  },
}

export const CODEC_NAMES: readonly string[] = Object.keys(MAKERS)

/** A form of a codec with one key. */
export interface KeyedCodec {
  /** The name of the codec, and what its form says. */
  readonly label: string
  readonly codec: SessionCodec
  readonly key: GivenKey
}

/**
 * Makes the codec of each form with each of the keys that are for it.
 *
 * @param shared - options of all that have them
 * @returns the codecs, and why a form does not take a key
 */
export function keyedCodecs(
  forms: readonly CodecForm[],
  keys: readonly GivenKey[],
  shared: { readonly allowWeakSecrets?: boolean; readonly encryptKey?: string | undefined },
): { readonly codecs: readonly KeyedCodec[]; readonly problems: readonly string[] } {
  const problems: string[] = []
  const codecs = forms.flatMap(({ name, options, isHmac }) =>
    keys.flatMap((key): KeyedCodec[] => {
      if (isHmac && key.secrets === undefined) return []
      const weak = shared.allowWeakSecrets && key.secrets !== undefined && { allowWeakSecrets: true }
      const { encryptKey } = shared
      const encryption = name === 'beaker' && encryptKey !== undefined && { encryptKey, cryptoType: 'auto' }
      try {
        const codec = MAKERS[name]?.(key, { ...weak, ...encryption, ...options })
        return codec ? [{ label: labelOf(name, options), codec, key }] : []
      } catch (error) {
        if (!(error instanceof TypeError)) throw error
        problems.push(`${name} with ${key.label}: ${error.message}`)
        return []
      }
    }),
  )
  return { codecs, problems }
}

function labelOf(name: string, options: object = {}): string {
  return [name, ...Object.values(options).map(String)].join(', ')
}

const PUBLIC = '.public'

/** What a value is verified in and signed for. The name of a public cookie tells its purpose. */
export function contextOf(name: string | undefined, now: Date, tenant?: string): CodecContext {
  const cookieName = name || DEFAULT_NAME
  return cookieName.endsWith(PUBLIC)
    ? { cookieName: cookieName.slice(0, -PUBLIC.length), purpose: 'public', tenant, now }
    : { cookieName, purpose: 'session', tenant, now }
}

export interface Verified extends KeyedCodec {
  readonly record: SessionRecord
}

export interface Refused {
  /** Of the codec that came furthest; absent if no codec is for a value of this form. */
  readonly refused?: KeyedCodec & { readonly error: SessionError }
}

/**
 * Tries each codec whose form the value has.
 *
 * @param isBeakers - what stands in the token is a session of Beaker
 */
export async function verifyWithAny(
  value: string,
  codecs: readonly KeyedCodec[],
  context: CodecContext,
  isBeakers: boolean,
): Promise<Verified | Refused> {
  let best: Refused['refused']
  for (const keyed of inOrder(codecs, isBeakers)) {
    if (!keyed.codec.matches(value)) continue
    try {
      return { ...keyed, record: await keyed.codec.verify(value, context) }
    } catch (error) {
      if (!isSessionError(error)) throw error
      if (error.code === 'ERR_SESSION_KEYS') return { refused: { ...keyed, error } }
      if (!best || (error.verified && !best.error.verified)) best = { ...keyed, error }
    }
  }
  return best ? { refused: best } : {}
}

/** Plain claims are a session to several codecs; what stands in them tells whose they are. */
function inOrder(codecs: readonly KeyedCodec[], isBeakers: boolean): readonly KeyedCodec[] {
  if (isBeakers) return codecs
  return [...codecs].sort((a, b) => Number(a.codec.name === 'beakerJwt') - Number(b.codec.name === 'beakerJwt'))
}

/** Why keys could not be loaded: what lies behind `ERR_SESSION_KEYS`. It says nothing of what they are. */
export function keysProblem({ message, cause }: SessionError): string {
  const inner = cause instanceof Error ? cause : undefined
  const network = inner?.cause instanceof Error ? inner.cause.message : inner?.message
  return network ?? message
}
