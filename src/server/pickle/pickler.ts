/**
 * What a pickle in writing remembers: its memo, where it is, and who shall read it.
 * FORMATS §7.1: every value with an identity gets a PUT, from 0, and a GET when it comes again.
 */
import { SessionError } from '../../shared/errors.js'
import * as op from '../../shared/pickle/opcodes.js'
import { python2Name } from './names.js'
import {
  createOutput,
  type Output,
  writeAscii,
  writeInteger,
  writeLong,
  writeOctet,
  writeOctets,
  writeText,
  writeUint32,
} from './output.js'

export interface Pickler {
  readonly output: Output
  /** By node where the value was read, otherwise by the value itself. */
  readonly memo: Map<unknown, number>
  readonly texts: Map<string, number>
  readonly strings: Map<string, number>
  readonly globals: Map<string, number>
  /** Values that were given a place in the memo. */
  memoized: number
  /** A Python 2 shall read it. */
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
}

/** @param python2 - a Python 2 shall read it */
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
  }
}

/** Writes a GET. @returns false where the value was not written yet */
export function recall<Key>(pickler: Pickler, memo: Map<Key, number>, key: Key): boolean {
  const index = memo.get(key)
  if (index === undefined) return false
  writeOctet(pickler.output, index < 256 ? op.BINGET : op.LONG_BINGET)
  writeIndex(pickler, index)
  return true
}

/** Writes a PUT; without a key, of a value that does not come again. */
export function memoize<Key>(pickler: Pickler, memo?: Map<Key, number>, key?: Key): void {
  const index = pickler.memoized++
  memo?.set(key as Key, index)
  writeOctet(pickler.output, index < 256 ? op.BINPUT : op.LONG_BINPUT)
  writeIndex(pickler, index)
}

/** Text, once for each content. */
export function putText(pickler: Pickler, text: string): void {
  if (recall(pickler, pickler.texts, text)) return
  writeText(pickler.output, text)
  memoize(pickler, pickler.texts, text)
}

/** A byte string of Python 2, once for each content. */
export function putString(pickler: Pickler, octets: Uint8Array): void {
  const key = octets.join()
  if (recall(pickler, pickler.strings, key)) return
  if (octets.length < 256) {
    writeOctet(pickler.output, op.SHORT_BINSTRING)
    writeOctet(pickler.output, octets.length)
  } else {
    writeOctet(pickler.output, op.BINSTRING)
    writeUint32(pickler.output, octets.length)
  }
  writeOctets(pickler.output, octets)
  memoize(pickler, pickler.strings, key)
}

/** An integer; `kind` tells what Python 2 calls it, which only Python 2 is told. */
export function putInteger(pickler: Pickler, integer: number | bigint, kind?: 'int' | 'long'): void {
  const { output, python2 } = pickler
  if (python2 && kind === 'long') writeLong(output, integer)
  else if (python2 && kind === 'int' && BigInt.asIntN(32, BigInt(integer)) !== BigInt(integer)) {
    writeOctet(output, op.INT)
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
    writeOctet(pickler.output, op.TUPLE2)
    memoize(pickler)
    writeOctet(pickler.output, op.REDUCE)
  } else {
    if (!NAME.test(written.module) || !NAME.test(written.name)) throw unwritable(pickler, 'a class of such a name')
    if (pickler.python2 && (module === 'zoneinfo' || (module === 'datetime' && name === 'timezone'))) {
      throw unwritable(pickler, 'a time zone of Python 3')
    }
    writeOctet(pickler.output, op.GLOBAL)
    writeAscii(pickler.output, `${key}\n`)
  }
  memoize(pickler, pickler.globals, key)
}

// What a line of GLOBAL holds for both Pythons: printable ASCII.
const NAME = /^[\x21-\x7e]+$/

/** Octets without an identity, as `_codecs.encode` of Latin-1 text: bytes in Python 3, a str in Python 2. */
export function putOctets(pickler: Pickler, octets: Uint8Array, latin1: string): void {
  const { output } = pickler
  if (octets.length === 0) {
    putGlobal(pickler, 'builtins', 'bytes')
    writeOctet(output, op.EMPTY_TUPLE)
  } else {
    putGlobal(pickler, '_codecs', 'encode')
    putText(pickler, latin1)
    putText(pickler, 'latin1')
    writeOctet(output, op.TUPLE2)
    memoize(pickler)
  }
  writeOctet(output, op.REDUCE)
}

/** Whether all octets are ASCII. */
export function isAscii(octets: Uint8Array): boolean {
  return octets.every((octet) => octet < 0x80)
}

/** The error of a value that has no mapping; its path is where the pickler is. */
export function unwritable(pickler: Pickler, what: string): SessionError {
  const path = pickler.path.join('.')
  return new SessionError('ERR_SESSION_UNWRITABLE', `a pickle can't hold ${what}`, { path })
}

function writeIndex(pickler: Pickler, index: number): void {
  if (index < 256) writeOctet(pickler.output, index)
  else writeUint32(pickler.output, index)
}
