/**
 * The newest version of each session that this process has seen lately, for formats that count them.
 * What another process wrote is known here only after its cookie has come in.
 */
import type { SessionCodec } from '../codecs/codec.js'
import type { EmitEvent } from './events.js'
import { identify, type LoadedSession } from './session.js'

/** A session in its newest cookie, or one that was destroyed. */
type KnownVersion =
  | { readonly isDestroyed: true }
  | { readonly isDestroyed: false; readonly version: number; readonly value: string; readonly codec: SessionCodec }

interface Reporter {
  readonly emit: EmitEvent | undefined
}

/** Formats without a version take no part. */
export interface Versions {
  /** @param told - gets an event if another cookie of the same version is known: one of two writes is lost */
  note(session: LoadedSession, told?: Reporter): void
  destroyed(session: LoadedSession): void
  of(session: LoadedSession): KnownVersion | undefined
  /** Those of a tenant's sessions. All tenants take one place together. */
  forTenant(tenant: string | undefined): Versions
}

/** Sessions that are remembered, each with its cookie: some 4 MiB. Requests that cross each other are seconds apart. */
export const MAX_VERSIONS = 1024

/** @param known - the sessions of all tenants */
export function createVersions(tenant = '', known: Map<string, KnownVersion> = new Map()): Versions {
  // No tenant has a line break in its name.
  const keyOf = (id: string): string => `${tenant}\n${id}`

  function remember(key: string, version: KnownVersion): void {
    known.delete(key)
    if (known.size >= MAX_VERSIONS) known.delete(known.keys().next().value as string)
    known.set(key, version)
  }

  return {
    note(session, told) {
      const { value, codec, record } = session
      const { id, version } = record
      if (id === undefined || version === undefined) return
      const key = keyOf(id)
      const before = known.get(key)
      if (before?.isDestroyed || (before && before.version > version)) return
      remember(key, { isDestroyed: false, version, value, codec })
      if (told && before?.version === version && before.value !== value) reportConflict(told, session)
    },
    destroyed({ record: { id, version } }) {
      if (id !== undefined && version !== undefined) remember(keyOf(id), { isDestroyed: true })
    },
    of: ({ record: { id, version } }) => (id === undefined || version === undefined ? undefined : known.get(keyOf(id))),
    forTenant: (other) => createVersions(other, known),
  }
}

/** Tells that two requests at once lost something: a change to each of `keys`, or all changes of this one if the session was destroyed. */
export function reportConflict(
  { emit }: Reporter,
  session: LoadedSession | undefined,
  { keys = [], isDestroyed = false }: { keys?: readonly string[]; isDestroyed?: boolean } = {},
): void {
  emit?.({
    type: 'conflict',
    ...(session ? identify(session) : {}),
    ...(isDestroyed ? { code: 'ERR_SESSION_DESTROYED' } : {}),
    ...(keys.length > 0 ? { keys } : {}),
  })
}
