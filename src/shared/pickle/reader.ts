/**
 * Reads a pickle of protocols 0 to 5 from Python 2 or 3 without importing, calling or evaluating anything.
 * FORMATS §7; docs/pickle.md has the table of views.
 */
import { SessionError } from '../errors.js'
import { decimalCost, knownView, namedZone } from './known.js'
import { runPickle } from './machine.js'
import { type PickleGlobal, type PickleNode, type PickleOrigin, pickleOrigin } from './node.js'
import { PickleObject } from './object.js'
import { MAX_PICKLE_ZONES, type PickleBudget, type PickleLimits, pickleLimits, spendBytes } from './opcodes.js'
import { decodeLatin1, decodeText } from './text.js'

export interface ReadPickleOptions {
  /**
   * How byte strings of Python 2 are read.
   *
   * @defaultValue `ascii`, as Beaker on Python 3 does
   */
  encoding?: Python2Encoding
  /** Each defaults to the constant of its name in `limits`. */
  limits?: Partial<PickleLimits>
}

export interface PickleDocument {
  /** The JavaScript view. */
  readonly value: unknown
  /** What each value was in Python. */
  readonly root: PickleNode
  /** The same for writers: ours goes by the nodes, others by the neutral types. */
  readonly origin: PickleOrigin
  /** Where it ended: bytes from here on were ignored. */
  readonly end: number
}

/**
 * Reads a pickle into plain values.
 *
 * Proves nothing about who wrote it; verify its signature first. Classes it does not know become `PickleObject`.
 * Shared and recursive references keep their identity, so the value may hold cycles.
 *
 * @param bytes - the pickle; bytes behind its STOP are ignored
 * @param options - the encoding of Python 2 text, and limits
 * @returns the view and where it came from
 * @throws {SessionError} `ERR_SESSION_PICKLE`, `ERR_SESSION_LIMIT`
 * @throws {TypeError} an unknown encoding, or a limit that is no positive integer
 */
export function readPickle(bytes: Uint8Array, options: ReadPickleOptions = {}): PickleDocument {
  const { encoding = 'ascii' } = options
  if (encoding !== 'ascii' && encoding !== 'utf-8' && encoding !== 'latin1') {
    throw new TypeError("encoding must be 'ascii', 'utf-8' or 'latin1'")
  }
  const limits = pickleLimits(options.limits)
  if (bytes.length > limits.bytes) throw new SessionError('ERR_SESSION_LIMIT', 'the pickle is too long')
  const budget = { items: limits.items, bytes: limits.bytes }
  const { root, end } = runPickle(bytes, limits, budget)
  const value = viewOf(root, { encoding, limits, budget, zones: new Set() })
  return { value, root, origin: pickleOrigin(root), end }
}

/** How byte strings of Python 2 are read: `ascii` as Beaker on Python 3 does, which refuses all others. */
export type Python2Encoding = 'ascii' | 'utf-8' | 'latin1'

interface ViewContext {
  encoding: Python2Encoding
  limits: PickleLimits
  budget: PickleBudget
  /** The zones by name that datetimes are in. */
  zones: Set<string>
}

/**
 * The view of a node; asked again, the same value.
 *
 * @param node - what the machine made
 * @param depth - containers around it
 * @throws {SessionError} `ERR_SESSION_PICKLE` for text that is not of the encoding, `ERR_SESSION_LIMIT`
 */
function viewOf(node: PickleNode, context: ViewContext, depth = 0): unknown {
  if (node.view !== undefined) return node.view
  if (node.kind === 'str2') {
    node.view = python2Text(node.value as Uint8Array, context.encoding)
    return node.view
  }
  if (node.kind === 'bytes' || node.kind === 'bytearray') {
    const bytes = node.value as Uint8Array
    spendBytes(context.budget, bytes.length)
    // A copy: a change of the view must not change what was read.
    node.view = bytes.slice()
    return node.view
  }
  if (depth >= context.limits.depth) throw new SessionError('ERR_SESSION_LIMIT', 'the pickle is nested too deeply')
  node.weight = 1
  const member = (child: PickleNode): unknown => {
    const view = viewOf(child, context, depth + 1)
    node.weight += child.weight || 1
    if (node.weight > context.limits.expanded) {
      throw new SessionError('ERR_SESSION_LIMIT', 'the pickle holds too many values')
    }
    return view
  }
  switch (node.kind) {
    case 'list':
    case 'tuple': {
      const array: unknown[] = []
      node.view = array
      for (const item of node.items) array.push(member(item))
      return array
    }
    case 'set':
    case 'frozenset': {
      const set = new Set<unknown>()
      node.view = set
      for (const item of node.items) set.add(member(item))
      return set
    }
    case 'dict':
      return fill(node, member, (view) => {
        node.view = view
      })
    case 'global': {
      const { module, name } = node.value as PickleGlobal
      node.view = new PickleObject({ module, name }, node)
      return node.view
    }
    default:
      return objectView(node, member, context)
  }
}

function objectView(node: PickleNode, member: (child: PickleNode) => unknown, context: ViewContext): unknown {
  spendBytes(context.budget, decimalCost(node))
  const known = knownView(node, member)
  spendZone(context, node)
  if (known !== undefined) {
    node.view = known
    return known
  }
  // A part that refers to this object, as a zone that knows its own datetimes, has made the view by now.
  if (node.view !== undefined) return node.view
  const call = node.call as NonNullable<PickleNode['call']>
  const object = new PickleObject({ ...nameOf(node, context), args: [] }, node)
  node.view = object
  for (const arg of call.args.items) object.args?.push(member(arg))
  if (call.keywords !== undefined) object.keywords = member(call.keywords)
  if (node.items.length > 0) {
    const items: unknown[] = []
    object.items = items
    for (const item of node.items) items.push(member(item))
  }
  if (node.entries.length > 0) {
    fill(node, member, (view) => {
      object.entries = view
    })
  }
  if (node.state !== undefined) object.state = member(node.state)
  return object
}

/** What the runtime's formatter costs for one datetime, in bytes of text that could be converted instead. */
const ZONE_COST = 64

/** @throws {SessionError} `ERR_SESSION_LIMIT` if too many datetimes are in zones by name, or in too many zones */
function spendZone({ budget, zones }: ViewContext, node: PickleNode): void {
  const zone = namedZone(node)
  if (zone === undefined) return
  spendBytes(budget, ZONE_COST)
  zones.add(zone)
  if (zones.size > MAX_PICKLE_ZONES) throw new SessionError('ERR_SESSION_LIMIT', 'the pickle has too many time zones')
}

/** An object where all keys are text, otherwise a `Map`; handed to `keep` before its members, for those that refer to it. */
function fill(node: PickleNode, member: (child: PickleNode) => unknown, keep: (view: object) => void): object {
  const { entries } = node
  let textual = true
  for (let at = 0; at < entries.length && textual; at += 2) {
    const { kind } = entries[at] as PickleNode
    textual = kind === 'str' || kind === 'str2'
  }
  if (textual) {
    const object: Record<string, unknown> = {}
    keep(object)
    for (let at = 0; at < entries.length; at += 2) {
      const key = member(entries[at] as PickleNode) as string
      const value = member(entries[at + 1] as PickleNode)
      if (key === '__proto__') {
        Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
      } else object[key] = value
    }
    return object
  }
  const map = new Map<unknown, unknown>()
  keep(map)
  for (let at = 0; at < entries.length; at += 2) {
    const key = member(entries[at] as PickleNode)
    map.set(key, member(entries[at + 1] as PickleNode))
  }
  return map
}

/** The name to show: of what a call would call, with `()` where that is itself the result of a call. */
function nameOf(node: PickleNode, context: ViewContext): PickleGlobal {
  let callable = node
  for (let calls = 0; calls <= context.limits.depth; calls++) {
    callable = (callable.call as NonNullable<PickleNode['call']>).callable
    if (callable.kind === 'object') continue
    const { module, name, python2 } = callable.value as PickleGlobal
    return { module, name: calls === 0 ? name : `${name}()`, python2 }
  }
  throw new SessionError('ERR_SESSION_LIMIT', 'the pickle is nested too deeply')
}

function python2Text(bytes: Uint8Array, encoding: Python2Encoding): string {
  if (encoding === 'latin1') return decodeLatin1(bytes)
  const text = decodeText(bytes, 0, bytes.length)
  if (text === undefined || (encoding === 'ascii' && text.length !== bytes.length)) {
    throw new SessionError('ERR_SESSION_PICKLE', `the pickle has a Python 2 byte string that is no ${encoding} text`)
  }
  return text
}
