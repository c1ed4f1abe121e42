/**
 * The stack machine of pickle: opcodes in, one node out. It imports, calls and looks up nothing.
 * FORMATS §7.1, §7.2; persistent ids, extension codes and out-of-band buffers are refused, as are operands that Python refuses.
 */
import { SessionError } from '../errors.js'
import {
  containerNode,
  globalName,
  globalOf,
  NO_NODES,
  objectNode,
  type PickleCall,
  type PickleGlobal,
  type PickleKind,
  type PickleNode,
  plainNode,
  scalarNode,
} from './node.js'
import * as op from './opcodes.js'
import { MAX_PICKLE_NAME, type PickleBudget, type PickleLimits, spendBytes, spendItems } from './opcodes.js'
import {
  decodeInteger,
  decodeLatin1,
  decodeLiteral,
  decodeRawUnicode,
  decodeText,
  decodeTextWithSurrogates,
  encodeLatin1,
  parseInteger,
} from './text.js'

export interface FinishedPickle {
  root: PickleNode
  /** Behind its STOP. */
  end: number
}

/**
 * Runs a pickle. What follows its STOP is ignored, as Python does.
 *
 * @param bytes - the pickle, of any protocol from 0 to 5
 * @param limits - of bytes, values and memo
 * @param budget - the values and bytes that are left; reading the view goes on spending it
 * @returns the node on top of the stack; its parts may refer to each other in cycles
 * @throws {SessionError} `ERR_SESSION_PICKLE`, `ERR_SESSION_LIMIT`
 */
export function runPickle(bytes: Uint8Array, limits: PickleLimits, budget: PickleBudget): FinishedPickle {
  const cursor = cursorOf(bytes)
  const stack: PickleNode[] = []
  const marks: number[] = []
  const memo: (PickleNode | undefined)[] = []
  let memoCount = 0
  let protocol = 0

  const pop = (): PickleNode => {
    if (stack.length <= (marks.at(-1) ?? 0)) throw refused('takes from an empty stack')
    return stack.pop() as PickleNode
  }
  const top = (): PickleNode => {
    if (stack.length <= (marks.at(-1) ?? 0)) throw refused('takes from an empty stack')
    return stack[stack.length - 1] as PickleNode
  }
  const popMark = (): PickleNode[] => {
    const mark = marks.pop()
    if (mark === undefined) throw refused('has no mark')
    return stack.splice(mark)
  }
  const put = (index: number): void => {
    if (index > limits.memo) throw new SessionError('ERR_SESSION_LIMIT', 'the pickle has too large a memo')
    if (memo[index] === undefined) memoCount++
    memo[index] = top()
  }
  const get = (index: number): PickleNode => memo[index] ?? missing()

  let code = 0
  for (;;) {
    const previous = code
    code = uint8(cursor)
    switch (code) {
      case op.STOP:
        return { root: pop(), end: cursor.position }
      case op.PROTO:
        protocol = uint8(cursor)
        if (protocol > 5) throw refused('is of an unknown protocol')
        continue
      case op.FRAME:
        if (uint64(cursor) > bytes.length - cursor.position) throw refused('is cut short')
        continue

      case op.MARK:
        marks.push(stack.length)
        continue
      case op.POP:
        if (stack.length === marks.at(-1)) marks.pop()
        else {
          const node = pop()
          if (previous === op.REDUCE) discard(node, stack.at(-1), peekGet(cursor, memo))
        }
        continue
      case op.POP_MARK:
        popMark()
        continue

      case op.PUT:
        put(memoIndex(cursor))
        continue
      case op.BINPUT:
        put(uint8(cursor))
        continue
      case op.LONG_BINPUT:
        put(uint32(cursor))
        continue
      case op.MEMOIZE:
        put(memoCount)
        continue
      case op.DUP:
        stack.push(top())
        continue
      case op.GET:
        stack.push(get(memoIndex(cursor)))
        continue
      case op.BINGET:
        stack.push(get(uint8(cursor)))
        continue
      case op.LONG_BINGET:
        stack.push(get(uint32(cursor)))
        continue

      case op.APPEND: {
        const item = pop()
        appendable(top()).items.push(item)
        continue
      }
      case op.APPENDS:
        append(popMark(), appendable, top)
        continue
      case op.ADDITEMS:
        append(popMark(), addable, top)
        continue
      case op.SETITEM: {
        const value = pop()
        const key = pop()
        settable(top()).entries.push(key, value)
        continue
      }
      case op.SETITEMS: {
        const pairs = popMark()
        if (pairs.length % 2 === 1) throw refused('has a key without a value')
        const { entries } = settable(top())
        for (const node of pairs) entries.push(node)
        continue
      }
      case op.BUILD: {
        const state = pop()
        const target = top()
        if (target.call === undefined || target.state !== undefined) throw refused('sets the state of no object')
        target.state = state
        continue
      }
    }

    spendItems(budget, 1)
    stack.push(argumentNode(code, cursor) ?? composed(code))
  }

  function composed(code: number): PickleNode {
    switch (code) {
      case op.EMPTY_DICT:
        return containerNode('dict', NO_NODES, [])
      case op.EMPTY_LIST:
        return containerNode('list', [], NO_NODES)
      case op.EMPTY_TUPLE:
        return containerNode('tuple', NO_NODES, NO_NODES)
      case op.EMPTY_SET:
        return containerNode('set', [], NO_NODES)
      case op.TUPLE1:
        return containerNode('tuple', [pop()], NO_NODES)
      case op.TUPLE2:
        return tuple(2)
      case op.TUPLE3:
        return tuple(3)
      case op.TUPLE:
        return containerNode('tuple', popMark(), NO_NODES)
      case op.LIST:
        return containerNode('list', popMark(), NO_NODES)
      case op.FROZENSET:
        return containerNode('frozenset', popMark(), NO_NODES)
      case op.DICT: {
        const pairs = popMark()
        if (pairs.length % 2 === 1) throw refused('has a key without a value')
        return containerNode('dict', NO_NODES, pairs)
      }
      case op.GLOBAL: {
        const module = nameLine(cursor)
        return globalNode(module, nameLine(cursor), protocol < 3)
      }
      case op.STACK_GLOBAL: {
        const last = pop()
        const module = pop()
        if (last.kind !== 'str' || module.kind !== 'str') throw refused('names a class by no text')
        return globalNode(module.view as string, last.view as string, protocol < 3)
      }
      case op.REDUCE: {
        const args = pop()
        return callNode('reduce', pop(), args, budget)
      }
      case op.NEWOBJ: {
        const args = pop()
        return callNode('newobj', pop(), args, budget)
      }
      case op.NEWOBJ_EX: {
        const keywords = pop()
        const args = pop()
        return callNode('newobj-ex', pop(), args, budget, keywords)
      }
      case op.OBJ: {
        const [callable, ...args] = popMark()
        if (callable === undefined) throw refused('takes from an empty stack')
        return callNode('obj', callable, containerNode('tuple', args, NO_NODES), budget)
      }
      case op.INST: {
        const module = nameLine(cursor)
        const named = globalNode(module, nameLine(cursor), protocol < 3)
        return callNode('obj', named, containerNode('tuple', popMark(), NO_NODES), budget)
      }
      case op.PERSID:
      case op.BINPERSID:
        throw refused('refers to a persistent id')
      case op.EXT1:
      case op.EXT2:
      case op.EXT4:
        throw refused('uses an extension code')
      case op.NEXT_BUFFER:
      case op.READONLY_BUFFER:
        throw refused('refers to a buffer outside')
      default:
        throw refused('has an unknown opcode')
    }
  }

  function tuple(size: number): PickleNode {
    if (stack.length - size < (marks.at(-1) ?? 0)) throw refused('takes from an empty stack')
    return containerNode('tuple', stack.splice(-size), NO_NODES)
  }
}

/**
 * The value of REDUCE, NEWOBJ, NEWOBJ_EX, OBJ and INST.
 *
 * @param how - which of them; only REDUCE makes a container
 * @param callable - what would be called: a global, or the result of another call
 * @param args - a tuple
 * @param budget - what copies may cost
 * @throws {SessionError} `ERR_SESSION_PICKLE`, `ERR_SESSION_LIMIT`
 */
function callNode(
  how: PickleCall['how'],
  callable: PickleNode,
  args: PickleNode,
  budget: PickleBudget,
  keywords?: PickleNode,
): PickleNode {
  if (args.kind !== 'tuple') throw new SessionError('ERR_SESSION_PICKLE', 'the pickle calls without a tuple')
  if (keywords !== undefined && keywords.kind !== 'dict') {
    throw new SessionError('ERR_SESSION_PICKLE', 'the pickle calls with keywords that are no dict')
  }
  const named = globalOf(callable)
  if (named === undefined && callable.kind !== 'object') {
    throw new SessionError('ERR_SESSION_PICKLE', 'the pickle calls what is no function')
  }
  const known = named !== undefined && how === 'reduce' ? knownCall(named, callable, args, budget) : undefined
  return known ?? objectNode(how, callable, args, keywords)
}

/** A class or function by name. @throws {SessionError} `ERR_SESSION_LIMIT` */
function globalNode(module: string, name: string, python2: boolean): PickleNode {
  if (module.length + name.length > MAX_PICKLE_NAME) {
    throw new SessionError('ERR_SESSION_LIMIT', 'the pickle has a class name of too many characters')
  }
  const named: PickleGlobal = { module, name, python2 }
  return plainNode('global', named, undefined)
}

function knownCall(
  named: PickleGlobal,
  callable: PickleNode,
  args: PickleNode,
  budget: PickleBudget,
): PickleNode | undefined {
  const [first, second, third] = args.items
  switch (globalName(named)) {
    case '_codecs.encode':
      return first && isLatin1Name(second) ? bytesNode('bytes', first, budget) : undefined
    case 'builtins.bytes':
      return first ? undefined : plainNode('bytes', new Uint8Array(0), undefined)
    case 'builtins.bytearray':
      if (!first) return plainNode('bytearray', new Uint8Array(0), undefined)
      if (first.kind === 'str' && !isLatin1Name(second)) return undefined
      return bytesNode('bytearray', first, budget)
    case 'builtins.set':
    case 'builtins.frozenset':
      return setNode(named.name === 'set' ? 'set' : 'frozenset', args, budget)
    case 'builtins.getattr': {
      // Before protocol 4 a dotted name is written as getattr(the class, the rest).
      const owner = first && globalOf(first)
      if (!owner || second?.kind !== 'str' || args.items.length !== 2) return undefined
      return globalNode(owner.module, `${owner.name}.${second.view as string}`, owner.python2)
    }
    case 'copyreg.__newobj_ex__':
      // What protocol 2 has instead of NEWOBJ_EX.
      if ((first?.kind !== 'global' && first?.kind !== 'object') || second?.kind !== 'tuple' || third?.kind !== 'dict')
        return undefined
      return args.items.length === 3 ? objectNode('newobj-ex', first, second, third) : undefined
    case 'collections.OrderedDict':
      return orderedNode(callable, args, budget)
    case 'collections.defaultdict':
      if (args.items.length > 1 || (first && first.kind !== 'none' && first.kind !== 'global')) return undefined
      return containerNode('dict', NO_NODES, NO_NODES, { how: 'reduce', callable, args, keywords: undefined })
    default:
      return undefined
  }
}

function isLatin1Name(node: PickleNode | undefined): boolean {
  return (node?.kind === 'str' && (node.value === 'latin1' || node.value === 'latin-1')) || isPython2Latin1(node)
}

function isPython2Latin1(node: PickleNode | undefined): boolean {
  return node?.kind === 'str2' && /^latin-?1$/.test(String.fromCharCode(...(node.value as Uint8Array).subarray(0, 8)))
}

function bytesNode(kind: 'bytes' | 'bytearray', source: PickleNode, budget: PickleBudget): PickleNode | undefined {
  if (source.kind === 'str') {
    const text = source.view as string
    spendBytes(budget, text.length)
    const bytes = encodeLatin1(text)
    if (bytes === undefined) throw new SessionError('ERR_SESSION_PICKLE', 'the pickle has bytes above 255')
    return plainNode(kind, bytes, undefined)
  }
  if (source.kind !== 'bytes' && source.kind !== 'str2') return undefined
  const bytes = source.value as Uint8Array
  return plainNode(kind, bytes, undefined)
}

function setNode(kind: 'set' | 'frozenset', args: PickleNode, budget: PickleBudget): PickleNode | undefined {
  const [members] = args.items
  if (args.items.length > 1 || (members && members.kind !== 'list' && members.kind !== 'tuple')) return undefined
  const items = members?.items ?? []
  spendItems(budget, items.length)
  return containerNode(kind, items.slice(), NO_NODES)
}

function orderedNode(callable: PickleNode, args: PickleNode, budget: PickleBudget): PickleNode | undefined {
  const [pairs] = args.items
  const call: PickleCall = { how: 'reduce', callable, args, keywords: undefined }
  if (!pairs) return containerNode('dict', NO_NODES, NO_NODES, call)
  if (args.items.length > 1 || pairs.kind !== 'list') return undefined
  spendItems(budget, 2 * pairs.items.length)
  const entries: PickleNode[] = []
  for (const pair of pairs.items) {
    const [key, value] = pair.items
    if ((pair.kind !== 'list' && pair.kind !== 'tuple') || !key || !value || pair.items.length > 2) return undefined
    entries.push(key, value)
  }
  return containerNode('dict', NO_NODES, entries, { ...call, args: containerNode('tuple', NO_NODES, NO_NODES) })
}

type Memo = readonly (PickleNode | undefined)[]

/** A module or class name on a line of its own. @throws {SessionError} `ERR_SESSION_PICKLE` */
function nameLine(cursor: Cursor): string {
  const start = cursor.position
  const end = lineEnd(cursor)
  return decodeText(cursor.bytes, start, end) ?? decodeTextWithSurrogates(cursor.bytes, start, end)
}

/** A memo index on a line of its own. @throws {SessionError} `ERR_SESSION_PICKLE`, `ERR_SESSION_LIMIT` */
function memoIndex(cursor: Cursor): number {
  const index = Number(parseInteger(decodeLatin1(line(cursor)).trim()))
  if (index < 0) throw refused('has a malformed memo index')
  return index
}

/** Appends to what `check` accepts. */
function append(items: PickleNode[], check: (node: PickleNode) => PickleNode, top: () => PickleNode): void {
  const target = check(top())
  for (const item of items) target.items.push(item)
}

/** A list, or an object whose class may be one. @throws {SessionError} `ERR_SESSION_PICKLE` */
function appendable(node: PickleNode): PickleNode {
  if (node.kind !== 'list' && node.kind !== 'object') throw refused('appends to no list')
  if (node.items === NO_NODES) node.items = []
  return node
}

/** A set. @throws {SessionError} `ERR_SESSION_PICKLE` */
function addable(node: PickleNode): PickleNode {
  if (node.kind !== 'set') throw refused('adds to no set')
  return node
}

/** A dict, or an object whose class may be one. @throws {SessionError} `ERR_SESSION_PICKLE` */
function settable(node: PickleNode): PickleNode {
  if (node.kind !== 'dict' && node.kind !== 'object') throw refused('sets a key of no dict')
  if (node.entries === NO_NODES) node.entries = []
  return node
}

/** What the next opcode gets from the memo, if it does. */
function peekGet({ bytes, position }: Cursor, memo: Memo): PickleNode | undefined {
  if (bytes[position] === op.BINGET) return memo[bytes[position + 1] ?? -1]
  if (bytes[position] !== op.LONG_BINGET && bytes[position] !== op.GET) return undefined
  const cursor = { bytes, position: position + 1 }
  return memo[bytes[position] === op.GET ? memoIndex(cursor) : uint32(cursor)]
}

/**
 * The result of a call that is dropped at once. Where the first argument stands below, the call set the state of that object, which could
 * not be written back; but a second writing of an object that holds itself is dropped for the first one.
 */
function discard(node: PickleNode, below: PickleNode | undefined, next: PickleNode | undefined): void {
  if (node.kind !== 'object' || below === undefined || node.call?.args.items[0] !== below) return
  const { callable } = node.call
  if (next?.call?.callable !== callable) throw refused('calls a function for its effect')
}

function missing(): never {
  throw refused('refers to what is not in the memo')
}

function refused(what: string): SessionError {
  return new SessionError('ERR_SESSION_PICKLE', `the pickle ${what}`)
}

/**
 * The node of an opcode that takes nothing from the stack.
 *
 * @returns `undefined` if the opcode is another
 * @throws {SessionError} `ERR_SESSION_PICKLE`, `ERR_SESSION_LIMIT`
 */
function argumentNode(code: number, cursor: Cursor): PickleNode | undefined {
  switch (code) {
    case op.NONE:
      return scalarNode('none', null)
    case op.NEWTRUE:
      return scalarNode('bool', true)
    case op.NEWFALSE:
      return scalarNode('bool', false)
    case op.BININT:
      return scalarNode('int', int32(cursor))
    case op.BININT1:
      return scalarNode('int', uint8(cursor))
    case op.BININT2:
      return scalarNode('int', uint16(cursor))
    case op.INT: {
      const text = decodeLatin1(line(cursor)).trim()
      return text === '00' || text === '01' ? scalarNode('bool', text === '01') : scalarNode('int', parseInteger(text))
    }
    case op.LONG:
      return scalarNode('long', parseInteger(decodeLatin1(line(cursor)).trim().replace(/L$/, '')))
    case op.LONG1:
      return integerArgument(cursor, uint8(cursor))
    case op.LONG4:
      return integerArgument(cursor, uint32(cursor))
    case op.FLOAT:
      return scalarNode('float', parseFloatText(line(cursor)))
    case op.BINFLOAT:
      return scalarNode('float', float64(cursor))
    case op.STRING:
      return plainNode('str2', decodeLiteral(line(cursor)), undefined)
    case op.BINSTRING:
      return bytesArgument('str2', cursor, uint32(cursor))
    case op.SHORT_BINSTRING:
      return bytesArgument('str2', cursor, uint8(cursor))
    case op.UNICODE:
      return scalarNode('str', decodeRawUnicode(line(cursor)))
    case op.SHORT_BINUNICODE:
      return textArgument(cursor, uint8(cursor))
    case op.BINUNICODE:
      return textArgument(cursor, uint32(cursor))
    case op.BINUNICODE8:
      return textArgument(cursor, uint64(cursor))
    case op.SHORT_BINBYTES:
      return bytesArgument('bytes', cursor, uint8(cursor))
    case op.BINBYTES:
      return bytesArgument('bytes', cursor, uint32(cursor))
    case op.BINBYTES8:
      return bytesArgument('bytes', cursor, uint64(cursor))
    case op.BYTEARRAY8:
      return bytesArgument('bytearray', cursor, uint64(cursor))
    default:
      return undefined
  }
}

function textArgument(cursor: Cursor, size: number): PickleNode {
  const start = take(cursor, size)
  const text = decodeText(cursor.bytes, start, start + size)
  if (text !== undefined) return scalarNode('str', text)
  const bytes = cursor.bytes.slice(start, start + size)
  return plainNode('str', bytes, decodeTextWithSurrogates(bytes))
}

function bytesArgument(kind: PickleKind, cursor: Cursor, size: number): PickleNode {
  const start = take(cursor, size)
  const bytes = cursor.bytes.slice(start, start + size)
  return plainNode(kind, bytes, undefined)
}

function integerArgument(cursor: Cursor, size: number): PickleNode {
  const start = take(cursor, size)
  return scalarNode('long', decodeInteger(cursor.bytes, start, start + size))
}

const FLOAT_TEXT = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/

function parseFloatText(bytes: Uint8Array): number {
  const text = decodeLatin1(bytes).trim()
  if (FLOAT_TEXT.test(text)) return Number(text)
  const special = { nan: Number.NaN, inf: Number.POSITIVE_INFINITY }[text.replace(/^[+-]/, '')]
  if (special === undefined) throw new SessionError('ERR_SESSION_PICKLE', 'the pickle has a malformed float')
  return text.startsWith('-') ? -special : special
}

interface Cursor {
  readonly bytes: Uint8Array
  position: number
}

/** A cursor at the first byte. */
function cursorOf(input: Uint8Array): Cursor {
  // The `slice` of a Buffer shares its memory; what is read must not change with the input.
  const plain = input.constructor === Uint8Array
  return { bytes: plain ? input : new Uint8Array(input.buffer, input.byteOffset, input.byteLength), position: 0 }
}

/** Steps over `size` bytes. @returns if they begin. @throws {SessionError} `ERR_SESSION_PICKLE` */
function take(cursor: Cursor, size: number): number {
  const start = cursor.position
  if (size > cursor.bytes.length - start) throw new SessionError('ERR_SESSION_PICKLE', 'the pickle is cut short')
  cursor.position = start + size
  return start
}

function uint8(cursor: Cursor): number {
  return cursor.bytes[take(cursor, 1)] as number
}

function uint16(cursor: Cursor): number {
  const at = take(cursor, 2)
  return (cursor.bytes[at] as number) | ((cursor.bytes[at + 1] as number) << 8)
}

function int32(cursor: Cursor): number {
  const { bytes } = cursor
  const at = take(cursor, 4)
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  )
}

function uint32(cursor: Cursor): number {
  return int32(cursor) >>> 0
}

/** A length of eight bytes; beyond 2⁵³ it is no longer exact, but far too long anyway. */
function uint64(cursor: Cursor): number {
  const low = uint32(cursor)
  return uint32(cursor) * 4294967296 + low
}

/** Big-endian. */
function float64(cursor: Cursor): number {
  const start = take(cursor, 8)
  const { buffer, byteOffset } = cursor.bytes
  return new DataView(buffer, byteOffset + start, 8).getFloat64(0)
}

/** Steps over the next newline. @returns if it is. @throws {SessionError} `ERR_SESSION_PICKLE` */
function lineEnd(cursor: Cursor): number {
  const end = cursor.bytes.indexOf(0x0a, cursor.position)
  if (end === -1) throw new SessionError('ERR_SESSION_PICKLE', 'the pickle is cut short')
  cursor.position = end + 1
  return end
}

/** The bytes up to the next newline, which is stepped over. @throws {SessionError} `ERR_SESSION_PICKLE` */
function line(cursor: Cursor): Uint8Array {
  const start = cursor.position
  return cursor.bytes.subarray(start, lineEnd(cursor))
}
