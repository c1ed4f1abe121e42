/**
 * Remembers what the last values with a valid signature said: a browser sends the same cookie again and again.
 * The whole value is compared, signature included, so that no other value can be taken for it.
 */
import { checkLimit } from '../../shared/limits.js'

export interface VerifiedCache<Entry> {
  get(value: string): Entry | undefined
  /** @param size - bytes that the entry takes beside the value */
  set(value: string, entry: Entry, size: number): void
  /** For keys that changed. */
  clear(): void
  /** How often it was cleared: what was verified before the last time must not be set. */
  readonly clearings: number
}

/** A value and its entry take 32 KiB at most, so the default of 256 stays below 8 MiB; typically it is a tenth of that. */
const DEFAULT_ENTRIES = 256
/** A larger session is read again each time. */
const MAX_ENTRY_BYTES = 16_384
/** A value is looked up by its last characters, where most formats have the signature: a hash of all of it takes longer than comparing it. */
const TAIL = 32

/**
 * Makes a cache for one codec, for as long as its keys stay the same. Whether a session has expired must be checked each time.
 *
 * @param entries - how many values are remembered; the oldest goes first; 0 for none
 * @throws {TypeError} unless it is a whole number
 */
export function createVerifiedCache<Entry>(entries: number = DEFAULT_ENTRIES): VerifiedCache<Entry> {
  checkLimit(entries, 'remember', { least: 0 })
  const known = new Map<string, { value: string; entry: Entry }>()
  // A request asks twice: whether it is one of ours, and what it says.
  let last: { value: string; entry: Entry } | undefined
  let clearings = 0
  return {
    get(value) {
      if (last?.value !== value) {
        const found = known.get(value.slice(-TAIL))
        if (found?.value !== value) return undefined
        last = { ...found }
      }
      // The text of this request: the next comparison finds the very same and looks no further.
      last.value = value
      return last.entry
    },
    set(value, entry, size) {
      if (entries === 0 || size > MAX_ENTRY_BYTES) return
      if (known.size >= entries) known.delete(known.keys().next().value as string)
      known.set(value.slice(-TAIL), { value, entry })
    },
    get clearings() {
      return clearings
    },
    clear() {
      clearings++
      known.clear()
      last = undefined
    },
  }
}
