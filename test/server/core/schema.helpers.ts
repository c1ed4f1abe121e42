/** A schema made by hand, as the specification has it, and servers of several releases. */
import {
  beakerJwt,
  compact,
  memoryStore,
  type SessionCodec,
  type SessionStore,
  type StandardSchema,
} from '../../../src/server/index.js'
import { SECRET } from '../server.helpers.js'

export interface Given {
  [key: string]: unknown
}

/** Calls of a schema, with what it was given. */
export interface Spied extends StandardSchema<Given, Given> {
  readonly seen: Given[]
}

/**
 * A schema of rules by key: a path of dots, and whether the value there is good.
 *
 * @param make - what it makes of the data; by default the very object that it was given
 */
export function schemaOf(
  rules: Readonly<Record<string, (value: unknown, all: Given) => boolean>>,
  make: (data: Given) => unknown = (data) => data,
): Spied {
  const seen: Given[] = []
  return {
    seen,
    '~standard': {
      version: 1,
      vendor: 'by hand',
      validate(value) {
        const data = value as Given
        seen.push(data)
        const issues = Object.entries(rules)
          .filter(([key, isGood]) => !isGood(data[key], data))
          .map(([key]) => ({ message: `swordfish ${String(data[key])}`, path: [{ key }] }))
        return issues.length > 0 ? { issues } : { value: make(data) as Given }
      },
    },
  }
}

export const isText = (value: unknown): boolean => typeof value === 'string'

/** Where sessions may be: in cookies with and without a version, and in a store. */
export const places: Record<string, () => { codecs: readonly SessionCodec[]; store?: SessionStore }> = {
  beakerJwt: () => ({ codecs: [beakerJwt({ secrets: [SECRET] })] }),
  compact: () => ({ codecs: [compact({ secrets: [SECRET] })] }),
  'a store': () => ({ codecs: [beakerJwt({ secrets: [SECRET] })], store: memoryStore() }),
}
