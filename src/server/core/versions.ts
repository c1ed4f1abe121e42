/**
 * The newest version of each session that this process has seen lately, for formats that count them.
 * What another process wrote is known here only once its cookie has come in.
 */
import type { SessionCodec } from '../codecs/codec.js'
import type { HeldSession } from './session.js'

/** A session in its newest cookie, or one that ended. */
export type KnownVersion =
  | { readonly isOver: true }
  | { readonly isOver: false; readonly version: number; readonly value: string; readonly codec: SessionCodec }

/** Formats without a version take no part. */
export interface Versions {
  /** @returns false where another cookie of the same version was known: one of two writes is lost */
  note(held: HeldSession): boolean
  end(held: HeldSession): void
  of(held: HeldSession): KnownVersion | undefined
}

/** Sessions that are remembered, each with its cookie: some 4 MiB. Requests that cross each other are seconds apart. */
export const MAX_VERSIONS = 1024

/** Begins with nothing known. */
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
      if (before?.isOver || (before && before.version > version)) return true
      remember(id, { isOver: false, version, value, codec })
      return before?.version !== version || before.value === value
    },
    end({ record: { id, version } }) {
      if (id !== undefined && version !== undefined) remember(id, { isOver: true })
    },
    of: ({ record: { id, version } }) => (id === undefined || version === undefined ? undefined : known.get(id)),
  }
}
