/**
 * What opcodes demand of their operands, and how they are refused.
 * FORMATS §7.1: as Python's unpickler, which would fail on the same ones.
 */
import { SessionError } from '../errors.js'
import { type Cursor, line, lineEnd, uint32 } from './cursor.js'
import { parseInteger } from './integer.js'
import { NO_NODES, type PickleNode } from './node.js'
import * as op from './opcodes.js'
import { decodeLatin1, decodeText, decodeTextWithSurrogates } from './text.js'

type Memo = readonly (PickleNode | undefined)[]

/** A module or class name on a line of its own. @throws {SessionError} `ERR_SESSION_PICKLE` */
export function name(cursor: Cursor): string {
  const start = cursor.position
  const end = lineEnd(cursor)
  return decodeText(cursor.bytes, start, end) ?? decodeTextWithSurrogates(cursor.bytes, start, end)
}

/** A memo index on a line of its own. @throws {SessionError} `ERR_SESSION_PICKLE`, `ERR_SESSION_LIMIT` */
export function memoIndex(cursor: Cursor): number {
  const index = Number(parseInteger(decodeLatin1(line(cursor)).trim()))
  if (index < 0) throw refused('has a malformed memo index')
  return index
}

/** Appends to what `check` accepts. */
export function append(items: PickleNode[], check: (node: PickleNode) => PickleNode, top: () => PickleNode): void {
  const target = check(top())
  for (const item of items) target.items.push(item)
}

/** A list, or an object whose class may be one. @throws {SessionError} `ERR_SESSION_PICKLE` */
export function appendable(node: PickleNode): PickleNode {
  if (node.kind !== 'list' && node.kind !== 'object') throw refused('appends to no list')
  if (node.items === NO_NODES) node.items = []
  return node
}

/** A set. @throws {SessionError} `ERR_SESSION_PICKLE` */
export function addable(node: PickleNode): PickleNode {
  if (node.kind !== 'set') throw refused('adds to no set')
  return node
}

/** A dict, or an object whose class may be one. @throws {SessionError} `ERR_SESSION_PICKLE` */
export function settable(node: PickleNode): PickleNode {
  if (node.kind !== 'dict' && node.kind !== 'object') throw refused('sets a key of no dict')
  if (node.entries === NO_NODES) node.entries = []
  return node
}

/** What the next opcode gets from the memo, if it does. */
export function peekGet({ bytes, position }: Cursor, memo: Memo): PickleNode | undefined {
  if (bytes[position] === op.BINGET) return memo[bytes[position + 1] ?? -1]
  if (bytes[position] !== op.LONG_BINGET && bytes[position] !== op.GET) return undefined
  const cursor = { bytes, position: position + 1 }
  return memo[bytes[position] === op.GET ? memoIndex(cursor) : uint32(cursor)]
}

/**
 * The result of a call that is dropped at once. Where the first argument stands below, the call set the state of that object, which could
 * not be written back; but a second writing of an object that holds itself is dropped for the first one.
 */
export function discard(node: PickleNode, below: PickleNode | undefined, next: PickleNode | undefined): void {
  if (node.kind !== 'object' || below === undefined || node.call?.args.items[0] !== below) return
  const { callable } = node.call
  if (next?.call?.callable !== callable) throw refused('calls a function for its effect')
}

export function missing(): never {
  throw refused('refers to what is not in the memo')
}

export function refused(what: string): SessionError {
  return new SessionError('ERR_SESSION_PICKLE', `the pickle ${what}`)
}
