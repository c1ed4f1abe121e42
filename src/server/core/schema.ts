/**
 * The schema of a definition: its options, checked and made ready. Standard Schema, version 1.
 */
import { DEFINITION_OPTIONS, type SessionDefinition } from '../../shared/define-session.js'
import type { MaybePromise, SessionData, StandardSchema } from '../../shared/types.js'

/** Where the schema refuses the data. What it says there may have values in it, so that is not kept. */
export interface RefusedPath {
  /** Keys from the top, as `user.roles.0`. */
  readonly path: string
}

/**
 * What becomes of a session whose data the schema refuses: it is rejected and its cookie protected, a fresh session may replace it, or the
 * function repairs a copy of the data. Undefined: rejected.
 */
export type OnInvalid =
  | 'reject'
  | 'fresh'
  | ((issues: readonly RefusedPath[], data: SessionData) => MaybePromise<object | undefined>)

/** A schema, its versions, and what becomes of data that it refuses: made ready. */
export interface Rules {
  readonly schema: StandardSchema
  readonly version: number
  readonly oldest: number
  readonly newest: number
  readonly migrate: SessionDefinition['migrate']
  readonly onInvalid: OnInvalid
}

export type CopyData = (data: SessionData) => SessionData

/** A definition with a schema, as the options have it. */
export interface SchemaSource {
  readonly definition: SessionDefinition<unknown, unknown>
  readonly onInvalid?: OnInvalid | undefined
}

const ready = /* @__PURE__ */ new WeakMap<SchemaSource, Rules>()

/**
 * `createSessions` calls it at its start. A service that only reads carries no code for it at its start: its `ready()` loads and calls it, or its
 * first session.
 *
 * @throws {TypeError} naming the option that is wrong
 */
export function rulesOf(source: SchemaSource): Rules {
  const known = ready.get(source)
  if (known) return known
  const { schema, version = 1, migrate, reads } = source.definition
  const { onInvalid = 'reject' } = source
  if (!schema) throw new TypeError('Option "onInvalid" needs a "schema" in defineSession()')
  const names = [...DEFINITION_OPTIONS.split(', '), 'version', 'migrate', 'reads']
  const unknown = Object.keys(source.definition).find((name) => !name.startsWith('~') && !names.includes(name))
  if (unknown) throw new TypeError(`defineSession has no option "${unknown}". It has: ${names.join(', ')}`)
  const standard = schema['~standard']
  const [oldest, newest] = reads === undefined ? [migrate ? 1 : version, version] : Array.isArray(reads) ? reads : []
  const good: Readonly<Record<string, boolean>> = {
    schema: standard?.version === 1 && typeof standard.validate === 'function',
    version: isVersion(version),
    reads: isVersion(oldest) && isVersion(newest) && oldest <= version && version <= newest,
    migrate: migrate === undefined ? oldest === version : typeof migrate === 'function',
  }
  for (const option in good) {
    if (!good[option]) throw new TypeError(`Option "${option}" of defineSession() is not valid: see docs/errors.md`)
  }
  if (typeof onInvalid !== 'function' && !['reject', 'fresh'].includes(onInvalid)) {
    throw new TypeError('Option "onInvalid" must be reject, fresh or a function')
  }
  const rules = { schema, version, oldest: oldest as number, newest: newest as number, migrate, onInvalid }
  ready.set(source, rules)
  return rules
}

export function isVersion(version: unknown): version is number {
  return Number.isSafeInteger(version) && (version as number) >= 1
}
