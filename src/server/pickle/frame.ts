/**
 * How a tuple, a set or an object is put together, whatever its members come from.
 * FORMATS §7.1; one that refers to itself is dropped again where its members already wrote it, as CPython does.
 */
import type { PickleCall } from '../../shared/pickle/node.js'
import * as op from '../../shared/pickle/opcodes.js'
import { putItems } from './members.js'
import { writeOctet } from './output.js'
import { memoize, type Pickler, putGlobal, recall, unwritable } from './pickler.js'

/**
 * TUPLE1 to TUPLE3, or TUPLE; an empty tuple has no identity.
 *
 * @param key - what its memo place is for; absent: it does not come again
 */
export function putTuple<Item>(
  pickler: Pickler,
  items: readonly Item[],
  put: (item: Item, index: number) => void,
  key?: unknown,
): void {
  const { output } = pickler
  const size = items.length
  if (size === 0) {
    writeOctet(output, op.EMPTY_TUPLE)
    return
  }
  if (size > 3) writeOctet(output, op.MARK)
  items.forEach(put)
  if (key !== undefined && pickler.memo.has(key)) {
    if (size > 3) writeOctet(output, op.POP_MARK)
    else for (let at = 0; at < size; at++) writeOctet(output, op.POP)
    recall(pickler, pickler.memo, key)
    return
  }
  writeOctet(output, size === 1 ? op.TUPLE1 : size === 2 ? op.TUPLE2 : size === 3 ? op.TUPLE3 : op.TUPLE)
  memoize(pickler, key === undefined ? undefined : pickler.memo, key)
}

/** A set or frozenset: its class called with a list. */
export function putMembers<Item>(
  pickler: Pickler,
  name: 'set' | 'frozenset',
  items: readonly Item[],
  put: (item: Item, index: number) => void,
  key: unknown,
): void {
  putGlobal(pickler, 'builtins', name)
  writeOctet(pickler.output, op.EMPTY_LIST)
  memoize(pickler)
  putItems(pickler, items, put, true)
  writeOctet(pickler.output, op.TUPLE1)
  memoize(pickler)
  endCall(pickler, op.REDUCE, key)
}

/** The call that makes an object, each part written by who knows it. */
export interface CallParts {
  how: PickleCall['how']
  callable(): void
  /** The tuple, for all but `obj`. */
  args(): void
  /** Its members alone, for `obj`. */
  members(): void
  keywords(): void
}

/** REDUCE, NEWOBJ or OBJ; NEWOBJ_EX is of protocol 4, so that `copyreg.__newobj_ex__` is called for it. */
export function putCall(pickler: Pickler, parts: CallParts, key: unknown): void {
  const { output } = pickler
  if (parts.how === 'obj') {
    writeOctet(output, op.MARK)
    parts.callable()
    parts.members()
    endCall(pickler, op.OBJ, key)
  } else if (parts.how === 'newobj-ex') {
    if (pickler.python2) throw unwritable(pickler, 'an object that takes keywords')
    putGlobal(pickler, 'copyreg', '__newobj_ex__')
    putTuple(pickler, [parts.callable, parts.args, parts.keywords], (part) => part())
    endCall(pickler, op.REDUCE, key)
  } else {
    parts.callable()
    parts.args()
    endCall(pickler, parts.how === 'newobj' ? op.NEWOBJ : op.REDUCE, key)
  }
}

/** Ends a call; where the arguments already wrote the object, it is dropped for that one. */
export function endCall(pickler: Pickler, opcode: number, key: unknown): void {
  writeOctet(pickler.output, opcode)
  if (pickler.memo.has(key)) {
    writeOctet(pickler.output, op.POP)
    recall(pickler, pickler.memo, key)
  } else memoize(pickler, pickler.memo, key)
}
