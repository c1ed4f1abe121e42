/**
 * The codecs that a call names, with their options and the keys that it gives.
 */
import {
  CODEC_FORMS,
  CODEC_NAMES,
  type CodecForm,
  contextOf,
  type GivenKey,
  type KeyedCodec,
  keyedCodecs,
  keysProblem,
  type Verified as VerifiedValue,
  verifyWithAny,
} from '../codecs/by-key.js'
import { SessionError } from '../index.js'
import type { FoundValue } from './cookies.js'
import { inspectValue } from './inspect.js'
import { OutsideError, UsageError } from './terminal.js'

/**
 * Makes the codecs that were asked for, or all that take one of the keys.
 *
 * @param wanted - each as `NAME` or `NAME:option=value,option=value`; a value that is JSON is that, else it is text
 * @param shared - options of all that have them
 * @throws {UsageError} for a name or an option that does not exist, and if no key is one for any of them
 */
export function wantedCodecs(
  wanted: readonly string[] | undefined,
  keys: readonly GivenKey[],
  shared: { purpose: 'verify' | 'sign'; allowWeakSecrets?: boolean; encryptKey?: string | undefined },
): readonly KeyedCodec[] {
  const isVerifying = shared.purpose === 'verify'
  const named = wanted?.map(formNamed)
  const forms = named === undefined ? CODEC_FORMS : isVerifying ? named.flatMap(allForms) : named
  // To verify a cookie makes no key weaker than it is.
  const allowWeakSecrets = isVerifying || shared.allowWeakSecrets === true
  const { codecs, problems } = keyedCodecs(forms, keys, { allowWeakSecrets, encryptKey: shared.encryptKey })
  if (codecs.length > 0) return codecs
  const [problem] = named === undefined ? [] : problems
  throw new UsageError(
    // What the option of the library is called here.
    problem?.replace('set allowWeakSecrets: true', 'use --allow-weak-secrets') ??
      'None of the keys is one for these codecs',
  )
}

function formNamed(text: string): CodecForm {
  const [name = '', ...rest] = text.split(':')
  if (!CODEC_NAMES.includes(name)) {
    throw new UsageError(`There is no codec ${JSON.stringify(name)}; there are ${CODEC_NAMES.join(', ')}`)
  }
  const options: Record<string, unknown> = {}
  for (const pair of rest.join(':').split(',')) {
    if (pair === '') continue
    const [option = '', ...value] = pair.split('=')
    if (SECRET_OPTIONS.has(option))
      throw new UsageError(`Option ${option} of ${name} is a key: use --key-env or --key-file`)
    options[option] = parsedValue(value.join('='))
  }
  return { name, options }
}

/** Which of its forms wrote a cookie is not known, unless an option says it. */
function allForms({ name, options = {} }: CodecForm): CodecForm[] {
  const forms = CODEC_FORMS.filter((form) => form.name === name)
  const open = forms.filter((form) => !Object.keys(form.options ?? {}).some((option) => Object.hasOwn(options, option)))
  return open.map((form) => ({ ...form, options: { ...form.options, ...options } }))
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
export interface Verified extends VerifiedValue {
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
  const context = contextOf(value.name ?? cookieName, new Date(), tenant)
  const isBeakers = inspectValue(value).decoded?.format === 'beaker-jwt'
  const result = await verifyWithAny(value.value, codecs, context, isBeakers)
  if ('record' in result) return { ...result, value, isPublic: context.purpose === 'public' }
  const { refused } = result
  if (refused?.error.code === 'ERR_SESSION_KEYS') {
    throw new OutsideError(`The keys can't be loaded: ${keysProblem(refused.error)}`)
  }
  if (refused) return { value, error: refused.error, codec: refused.codec.name }
  return { value, error: new SessionError('ERR_SESSION_UNSUPPORTED', 'None of these codecs reads values of this form') }
}
