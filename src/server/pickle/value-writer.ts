/**
 * Writes JavaScript values: each as the Python type its origin had, a new one by the table of docs/pickle.md.
 * FORMATS §7.1, protocol 2.
 */
import { MAX_PICKLE_DEPTH, MAX_PICKLE_INTEGER_OCTETS } from '../../shared/pickle/limits.js'
import type { PickleNode } from '../../shared/pickle/node.js'
import { PickleObject } from '../../shared/pickle/object.js'
import * as op from '../../shared/pickle/opcodes.js'
import { encodeLatin1 } from '../../shared/pickle/text.js'
import { putMembers, putTuple } from './frame.js'
import { isKnown, putDate, putKnown } from './known-writer.js'
import { matchItems } from './match.js'
import { putItems } from './members.js'
import { putBytes, putNode, putNodeCall, putScalar } from './node-writer.js'
import { putPickleObject } from './object-writer.js'
import { integerOctets, writeFloat, writeOctet } from './output.js'
import { isAscii, memoize, type Pickler, putInteger, putString, putText, recall, unwritable } from './pickler.js'
import { type Place, putHashable, putMapping, putMember, type Writing } from './writing.js'

/**
 * Writes one value.
 *
 * @param value - of the session
 * @param place - what stood there when it was read
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path
 */
export function putValue(writing: Writing, value: unknown, place: Place): void {
  const { pickler } = writing
  switch (typeof value) {
    case 'undefined':
      writeOctet(pickler.output, op.NONE)
      return
    case 'boolean':
      writeOctet(pickler.output, value ? op.NEWTRUE : op.NEWFALSE)
      return
    case 'number':
      putNumber(pickler, value, place)
      return
    case 'bigint':
      if (integerOctets(value) > MAX_PICKLE_INTEGER_OCTETS) throw unwritable(pickler, 'an integer of so many digits')
      putInteger(pickler, value, intKind(place.node))
      return
    case 'string':
      putString16(pickler, value, place.node)
      return
    case 'object':
      if (value === null) writeOctet(pickler.output, op.NONE)
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
  const octets = node?.kind === 'str2' ? encodeLatin1(value) : undefined
  if (octets !== undefined && isAscii(octets)) putString(pickler, octets)
  else putText(pickler, value)
}

function putObject(writing: Writing, value: object, place: Place): void {
  const { pickler } = writing
  const hint = place.node
  const read = hint?.view === value ? hint : (writing.nodeOf(value) ?? PickleObject.node(value))
  const node = read ?? (hint !== undefined && fits(value, hint) ? hint : undefined)
  const key = pickler.hashable ? hashableKey(pickler, value, node) : value
  if (recall(pickler, pickler.memo, key)) return
  if (pickler.depth >= MAX_PICKLE_DEPTH) throw unwritable(pickler, 'what is nested so deeply')
  pickler.depth++
  putComposite(writing, value, { node, foreign: place.foreign }, key)
  pickler.depth--
}

/**
 * What the memo knows a value by where Python hashes it: a list, set or bytearray that stands elsewhere too is written
 * once more, as a tuple, frozenset or bytes.
 */
function hashableKey(pickler: Pickler, value: object, node: PickleNode | undefined): object {
  if (value instanceof Map || isPlain(value)) throw unwritable(pickler, 'a dict as a key')
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
  else if (value instanceof Map || isPlain(value)) putDict(writing, value, place)
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
  const items = Array.from(value)
  if (node?.kind === 'tuple' || pickler.hashable) {
    putTuple(pickler, items, put, key)
    return
  }
  pickler.unhashable.add(value)
  writeOctet(pickler.output, op.EMPTY_LIST)
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
    writeOctet(pickler.output, op.EMPTY_DICT)
    memoize(pickler, pickler.memo, value)
  } else putNodeCall(pickler, node, value)
  putMapping(writing, value, node, foreign, node?.call === undefined)
  if (node?.state !== undefined) {
    putNode(pickler, node.state)
    writeOctet(pickler.output, op.BUILD)
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

/** An object literal, of any realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
