/**
 * What a pickle in writing remembers: its memo, where it is, and which Python reads it.
 * FORMATS §7.1: every value with an identity gets a PUT, from 0, and a GET when it comes again.
 */
import { errorAt, SessionError } from '../../shared/errors.js'
import type { PickleNode } from '../../shared/pickle/node.js'
import * as op from '../../shared/pickle/opcodes.js'
import { MAX_PICKLE_BYTES } from '../../shared/pickle/opcodes.js'
import type { OriginNode } from '../../shared/types.js'
import { python2Name } from './names.js'

export interface Pickler {
  readonly output: Output
  /** By node where the value was read, otherwise by the value itself. */
  readonly memo: Map<unknown, number>
  readonly texts: Map<string, number>
  readonly strings: Map<string, number>
  readonly globals: Map<string, number>
  /** Values that were given a place in the memo. */
  memoized: number
  /** Python 2 must be able to read it. */
  readonly python2: boolean
  /** Keys from the top. */
  readonly path: string[]
  depth: number
  /** Inside the key of a dict or the member of a set, where Python takes no list. */
  hashable: boolean
  /** Lists, sets and bytearrays that were written. */
  readonly unhashable: Set<object>
  /** What the memo knows the tuple, frozenset or bytes by that was written for one of those. */
  readonly hashed: Map<object, object>
  /** What was written may cost its reader more than its bytes tell: it has to be read once before it is signed. */
  isCostly: boolean
}

/** @param python2 - Python 2 must be able to read it */
export function createPickler(python2: boolean): Pickler {
  return {
    output: createOutput(),
    memo: new Map(),
    texts: new Map(),
    strings: new Map(),
    globals: new Map(),
    memoized: 0,
    python2,
    path: [],
    depth: 0,
    hashable: false,
    unhashable: new Set(),
    hashed: new Map(),
    isCostly: false,
  }
}

/** Writes a GET. @returns false if the value was not written yet */
export function recall<Key>(pickler: Pickler, memo: Map<Key, number>, key: Key): boolean {
  const index = memo.get(key)
  if (index === undefined) return false
  // An object that is shared: what a walk visits may double with each level.
  if ((memo as unknown) === pickler.memo) pickler.isCostly = true
  writeByte(pickler.output, index < 256 ? op.BINGET : op.LONG_BINGET)
  writeIndex(pickler, index)
  return true
}

/** Writes a PUT; without a key, of a value that does not come again. */
export function memoize<Key>(pickler: Pickler, memo?: Map<Key, number>, key?: Key): void {
  const index = pickler.memoized++
  memo?.set(key as Key, index)
  writeByte(pickler.output, index < 256 ? op.BINPUT : op.LONG_BINPUT)
  writeIndex(pickler, index)
}

/** Text, once for each content. */
export function putText(pickler: Pickler, text: string): void {
  if (recall(pickler, pickler.texts, text)) return
  if (text.length > MAX_PICKLE_BYTES) throw tooLarge(pickler, 'a text of so many characters')
  writeText(pickler.output, text)
  memoize(pickler, pickler.texts, text)
}

/** A byte string of Python 2, once for each content. */
export function putString(pickler: Pickler, bytes: Uint8Array): void {
  const key = bytes.join()
  if (recall(pickler, pickler.strings, key)) return
  if (bytes.length < 256) {
    writeByte(pickler.output, op.SHORT_BINSTRING)
    writeByte(pickler.output, bytes.length)
  } else {
    writeByte(pickler.output, op.BINSTRING)
    writeUint32(pickler.output, bytes.length)
  }
  writeBytes(pickler.output, bytes)
  memoize(pickler, pickler.strings, key)
}

/** An integer; `kind` tells what Python 2 calls it, which only Python 2 is told. */
export function putInteger(pickler: Pickler, integer: number | bigint, kind?: 'int' | 'long'): void {
  const { output, python2 } = pickler
  if (python2 && kind === 'long') writeLong(output, integer)
  else if (python2 && kind === 'int' && BigInt.asIntN(32, BigInt(integer)) !== BigInt(integer)) {
    writeByte(output, op.INT)
    writeAscii(output, `${integer}\n`)
  } else writeInteger(output, integer)
}

/** A class or function by its name in Python 3, or as a pickle of protocol 0 to 2 had it. */
export function putGlobal(pickler: Pickler, module: string, name: string, isPython2Name = false): void {
  const dot = name.lastIndexOf('.')
  const written = isPython2Name || dot > 0 ? { module, name } : python2Name(module, name, pickler.python2)
  const key = `${written.module}\n${written.name}`
  if (recall(pickler, pickler.globals, key)) return
  if (dot > 0) {
    // GLOBAL of protocol 2 takes no dotted name: getattr(the class, the rest).
    putGlobal(pickler, 'builtins', 'getattr')
    putGlobal(pickler, module, name.slice(0, dot), isPython2Name)
    putText(pickler, name.slice(dot + 1))
    writeByte(pickler.output, op.TUPLE2)
    memoize(pickler)
    writeByte(pickler.output, op.REDUCE)
  } else {
    if (!NAME.test(written.module) || !NAME.test(written.name)) throw unwritable(pickler, 'a class of such a name')
    if (pickler.python2 && (module === 'zoneinfo' || (module === 'datetime' && name === 'timezone'))) {
      throw unwritable(pickler, 'a time zone of Python 3')
    }
    writeByte(pickler.output, op.GLOBAL)
    writeAscii(pickler.output, `${key}\n`)
  }
  memoize(pickler, pickler.globals, key)
}

// What a line of GLOBAL holds for both Pythons: printable ASCII.
const NAME = /^[\x21-\x7e]+$/

/** Bytes without an identity, as `_codecs.encode` of Latin-1 text: bytes in Python 3, a str in Python 2. */
export function putEncodedBytes(pickler: Pickler, bytes: Uint8Array, latin1: string): void {
  const { output } = pickler
  if (bytes.length === 0) {
    putGlobal(pickler, 'builtins', 'bytes')
    writeByte(output, op.EMPTY_TUPLE)
  } else {
    putGlobal(pickler, '_codecs', 'encode')
    putText(pickler, latin1)
    putText(pickler, 'latin1')
    writeByte(output, op.TUPLE2)
    memoize(pickler)
  }
  writeByte(output, op.REDUCE)
}

/** Whether all bytes are ASCII. */
export function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x80)
}

/** The error of data that its reader would refuse for its size. */
export function tooLarge({ path }: Pickler, what: string): SessionError {
  return errorAt(path.join('.'), 'ERR_SESSION_LIMIT', `the pickle would hold ${what}`)
}

/** The error of a value that has no mapping; its path is where the pickler is. */
export function unwritable(pickler: Pickler, what: string): SessionError {
  const path = pickler.path.join('.')
  return errorAt(path, 'ERR_SESSION_UNWRITABLE', `a pickle can't hold ${what}`)
}

function writeIndex(pickler: Pickler, index: number): void {
  if (index < 256) writeByte(pickler.output, index)
  else writeUint32(pickler.output, index)
}

/** Where a value stood when it was read: a node of a pickle, or what another format said of it. */
export interface Place {
  node?: PickleNode | undefined
  foreign?: OriginNode | undefined
}

/** One writing: the pickler, and the nodes that views of the origin came from. */
export interface Writing {
  readonly pickler: Pickler
  /** The node of an object that the origin's reader made, wherever it stands now. */
  nodeOf(value: object): PickleNode | undefined
  /** Writes any value: the members of those that hold others. */
  put(value: unknown, place: Place): void
}

/**
 * The entries of an object or `Map`, in the order of the node, new ones behind.
 *
 * @param node - the dict, or the object with entries, that it was read from
 * @param exact - a dict itself, no class that takes items
 */
export function putMapping(
  writing: Writing,
  value: object,
  node: PickleNode | undefined,
  foreign: OriginNode | undefined,
  exact: boolean,
): void {
  putEntries(
    writing.pickler,
    matchEntries(value, node),
    (entry) => {
      const name = typeof entry.key === 'string' ? entry.key : entry.index
      putHashable(writing, name, entry.key, entry.keyNode)
      putMember(writing, name, entry.value, { node: entry.node, foreign: foreign?.child?.(String(name)) })
    },
    exact,
  )
}

/** A member, with its key in the path. */
export function putMember(writing: Writing, key: string | number, value: unknown, place: Place): void {
  const { path } = writing.pickler
  path.push(String(key))
  writing.put(value, place)
  path.pop()
}

/** A member that Python hashes. */
export function putHashable(
  writing: Writing,
  key: string | number,
  value: unknown,
  node: PickleNode | undefined,
): void {
  const { pickler } = writing
  const outer = pickler.hashable
  pickler.hashable = true
  putMember(writing, key, value, { node })
  pickler.hashable = outer
}

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
    if (!single) writeByte(output, op.MARK)
    for (let at = start; at < end; at++) put(items[at] as Item, at)
    writeByte(output, single ? op.APPEND : op.APPENDS)
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
    if (!single) writeByte(output, op.MARK)
    for (let at = start; at < end; at++) put(entries[at] as Entry)
    writeByte(output, single ? op.SETITEM : op.SETITEMS)
  }
  if (exact && entries.length > 0 && entries.length % BATCH === 0) {
    writeByte(output, op.MARK)
    writeByte(output, op.SETITEMS)
  }
}

interface MatchedEntry {
  key: unknown
  value: unknown
  keyNode: PickleNode | undefined
  /** Of the value. */
  node: PickleNode | undefined
  index: number
}

/** The nodes of a set's members, each at the index of its member. */
export function matchItems(members: unknown[], node: PickleNode | undefined): (PickleNode | undefined)[] {
  if (node === undefined) return []
  const byView = new Map(node.items.map((item) => [item.view, item]))
  return members.map((member, index) => {
    const found = byView.get(member)
    return found ?? (isObject(member) ? node.items[index] : undefined)
  })
}

/** The entries that are to be written: the known ones in the node's order, new ones behind, no `undefined`. */
function matchEntries(value: object, node: PickleNode | undefined): MatchedEntry[] {
  const entries = value instanceof Map ? value : new Map<unknown, unknown>(Object.entries(value))
  const matched: MatchedEntry[] = []
  const taken = new Set<unknown>()
  const take = (key: unknown, keyNode?: PickleNode, valueNode?: PickleNode): void => {
    if (taken.has(key)) return
    taken.add(key)
    const member = entries.get(key)
    if (member === undefined && !(value instanceof Map)) return
    matched.push({ key, value: member, keyNode, node: valueNode, index: matched.length })
  }
  if (node !== undefined) {
    const last = lastValues(node)
    const keys = [...entries.keys()]
    for (let at = 0; at < node.entries.length; at += 2) {
      const keyNode = node.entries[at] as PickleNode
      const own = keyNode.view
      if (entries.has(own)) take(own, keyNode, last.get(own))
      else if (isObject(own) && isObject(keys[at / 2])) {
        take(keys[at / 2], keyNode, node.entries[at + 1] as PickleNode)
      }
    }
  }
  for (const key of entries.keys()) take(key)
  return matched
}

/** Of equal keys the last value holds. */
function lastValues(node: PickleNode): Map<unknown, PickleNode> {
  const values = new Map<unknown, PickleNode>()
  for (let at = 0; at < node.entries.length; at += 2) {
    values.set((node.entries[at] as PickleNode).view, node.entries[at + 1] as PickleNode)
  }
  return values
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Grows as needed; `length` bytes of it are written. */
export interface Output {
  bytes: Uint8Array<ArrayBuffer>
  length: number
}

/** An empty output with room for a typical session. */
function createOutput(): Output {
  return { bytes: new Uint8Array(1024), length: 0 }
}

export function writeByte(output: Output, byte: number): void {
  reserve(output, 1)
  output.bytes[output.length++] = byte
}

/** Little-endian. */
export function writeUint32(output: Output, number: number): void {
  reserve(output, 4)
  for (let shift = 0; shift < 32; shift += 8) output.bytes[output.length++] = (number >>> shift) & 0xff
}

export function writeBytes(output: Output, bytes: Uint8Array): void {
  reserve(output, bytes.length)
  output.bytes.set(bytes, output.length)
  output.length += bytes.length
}

/** Text that is known to be ASCII. */
function writeAscii(output: Output, text: string): void {
  reserve(output, text.length)
  for (let at = 0; at < text.length; at++) output.bytes[output.length++] = text.charCodeAt(at)
}

/** BINFLOAT: big-endian. */
export function writeFloat(output: Output, number: number): void {
  writeByte(output, op.BINFLOAT)
  reserve(output, 8)
  new DataView(output.bytes.buffer).setFloat64(output.length, number)
  output.length += 8
}

/** The shortest integer opcode: K, M, J, and beyond 32 bits LONG1 or LONG4. */
export function writeInteger(output: Output, integer: number | bigint): void {
  if (integer >= 0 && integer <= 0xff) {
    writeByte(output, op.BININT1)
    writeByte(output, Number(integer))
  } else if (integer >= 0 && integer <= 0xffff) {
    const number = Number(integer)
    writeByte(output, op.BININT2)
    writeByte(output, number & 0xff)
    writeByte(output, number >>> 8)
  } else if (integer >= -0x80000000 && integer <= 0x7fffffff) {
    writeByte(output, op.BININT)
    writeUint32(output, Number(integer))
  } else {
    writeLong(output, integer)
  }
}

/** LONG1 or LONG4 also where the integer is small: a long of Python 2. */
function writeLong(output: Output, integer: number | bigint): void {
  const bytes = twosComplement(BigInt(integer))
  if (bytes.length < 256) {
    writeByte(output, op.LONG1)
    writeByte(output, bytes.length)
  } else {
    writeByte(output, op.LONG4)
    writeUint32(output, bytes.length)
  }
  writeBytes(output, bytes)
}

/** Bytes an integer takes in two's complement; none for 0. */
export function integerSize(integer: bigint): number {
  if (integer === 0n) return 0
  const magnitude = integer < 0n ? ~integer : integer
  const digits = magnitude.toString(16)
  // A set top bit would say negative, so that eight full bits need one byte more.
  return Math.ceil(digits.length / 2) + (digits.length % 2 === 0 && digits >= '8' ? 1 : 0)
}

/** BINUNICODE: UTF-8 in which a lone surrogate is encoded by itself, as Python's `surrogatepass`. */
function writeText(output: Output, text: string): void {
  writeByte(output, op.BINUNICODE)
  writeUint32(output, 0)
  const start = output.length
  reserve(output, 3 * text.length)
  const { bytes } = output
  let { length } = output
  for (let at = 0; at < text.length; at++) {
    const point = text.codePointAt(at) as number
    if (point < 0x80) bytes[length++] = point
    else {
      if (point > 0xffff) at++
      if (point < 0x800) bytes[length++] = 0xc0 | (point >> 6)
      else {
        if (point < 0x10000) bytes[length++] = 0xe0 | (point >> 12)
        else {
          bytes[length++] = 0xf0 | (point >> 18)
          bytes[length++] = 0x80 | ((point >> 12) & 0x3f)
        }
        bytes[length++] = 0x80 | ((point >> 6) & 0x3f)
      }
      bytes[length++] = 0x80 | (point & 0x3f)
    }
  }
  output.length = start - 4
  writeUint32(output, length - start)
  output.length = length
}

function twosComplement(integer: bigint): Uint8Array {
  const bytes = new Uint8Array(integerSize(integer))
  const unsigned = BigInt.asUintN(8 * bytes.length, integer)
  const hex = unsigned.toString(16).padStart(2 * bytes.length, '0')
  for (let at = 0; at < bytes.length; at++) {
    bytes[bytes.length - 1 - at] = Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16)
  }
  return bytes
}

function reserve(output: Output, size: number): void {
  const needed = output.length + size
  if (needed <= output.bytes.length) return
  // Here, where it seldom comes: what is shared or endless ends before it fills the memory.
  if (output.length > MAX_PICKLE_BYTES) throw new SessionError('ERR_SESSION_LIMIT', 'the pickle would be too long')
  const bytes = new Uint8Array(Math.max(needed, 2 * output.bytes.length))
  bytes.set(output.bytes.subarray(0, output.length))
  output.bytes = bytes
}
