/**
 * The codecs by their names, each with the keys that a person has: what fits a value is found by trying.
 */
import {
  type BeakerCryptoType,
  type BeakerOptions,
  beaker,
  beakerJwt,
  compact,
  type DjangoJwtOptions,
  type DjangoSignedOptions,
  djangoJwt,
  djangoSigned,
  isSessionError,
  type JwtOptions,
  jwe,
  jwt,
  type KeyInput,
  type Keys,
  type SessionCodec,
  SessionError,
  type SessionRecord,
} from '../index.js'
import type { FoundValue } from './cookies.js'
import { inspectValue } from './inspect.js'
import type { GivenKey } from './keys.js'
import { OutsideError, UsageError } from './terminal.js'

type Options = Record<string, unknown>

/**
 * How each codec takes a key; undefined: a key of this kind is none for it. They are tried in this order: of those that read one token, the
 * one that asks for most of it comes first.
 */
const CODECS: Readonly<Record<string, (key: GivenKey, options: Options) => SessionCodec | undefined>> = {
  djangoJwt: ({ secrets, pair }, options) =>
    pair === undefined
      ? djangoJwt({ ...options, secrets: secrets as string })
      : djangoJwt({ ...withoutWeak(options), keys: pair as KeyInput } as DjangoJwtOptions),
  jwt: ({ secrets, pair }, options) =>
    pair === undefined
      ? jwt({ ...options, secrets: secrets as string })
      : jwt({ ...withoutWeak(options), keys: pair as Keys } as JwtOptions),
  beakerJwt: ({ secrets }, options) => (secrets === undefined ? undefined : beakerJwt({ ...options, secrets })),
  jwe: ({ secrets }, options) => (secrets === undefined ? undefined : jwe({ ...options, secrets })),
  compact: ({ secrets }, options) => (secrets === undefined ? undefined : compact({ ...options, secrets })),
  beaker: ({ secrets }, options) =>
    secrets === undefined ? undefined : beaker({ ...options, validateKey: [secrets] } as BeakerOptions),
  djangoSigned: ({ secrets }, options) =>
    secrets === undefined ? undefined : djangoSigned({ ...options, secretKey: secrets } as DjangoSignedOptions),
}

export const CODEC_NAMES: readonly string[] = Object.keys(CODECS)

/** What is tried if no codec was named: the forms of a codec that its keys alone don't tell. */
const ALL_FORMS: readonly string[] = [
  ...CODEC_NAMES,
  'jwe:enc=A256CBC-HS512',
  'beaker:serializer=json',
  'djangoSigned:serializer=pickle',
]

/** Which of them signed a cookie is not known. */
const VERIFYING: Readonly<Record<string, Options>> = {
  jwt: { algorithms: ['HS256', 'HS384', 'HS512'] },
}

/** A key pair is never weak in that sense, and a key ring has its own options. */
function withoutWeak({ allowWeakSecrets: _, ...options }: Options): Options {
  return options
}

/** A codec with one key. */
export interface KeyedCodec {
  readonly codec: SessionCodec
  readonly key: GivenKey
}

/**
 * Makes the codecs that were asked for, or all that take one of the keys.
 *
 * @param wanted - each as `NAME` or `NAME:option=value,option=value`; a value that is JSON is that, else it is text
 * @param shared - options of all that have them
 * @throws {UsageError} for a name or an option that does not exist, and if no key is one for any of them
 */
export function keyedCodecs(
  wanted: readonly string[] | undefined,
  keys: readonly GivenKey[],
  shared: { purpose: 'verify' | 'sign'; allowWeakSecrets?: boolean; encryptKey?: string | undefined },
): KeyedCodec[] {
  const problems: string[] = []
  const codecs = (wanted ?? ALL_FORMS).flatMap((text) => {
    const { name, options } = codecOf(text)
    if (name === 'beaker' && shared.encryptKey !== undefined) {
      Object.assign(options, { encryptKey: shared.encryptKey })
      options.cryptoType ??= 'auto' satisfies BeakerCryptoType
    }
    return keys.flatMap((key): KeyedCodec[] => {
      try {
        const isVerifying = shared.purpose === 'verify'
        const usual = isVerifying && key.pair === undefined ? VERIFYING[name] : undefined
        // To verify a cookie makes no key weaker than it is.
        const weak = (isVerifying || shared.allowWeakSecrets) && { allowWeakSecrets: true }
        const codec = CODECS[name]?.(key, { ...weak, ...usual, ...options })
        return codec ? [{ codec, key }] : []
      } catch (error) {
        if (!(error instanceof TypeError)) throw error
        // A name of an option that is wrong must not hide behind another codec.
        if (wanted) problems.push(`${name} with ${key.from}: ${error.message}`)
        return []
      }
    })
  })
  if (codecs.length > 0) return codecs
  throw new UsageError(problems[0] ?? 'None of the keys is one for these codecs')
}

function codecOf(text: string): { name: string; options: Options } {
  const [name = '', ...rest] = text.split(':')
  if (!Object.hasOwn(CODECS, name)) {
    throw new UsageError(`There is no codec ${JSON.stringify(name)}; there are ${CODEC_NAMES.join(', ')}`)
  }
  const options: Options = {}
  for (const pair of rest.join(':').split(',')) {
    if (pair === '') continue
    const [option = '', ...value] = pair.split('=')
    if (SECRET_OPTIONS.has(option))
      throw new UsageError(`Option ${option} of ${name} is a key: use --key-env or --key-file`)
    options[option] = parsedValue(value.join('='))
  }
  return { name, options }
}

const SECRET_OPTIONS: ReadonlySet<string> = new Set([
  'secrets',
  'keys',
  'key',
  'validateKey',
  'encryptKey',
  'secretKey',
  'fallbacks',
])

function parsedValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** What verified. */
export interface Verified extends KeyedCodec {
  readonly record: SessionRecord
  readonly value: FoundValue
  /** It was a public cookie. */
  readonly isPublic: boolean
}

/** Why a value did not. */
export interface Refused {
  readonly value: FoundValue
  /** Of the codec that came furthest. */
  readonly error: SessionError
  readonly codec?: string
}

const PUBLIC = '.public'

/**
 * Tries every codec that the shape of the value allows.
 *
 * @throws {OutsideError} if the keys of another server can't be loaded
 */
export async function verifyValue(
  value: FoundValue,
  codecs: readonly KeyedCodec[],
  cookieName: string,
  tenant: string | undefined,
): Promise<Verified | Refused> {
  const name = value.name ?? cookieName
  const isPublic = name.endsWith(PUBLIC)
  const context = {
    cookieName: isPublic ? name.slice(0, -PUBLIC.length) : name,
    purpose: isPublic ? 'public' : 'session',
    tenant,
    now: new Date(),
  } as const
  let best: Refused | undefined
  // Plain claims are a session to several codecs; what stands in them tells whose they are.
  const isBeakers = inspectValue(value).decoded?.format === 'beaker-jwt'
  const inOrder = isBeakers ? [...codecs].sort((a, b) => rank(a) - rank(b)) : codecs
  for (const { codec, key } of inOrder) {
    if (!codec.matches(value.value)) continue
    try {
      const record = await codec.verify(value.value, context)
      return { codec, key, record, value, isPublic }
    } catch (error) {
      if (!isSessionError(error)) throw error
      if (error.code === 'ERR_SESSION_KEYS') throw new OutsideError(`The keys can't be loaded: ${reasonOf(error)}`)
      if (!best || (error.verified && !best.error.verified)) best = { value, error, codec: codec.name }
    }
  }
  const error = new SessionError('ERR_SESSION_UNSUPPORTED', 'None of these codecs reads values of this form')
  return best ?? { value, error }
}

function rank({ codec }: KeyedCodec): number {
  return codec.name === 'beakerJwt' ? 0 : 1
}

/** What lies behind an outage. It says nothing of the keys. */
function reasonOf({ message, cause }: SessionError): string {
  const inner = cause instanceof Error ? cause : undefined
  const network = inner?.cause instanceof Error ? inner.cause.message : inner?.message
  return network ?? message
}
