/**
 * Secrets that a function gives, out of the environment or a vault: asked with the first use and not at start, so that a build
 * needs none.
 */
import { SessionError } from '../../shared/errors.js'
import { isUnset } from '../../shared/option-names.js'
import type { MaybePromise } from '../../shared/types.js'
import { inTime, type SecretSource } from '../keys/hmac.js'
import type { KeysEvent } from '../keys/keys.js'
import type { SessionCodec } from './codec.js'

/** Milliseconds. */
const TIMEOUT = 10_000
/** In place of secrets for what a codec is without them; no value is signed or verified with it. */
const PLACEHOLDER = 'Here stands a secret as soon as something has to be signed or verified'

/**
 * Makes a codec, at once or, if one of its secrets is a function, with its first use.
 *
 * @param options - what `create` takes, each secret perhaps as a function
 * @param names - which of them are secrets
 * @param create - makes the codec. What it throws for secrets of a function is `ERR_SESSION_KEYS`
 */
export function withSecrets<Options extends object, Codec extends SessionCodec>(
  options: Options,
  names: readonly (keyof Options & string)[],
  create: (options: Known<Options>) => Codec,
): Codec {
  const sources = names.filter((name) => typeof options[name] === 'function')
  if (sources.length === 0) return create(options as Known<Options>)
  const known = (values: readonly (readonly [string, unknown])[]): Codec =>
    create({ ...options, ...Object.fromEntries(values) } as Known<Options>)
  // Mistakes in the other options are told at start.
  const shape = known(sources.map((name) => [name, name === 'fallbacks' ? [] : PLACEHOLDER]))
  const listeners: ((event: KeysEvent) => void)[] = []
  const tell = (event: KeysEvent): void => {
    for (const listen of listeners) listen(event)
  }
  let codec: Codec | undefined
  let loading: Promise<Codec> | undefined

  async function load(): Promise<Codec> {
    try {
      const values = await Promise.all(sources.map(async (name) => [name, await secretOf(options, name)] as const))
      codec = checked(() => known(values))
      tell({})
      return codec
    } catch (error) {
      tell({ code: 'ERR_SESSION_KEYS' })
      throw error
    } finally {
      loading = undefined
    }
  }

  function current(): MaybePromise<Codec> {
    if (codec) return codec
    loading ??= load()
    return loading
  }

  const lazy: Codec = {
    ...shape,
    keys: {
      publicKeys: async () => (await (await current()).keys?.publicKeys()) ?? [],
      listen: (listener) => listeners.push(listener),
      ready: async () => (await current()).keys?.ready(),
    },
    deriveKeys: async (label) => (await (await current()).deriveKeys?.(label)) ?? [],
    matches: (value) => (codec ?? shape).matches(value),
    verify: async (value, context) => (await current()).verify(value, context),
    ...(shape.prepareSign && { prepareSign: async () => (await current()).prepareSign?.() }),
    ...(shape.sign && {
      sign: async (record, context) => ((await current()) as Required<SessionCodec>).sign(record, context),
    }),
  }
  const get = (): readonly string[] => (codec as { warnings?: readonly string[] } | undefined)?.warnings ?? []
  return 'warnings' in shape ? Object.defineProperty(lazy, 'warnings', { get }) : lazy
}

/** The options with their secrets. */
export type Known<Options> = { [Name in keyof Options]: Exclude<Options[Name], () => unknown> }

async function secretOf<Options extends object>(options: Options, name: keyof Options & string): Promise<unknown> {
  let value: unknown
  try {
    value = await inTime((options[name] as SecretSource<unknown>)(), TIMEOUT)
  } catch (cause) {
    throw new SessionError('ERR_SESSION_KEYS', `The function of option "${name}" failed`, { cause })
  }
  if (!isUnset(value)) return value
  const message = `The function of option "${name}" returned undefined: is the environment variable set?`
  throw new SessionError('ERR_SESSION_KEYS', message)
}

/** What a codec says of its options names them and holds none. */
function checked<Value>(create: () => Value): Value {
  try {
    return create()
  } catch (cause) {
    throw new SessionError('ERR_SESSION_KEYS', (cause as Error).message, { cause })
  }
}
