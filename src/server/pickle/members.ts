/**
 * The members of lists and dicts, in batches as CPython's pickler writes them.
 * FORMATS §7.1: one member by the single opcode, otherwise batches of 1000.
 */
import * as op from '../../shared/pickle/opcodes.js'
import { writeOctet } from './output.js'
import type { Pickler } from './pickler.js'

const BATCH = 1000

/**
 * APPEND or APPENDS.
 *
 * @param exact - a list itself, no class that appends: its last batch is one even with a single member
 */
export function putItems<Item>(
  pickler: Pickler,
  items: readonly Item[],
  put: (item: Item, index: number) => void,
  exact: boolean,
): void {
  const { output } = pickler
  for (let start = 0; start < items.length; start += BATCH) {
    const end = Math.min(items.length, start + BATCH)
    const single = end - start === 1 && (start === 0 || !exact)
    if (!single) writeOctet(output, op.MARK)
    for (let at = start; at < end; at++) put(items[at] as Item, at)
    writeOctet(output, single ? op.APPEND : op.APPENDS)
  }
}

/**
 * SETITEM or SETITEMS.
 *
 * @param exact - a dict itself: CPython ends one of a full last batch with an empty batch
 */
export function putEntries<Entry>(
  pickler: Pickler,
  entries: readonly Entry[],
  put: (entry: Entry) => void,
  exact: boolean,
): void {
  const { output } = pickler
  for (let start = 0; start < entries.length; start += BATCH) {
    const end = Math.min(entries.length, start + BATCH)
    const single = end - start === 1 && (start === 0 || !exact)
    if (!single) writeOctet(output, op.MARK)
    for (let at = start; at < end; at++) put(entries[at] as Entry)
    writeOctet(output, single ? op.SETITEM : op.SETITEMS)
  }
  if (exact && entries.length > 0 && entries.length % BATCH === 0) {
    writeOctet(output, op.MARK)
    writeOctet(output, op.SETITEMS)
  }
}
