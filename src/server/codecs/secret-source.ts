/**
 * A codec whose secrets may come from functions, out of the environment or a vault.
 */
import { type Known, loadSecrets, type SecretOptions } from '../keys/key-source.js'
import type { SessionCodec } from './codec.js'

/**
 * Makes a codec, at once or, if one of its secrets is a function, with its first use and then with each change of its secrets: a new codec
 * remembers nothing that old secrets verified.
 *
 * @param options - what `create` takes, each secret perhaps as a function
 * @param names - which of them are secrets
 * @param create - makes the codec. What it throws for secrets of a function is `ERR_SESSION_KEYS`
 */
export function withSecrets<Options extends SecretOptions, Codec extends SessionCodec>(
  options: Options,
  names: readonly (keyof Options & string)[],
  create: (options: Known<Options>) => Codec,
): Codec {
  const codecs = loadSecrets(options, names, create)
  if (!codecs) return create(options as Known<Options>)
  const { shape, current, use } = codecs
  return {
    ...shape,
    keys: { ...codecs, publicKeys: async () => [] },
    thumbprints: async () => (await (await current()).thumbprints?.()) ?? [],
    deriveKeys: async (label) => (await (await current()).deriveKeys?.(label)) ?? [],
    verify: async (value, context) => (await current()).verify(value, context),
    ...(shape.sign && {
      sign: (record, context) => use((codec) => (codec as Required<SessionCodec>).sign(record, context)),
    }),
  }
}
