/**
 * Writes what was read exactly as it was, from its node alone, as protocol 2.
 * FORMATS §7.1; payloads and texts of Python 2 by §7.3.
 */

import { classOf } from '../../shared/pickle/known.js'
import { MAX_PICKLE_DEPTH } from '../../shared/pickle/limits.js'
import { globalName, type PickleCall, type PickleGlobal, type PickleNode } from '../../shared/pickle/node.js'
import * as op from '../../shared/pickle/opcodes.js'
import { decodeLatin1 } from '../../shared/pickle/text.js'
import { putCall, putMembers, putTuple } from './frame.js'
import { putEntries, putItems } from './members.js'
import { writeFloat, writeOctet, writeOctets, writeUint32 } from './output.js'
import {
  isAscii,
  memoize,
  type Pickler,
  putGlobal,
  putInteger,
  putOctets,
  putString,
  putText,
  recall,
  unwritable,
} from './pickler.js'

/** Parts that no view shows, as the zone inside a datetime, lie a few levels deeper than what it counts. */
const MAX_NODE_DEPTH = 4 * MAX_PICKLE_DEPTH

/**
 * Writes a node and all below it.
 *
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` for what the reader's Python lacks
 */
export function putNode(pickler: Pickler, node: PickleNode): void {
  if (putScalar(pickler, node)) return
  if (recall(pickler, pickler.memo, memoKey(node))) return
  if (pickler.depth >= MAX_NODE_DEPTH) throw unwritable(pickler, 'what is nested so deeply')
  pickler.depth++
  putContainer(pickler, node)
  pickler.depth--
}

/** What the memo knows a node by: the object that its reader made of it, which stands in the session too. */
export function memoKey(node: PickleNode): object {
  return typeof node.view === 'object' && node.view !== null ? node.view : node
}

/** A node that has no parts. @returns false where it has */
export function putScalar(pickler: Pickler, node: PickleNode): boolean {
  switch (node.kind) {
    case 'none':
      writeOctet(pickler.output, op.NONE)
      return true
    case 'bool':
      writeOctet(pickler.output, node.value === true ? op.NEWTRUE : op.NEWFALSE)
      return true
    case 'int':
    case 'long':
      putInteger(pickler, node.value as number | bigint, node.kind)
      return true
    case 'float':
      writeFloat(pickler.output, node.value as number)
      return true
    case 'str':
      if (node.value instanceof Uint8Array) putSurrogates(pickler, node)
      else putText(pickler, node.view as string)
      return true
    case 'str2':
      putPython2String(pickler, node)
      return true
    case 'global': {
      const { module, name, python2 } = node.value as PickleGlobal
      putGlobal(pickler, module, name, python2)
      return true
    }
    default:
      return false
  }
}

/** The call of a node, with all its parts as they came. */
export function putNodeCall(pickler: Pickler, node: PickleNode, key: unknown): void {
  const call = node.call as PickleCall
  const { callable, args, keywords } = call
  const payload = args.items[0]
  // Python 3 would decode the payload as text: what Python 2 wrote for its own datetime goes as octets.
  const isClock = payload?.kind === 'str2' && !pickler.python2 && isClockNode(node)
  const put = (item: PickleNode): void => {
    if (isClock && item === payload) putPayload(pickler, item)
    else putNode(pickler, item)
  }
  putCall(
    pickler,
    {
      how: call.how,
      callable: () => putNode(pickler, callable),
      args: () => {
        if (!recall(pickler, pickler.memo, args)) putTuple(pickler, args.items, put, args)
      },
      members: () => args.items.forEach(put),
      keywords: () => {
        if (keywords !== undefined) putNode(pickler, keywords)
      },
    },
    key,
  )
}

/** Octets with an identity: bytes, or a bytearray around bytes. */
export function putBytes(pickler: Pickler, kind: 'bytes' | 'bytearray', octets: Uint8Array, key: unknown): void {
  if (recall(pickler, pickler.memo, key)) return
  if (kind === 'bytearray') {
    putGlobal(pickler, 'builtins', 'bytearray')
    if (octets.length > 0) {
      putOctets(pickler, octets, decodeLatin1(octets))
      memoize(pickler)
      writeOctet(pickler.output, op.TUPLE1)
      memoize(pickler)
    } else writeOctet(pickler.output, op.EMPTY_TUPLE)
    writeOctet(pickler.output, op.REDUCE)
  } else putOctets(pickler, octets, decodeLatin1(octets))
  memoize(pickler, pickler.memo, key)
}

function putContainer(pickler: Pickler, node: PickleNode): void {
  const { output } = pickler
  const key = memoKey(node)
  const put = (item: PickleNode): void => putNode(pickler, item)
  switch (node.kind) {
    case 'bytes':
    case 'bytearray':
      putBytes(pickler, node.kind, node.value as Uint8Array, key)
      return
    case 'tuple':
      putTuple(pickler, node.items, put, key)
      return
    case 'set':
    case 'frozenset':
      putMembers(pickler, node.kind, node.items, put, key)
      return
    case 'list':
      writeOctet(output, op.EMPTY_LIST)
      memoize(pickler, pickler.memo, key)
      putItems(pickler, node.items, put, true)
      return
    default:
      if (node.call === undefined) {
        writeOctet(output, op.EMPTY_DICT)
        memoize(pickler, pickler.memo, key)
      } else putNodeCall(pickler, node, key)
      putItems(pickler, node.items, put, false)
      putEntries(
        pickler,
        pairsOf(node),
        ([name, value]) => {
          put(name)
          put(value)
        },
        node.call === undefined,
      )
      if (node.state !== undefined) {
        put(node.state)
        writeOctet(output, op.BUILD)
      }
  }
}

function pairsOf({ entries }: PickleNode): [PickleNode, PickleNode][] {
  const pairs: [PickleNode, PickleNode][] = []
  for (let at = 0; at < entries.length; at += 2) {
    pairs.push([entries[at] as PickleNode, entries[at + 1] as PickleNode])
  }
  return pairs
}

function isClockNode(node: PickleNode): boolean {
  const named = classOf(node)
  return named !== undefined && /^datetime\.(?:datetime|date|time)$/.test(globalName(named))
}

function putPayload(pickler: Pickler, node: PickleNode): void {
  const octets = node.value as Uint8Array
  putOctets(pickler, octets, decodeLatin1(octets))
  memoize(pickler)
}

function putPython2String(pickler: Pickler, node: PickleNode): void {
  const octets = node.value as Uint8Array
  if (pickler.python2 || isAscii(octets)) putString(pickler, octets)
  // Python 3 reads no other byte string: it becomes the text it was read as.
  else putText(pickler, (node.view as string | undefined) ?? decodeLatin1(octets))
}

function putSurrogates(pickler: Pickler, node: PickleNode): void {
  if (recall(pickler, pickler.memo, node)) return
  const octets = node.value as Uint8Array
  writeOctet(pickler.output, op.BINUNICODE)
  writeUint32(pickler.output, octets.length)
  writeOctets(pickler.output, octets)
  memoize(pickler, pickler.memo, node)
}
