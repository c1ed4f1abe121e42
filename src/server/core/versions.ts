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

/** Formats without a version take no part. */
export interface Versions {
  /** @returns false if another cookie of the same version is known: one of two writes is lost */
  note(session: LoadedSession): boolean
  destroyed(session: LoadedSession): void
  of(session: LoadedSession): KnownVersion | undefined
}

/** Sessions that are remembered, each with its cookie: some 4 MiB. Requests that cross each other are seconds apart. */
export const MAX_VERSIONS = 1024

export function createVersions(): Versions {
  const known = new Map<string, KnownVersion>()

  function remember(id: string, version: KnownVersion): void {
    known.delete(id)
    if (known.size >= MAX_VERSIONS) known.delete(known.keys().next().value as string)
    known.set(id, version)
  }

  return {
    note({ value, codec, record: { id, version } }) {
      if (id === undefined || version === undefined) return true
      const before = known.get(id)
      if (before?.isDestroyed || (before && before.version > version)) return true
      remember(id, { isDestroyed: false, version, value, codec })
      return before?.version !== version || before.value === value
    },
    destroyed({ record: { id, version } }) {
      if (id !== undefined && version !== undefined) remember(id, { isDestroyed: true })
    },
    of: ({ record: { id, version } }) => (id === undefined || version === undefined ? undefined : known.get(id)),
  }
}

/** Tells that two requests at once lost something: a change to each of `keys`, or all changes of this one if the session was destroyed. */
export function reportConflict(
  { emit }: { readonly emit: EmitEvent | undefined },
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
