/**
 * Which keys of a session take the room, for the error that says it is too large. Sizes only, never values.
 */
import { writeBson } from '../../shared/bson-writer.js'
import type { KeySize } from '../../shared/errors.js'
import type { SessionData } from '../../shared/types.js'

const NAMED = 5
/** Length and end of a BSON document, which every measure has. */
const FRAME_OCTETS = 5

/** The biggest keys first, by what each takes as BSON before compression; 0 for what can't be measured. */
export function largestKeys(data: SessionData): KeySize[] {
  return Object.keys(data)
    .map((key) => ({ key, bytes: octets(key, data[key]) }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, NAMED)
}

function octets(key: string, value: unknown): number {
  try {
    return writeBson({ [key]: value }).length - FRAME_OCTETS
  } catch {
    return 0
  }
}
