/**
 * The checks of what a commit writes, by the schema of the definition: this request's data, and what becomes of it together with the changes
 * of other requests.
 */

import { VERSION } from '../../shared/own-times.js'
import type { SessionData } from '../../shared/types.js'
import { equalValues } from '../values.js'
import { isRead, migrated, Refusal, validated, versionError, versionOf } from './judge.js'
import { hasApplicationKeys } from './own-keys.js'
import type { Rule } from './own-lifetime.js'
import { type Rules, rulesOf, type SchemaSource } from './schema.js'
import type { LoadedSession } from './session.js'

/** The checks of one commit. */
export interface WriteCheck {
  /** Whether `check` has passed this data. It never waits. */
  isChecked(data: SessionData): boolean
  /** @throws {SessionError} `ERR_SESSION_SCHEMA`, and `ERR_SESSION_VERSION` for what another request made of it */
  check(data: SessionData): Promise<void>
  /** What another request left, in the present shape; undefined if `shape` has to make that first. It never waits. */
  shaped(data: SessionData): SessionData | undefined
  /** @throws {SessionError} `ERR_SESSION_SCHEMA`, `ERR_SESSION_VERSION` */
  shape(data: SessionData): Promise<SessionData>
  /** What the schema made of the data that was written. @param before - what it made of the data that was loaded */
  parsedOf(data: SessionData, before: unknown): unknown
}

/** What is put into the data as it is written: its lifetime, as the functions of the options say, and the version of its schema. */
export function ruleOf({ schema }: { readonly schema: SchemaSource | undefined }, lifetime: Rule | undefined): Rule {
  return (data) => {
    const ruled = lifetime ? lifetime(data) : data
    return schema ? versioned(rulesOf(schema), ruled) : ruled
  }
}

/** Data with the version that it is written with; the very same if it has that. */
function versioned({ version }: Rules, data: SessionData): SessionData {
  const { [VERSION]: stored, ...others } = data
  if (!hasApplicationKeys(data)) return stored === undefined ? data : others
  // A newer one stays: this release reads it, or the check refuses what another request has written.
  return versionOf(data) >= version ? data : { ...data, [VERSION]: version }
}

/** The checks of one commit of a session that was loaded. @param valid - data that has passed already */
export function createWriteCheck(
  source: SchemaSource | undefined,
  loaded: LoadedSession | undefined,
  valid: SessionData | undefined,
): WriteCheck | undefined {
  if (!source) return undefined
  const rules = rulesOf(source)
  let passed = valid
  let outcome: { readonly value: unknown } | undefined
  /** What was made of old data: as it was loaded, or as another request has left it. */
  let known = loaded?.unshaped && loaded.base && { from: loaded.unshaped, to: loaded.base }

  const isPresent = (data: SessionData): boolean => {
    const found = versionOf(data)
    return !hasApplicationKeys(data) || (found >= rules.version && found <= rules.newest)
  }
  const isChecked = (data: SessionData): boolean =>
    !hasApplicationKeys(data) || (passed !== undefined && equalValues(passed, data))

  function shaped(data: SessionData): SessionData | undefined {
    if (known && equalValues(known.from, data)) return known.to
    return isPresent(data) ? data : undefined
  }

  return {
    isChecked,
    async check(data) {
      if (isChecked(data)) return
      const found = versionOf(data)
      if (!isRead(rules, found)) throw versionError(rules, found)
      const result = await validated(rules.schema, data)
      if (result instanceof Refusal) throw result.toError()
      outcome = result
      passed = data
    },
    shaped,
    async shape(data) {
      const present = shaped(data)
      if (present) return present
      const found = versionOf(data)
      if (!isRead(rules, found)) throw versionError(rules, found)
      const to = await migrated(rules, data, found)
      if (to instanceof Refusal) throw to.toError()
      known = { from: data, to }
      return to
    },
    parsedOf: (data, before) => (hasApplicationKeys(data) ? (outcome ? outcome.value : before) : undefined),
  }
}
