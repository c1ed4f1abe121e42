/**
 * Writes a session as a pickle of protocol 2, which Beaker reads on Python 3 and, as an option, on Python 2.
 * FORMATS §7; docs/pickle.md has the table of types.
 */

import { isSessionError, SessionError } from '../../shared/errors.js'
import type { PickleGlobal, PickleNode, PickleOrigin } from '../../shared/pickle/node.js'
import { PickleObject } from '../../shared/pickle/object.js'
import * as op from '../../shared/pickle/opcodes.js'
import {
  MAX_PICKLE_DEPTH,
  MAX_PICKLE_INTEGER_BYTES,
  MAX_PICKLE_ITEMS,
  type PickleLimits,
} from '../../shared/pickle/opcodes.js'
import { type Python2Encoding, type ReadPickleOptions, readPickle } from '../../shared/pickle/reader.js'
import { encodeLatin1 } from '../../shared/pickle/text.js'
import { isPlainObject, type OriginNode, type SessionData } from '../../shared/types.js'
import {
  isKnown,
  putBytes,
  putCall,
  putDate,
  putKnown,
  putMembers,
  putNode,
  putNodeCall,
  putScalar,
  putTuple,
} from './node-writer.js'
import {
  createPickler,
  integerSize,
  isAscii,
  matchItems,
  memoize,
  type Pickler,
  type Place,
  putGlobal,
  putHashable,
  putInteger,
  putItems,
  putMapping,
  putMember,
  putString,
  putText,
  recall,
  tooLarge,
  unwritable,
  type Writing,
  writeByte,
  writeFloat,
} from './pickler.js'

export interface WritePickleOptions {
  /** Where the data came from; untouched values keep the type they had there. */
  origin?: OriginNode
  /** What another format says of values that the origin does not know: `double` makes a float. Default: the origin. */
  types?: OriginNode
  /** Python 2 must be able to read it too; what only Python 3 has is refused. Default false. */
  python2?: boolean
  /** How its reader reads byte strings of Python 2. Default `ascii`. */
  encoding?: Python2Encoding
  /** Those of its reader. */
  limits?: Partial<PickleLimits>
}

/**
 * Writes a session.
 *
 * A value that its origin knows goes back as it came: tuple, float, timedelta, microseconds, unknown classes, shared
 * and recursive references. Equal bytes are not promised where Python itself would not: text is written once for each
 * content, and the order of a set is the one it was read in.
 *
 * @param data - the session; members that are `undefined` are left out
 * @param options - its origin, and which Python reads it
 * @returns the pickle, ending with STOP
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path of a value that has no mapping, `ERR_SESSION_LIMIT` for what
 *   `readPickle` would refuse
 */
export function writePickle(data: SessionData, options: WritePickleOptions = {}): Uint8Array<ArrayBuffer> {
  const { origin, types = origin, python2 = false, encoding = 'ascii', limits = {} } = options
  const pickler = createPickler(python2)
  const root = isPickleOrigin(origin) ? origin.raw : undefined
  let nodes: Map<object, PickleNode> | undefined
  const nodeOf = (value: object): PickleNode | undefined => {
    nodes ??= nodesByView(root)
    return nodes.get(value)
  }
  writeByte(pickler.output, op.PROTO)
  writeByte(pickler.output, 2)
  const writing: Writing = { pickler, nodeOf, put: (value, place) => putValue(writing, value, place) }
  writing.put(data, { node: root, foreign: types })
  writeByte(pickler.output, op.STOP)
  const bytes = pickler.output.bytes.slice(0, pickler.output.length)
  if (pickler.isCostly || bytes.length > Math.min(ALWAYS_READABLE, limits.items ?? ALWAYS_READABLE)) {
    refuseUnreadable(bytes, { encoding, limits })
  }
  return bytes
}

/**
 * Bytes up to which a pickle passes no limit of its reader: each makes one value, takes one place of the memo and copies a value,
 * at most. That is not so for shared objects and values of classes.
 */
const ALWAYS_READABLE = 16_384

/** No session is lost because it was written and can't be read: its reader has the last word. */
function refuseUnreadable(bytes: Uint8Array, options: ReadPickleOptions): void {
  try {
    readPickle(bytes, options)
  } catch (cause) {
    if (isSessionError(cause) && cause.code === 'ERR_SESSION_LIMIT') throw cause
    throw new SessionError('ERR_SESSION_UNWRITABLE', 'The pickle could not be read again', { cause })
  }
}

function isPickleOrigin(origin: OriginNode | undefined): origin is PickleOrigin {
  return origin?.format === 'pickle'
}

/** Each object that the reader made, with its node: so that a value keeps its type wherever it was moved. */
function nodesByView(root: PickleNode | undefined): Map<object, PickleNode> {
  const nodes = new Map<object, PickleNode>()
  const seen = new Set<PickleNode>()
  const open: (PickleNode | undefined)[] = [root]
  while (open.length > 0) {
    const node = open.pop()
    if (node === undefined || seen.has(node)) continue
    seen.add(node)
    if (typeof node.view === 'object' && node.view !== null) nodes.set(node.view, node)
    for (const item of node.items) open.push(item)
    for (const entry of node.entries) open.push(entry)
    open.push(node.state, node.call?.callable, node.call?.args, node.call?.keywords)
  }
  return nodes
}

/**
 * Writes one value.
 *
 * @param value - of the session
 * @param place - what stood there when it was read
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path
 */
function putValue(writing: Writing, value: unknown, place: Place): void {
  const { pickler } = writing
  switch (typeof value) {
    case 'undefined':
      writeByte(pickler.output, op.NONE)
      return
    case 'boolean':
      writeByte(pickler.output, value ? op.NEWTRUE : op.NEWFALSE)
      return
    case 'number':
      putNumber(pickler, value, place)
      return
    case 'bigint':
      if (integerSize(value) > MAX_PICKLE_INTEGER_BYTES) throw unwritable(pickler, 'an integer with so many digits')
      putInteger(pickler, value, intKind(place.node))
      return
    case 'string':
      putString16(pickler, value, place.node)
      return
    case 'object':
      if (value === null) writeByte(pickler.output, op.NONE)
      else putObject(writing, value, place)
      return
    default:
      throw unwritable(pickler, `a ${typeof value}`)
  }
}

function putNumber(pickler: Pickler, value: number, { node, foreign }: Place): void {
  if (pickler.hashable && node?.kind === 'float' && node.value === value) {
    writeFloat(pickler.output, node.value) // a `Set` or `Map` made 0 of -0
    return
  }
  // A number in the place of a float is a float too: what is 2 today may be 2.5 tomorrow.
  const wasFloat = node?.kind === 'float' || foreign?.type === 'double'
  if (wasFloat || !Number.isSafeInteger(value) || Object.is(value, -0)) writeFloat(pickler.output, value)
  else putInteger(pickler, value, intKind(node))
}

function intKind(node: PickleNode | undefined): 'int' | 'long' | undefined {
  return node?.kind === 'int' || node?.kind === 'long' ? node.kind : undefined
}

function putString16(pickler: Pickler, value: string, node: PickleNode | undefined): void {
  if ((node?.kind === 'str' || node?.kind === 'str2') && node.view === value) {
    putScalar(pickler, node)
    return
  }
  const bytes = node?.kind === 'str2' ? encodeLatin1(value) : undefined
  if (bytes !== undefined && isAscii(bytes)) putString(pickler, bytes)
  else putText(pickler, value)
}

function putObject(writing: Writing, value: object, place: Place): void {
  const { pickler } = writing
  const hint = place.node
  const read = hint?.view === value ? hint : (writing.nodeOf(value) ?? PickleObject.node(value))
  const node = read ?? (hint !== undefined && fits(value, hint) ? hint : undefined)
  const key = pickler.hashable ? hashableKey(pickler, value, node) : value
  if (recall(pickler, pickler.memo, key)) return
  if (pickler.depth >= MAX_PICKLE_DEPTH) throw unwritable(pickler, 'data that is nested so deeply')
  pickler.depth++
  putComposite(writing, value, { node, foreign: place.foreign }, key)
  pickler.depth--
}

/**
 * What the memo knows a value by where Python hashes it: a list, set or bytearray that stands elsewhere too is written
 * once more, as a tuple, frozenset or bytes.
 */
function hashableKey(pickler: Pickler, value: object, node: PickleNode | undefined): object {
  if (value instanceof Map || isPlainObject(value)) throw unwritable(pickler, 'a dict as a key')
  if (!(Array.isArray(value) || value instanceof Set || value instanceof Uint8Array)) return value
  const { kind } = node ?? {}
  const stays = kind === 'tuple' || kind === 'frozenset' || kind === 'bytes'
  if (stays && !pickler.unhashable.has(value)) return value
  let key = pickler.hashed.get(value)
  if (key === undefined) {
    key = {}
    pickler.hashed.set(value, key)
  }
  return key
}

function putComposite(writing: Writing, value: object, place: Place, key: object): void {
  const { pickler } = writing
  const { node } = place
  if (Array.isArray(value)) putArray(writing, value, place, key)
  else if (value instanceof Uint8Array) putUint8Array(pickler, value, node, key)
  else if (value instanceof Date) putDate(pickler, value, node)
  else if (value instanceof Set) putSet(writing, value, node, key)
  else if (value instanceof PickleObject) putPickleObject(writing, value, node)
  else if (isKnown(value)) putKnown(pickler, value, node)
  else if (value instanceof Map || isPlainObject(value)) putDict(writing, value, place)
  else throw unwritable(pickler, 'an instance of this class')
}

function putUint8Array(pickler: Pickler, value: Uint8Array, node: PickleNode | undefined, key: object): void {
  const isArray = node?.kind === 'bytearray' && !pickler.hashable
  if (isArray) pickler.unhashable.add(value)
  putBytes(pickler, isArray ? 'bytearray' : 'bytes', value, key)
}

function putArray(writing: Writing, value: unknown[], { node, foreign }: Place, key: object): void {
  const { pickler } = writing
  const put = (item: unknown, index: number): void =>
    putMember(writing, index, item, { node: node?.items[index], foreign: foreign?.child?.(String(index)) })
  // Nobody waits for the walk over four billion holes.
  if (value.length > MAX_PICKLE_ITEMS) throw tooLarge(pickler, 'so many values')
  // By index: a class of the application may have its own iterator.
  const items = Array.from({ length: value.length }, (_, index) => value[index])
  if (node?.kind === 'tuple' || pickler.hashable) {
    putTuple(pickler, items, put, key)
    return
  }
  pickler.unhashable.add(value)
  writeByte(pickler.output, op.EMPTY_LIST)
  memoize(pickler, pickler.memo, value)
  putItems(pickler, items, put, true)
}

function putSet(writing: Writing, value: Set<unknown>, node: PickleNode | undefined, key: object): void {
  const { pickler } = writing
  const matched = matchItems([...value], node)
  const put = (item: unknown, index: number): void => putHashable(writing, index, item, matched[index])
  const frozen = node?.kind === 'frozenset' || pickler.hashable
  if (!frozen) pickler.unhashable.add(value)
  putMembers(pickler, frozen ? 'frozenset' : 'set', [...value], put, key)
}

function putDict(writing: Writing, value: object, { node, foreign }: Place): void {
  const { pickler } = writing
  if (node?.call === undefined) {
    writeByte(pickler.output, op.EMPTY_DICT)
    memoize(pickler, pickler.memo, value)
  } else putNodeCall(pickler, node, value)
  putMapping(writing, value, node, foreign, node?.call === undefined)
  if (node?.state !== undefined) {
    putNode(pickler, node.state)
    writeByte(pickler.output, op.BUILD)
  }
}

/** Whether a value may stand for a node that another reading of the same pickle made. */
function fits(value: object, { kind, view }: PickleNode): boolean {
  if (Array.isArray(value)) return kind === 'list' || kind === 'tuple'
  if (value instanceof Uint8Array) return kind === 'bytes' || kind === 'bytearray'
  if (value instanceof Set) return kind === 'set' || kind === 'frozenset'
  if (value instanceof Map) return kind === 'dict'
  if (value instanceof PickleObject) {
    return view instanceof PickleObject && view.module === value.module && view.name === value.name
  }
  if (value instanceof Date || isKnown(value)) return kind === 'object' && view?.constructor === value.constructor
  return kind === 'dict'
}

/**
 * Writes an inert object.
 *
 * @param node - what it was read from, where it was
 */
function putPickleObject(writing: Writing, object: PickleObject, node: PickleNode | undefined): void {
  const { pickler } = writing
  pickler.isCostly = true
  const { args } = object
  if (args === undefined && (node === undefined || node.kind === 'global')) {
    putName(writing, object, node)
    return
  }
  // As a key it is hashed as its class does, whatever it holds.
  const outer = pickler.hashable
  pickler.hashable = false
  putParts(writing, object, args ?? [], node)
  pickler.hashable = outer
}

function putParts(writing: Writing, object: PickleObject, args: unknown[], node: PickleNode | undefined): void {
  const { pickler } = writing
  const { items, entries, state } = object
  const call = node?.call
  const member = (value: unknown, index: number): void =>
    putMember(writing, `args.${index}`, value, { node: call?.args.items[index] })
  putCall(
    pickler,
    {
      how: call?.how ?? 'reduce',
      callable: () => (call === undefined ? putName(writing, object, undefined) : putNode(pickler, call.callable)),
      args: () => putTuple(pickler, args, member),
      members: () => args.forEach(member),
      keywords: () => writing.put(object.keywords ?? {}, { node: call?.keywords }),
    },
    object,
  )
  const put = (value: unknown, index: number): void =>
    putMember(writing, `items.${index}`, value, { node: node?.items[index] })
  if (items !== undefined) putItems(pickler, items, put, false)
  if (typeof entries === 'object' && entries !== null) putMapping(writing, entries, node, undefined, false)
  if (state !== undefined) {
    putMember(writing, 'state', state, { node: node?.state })
    writeByte(pickler.output, op.BUILD)
  }
}

function putName({ pickler }: Writing, object: PickleObject, node: PickleNode | undefined): void {
  const named = node?.kind === 'global' ? (node.value as PickleGlobal) : undefined
  putGlobal(pickler, object.module, object.name, named?.python2)
}
