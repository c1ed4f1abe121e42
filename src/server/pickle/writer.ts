/**
 * Writes a session as a pickle of protocol 2, which Beaker reads on Python 3 and, as an option, on Python 2.
 * FORMATS §7; docs/pickle.md has the table of types.
 */
import type { PickleNode } from '../../shared/pickle/node.js'
import * as op from '../../shared/pickle/opcodes.js'
import type { PickleOrigin } from '../../shared/pickle/origin.js'
import type { OriginNode, SessionData } from '../../shared/types.js'
import { writeOctet } from './output.js'
import { createPickler } from './pickler.js'
import { putValue } from './value-writer.js'
import type { Writing } from './writing.js'

export interface WritePickleOptions {
  /** Where the data came from; untouched values keep the type they had there. */
  origin?: OriginNode
  /** What another format says of values that the origin does not know: `double` makes a float. Default: the origin. */
  types?: OriginNode
  /** A Python 2 shall read it too; what only Python 3 has is refused. Default false. */
  python2?: boolean
}

/**
 * Writes a session.
 *
 * A value that its origin knows goes back as it came: tuple, float, timedelta, microseconds, unknown classes, shared
 * and recursive references. Equal bytes are not promised where Python itself would not: text is written once for each
 * content, and the order of a set is the one it was read in.
 *
 * @param data - the session; members that are `undefined` are left out
 * @param options - its origin, and who shall read it
 * @returns the pickle, ending with STOP
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path of a value that has no mapping
 */
export function writePickle(data: SessionData, options: WritePickleOptions = {}): Uint8Array<ArrayBuffer> {
  const { origin, types = origin, python2 = false } = options
  const pickler = createPickler(python2)
  const root = isPickleOrigin(origin) ? origin.raw : undefined
  let nodes: Map<object, PickleNode> | undefined
  const nodeOf = (value: object): PickleNode | undefined => {
    nodes ??= nodesByView(root)
    return nodes.get(value)
  }
  writeOctet(pickler.output, op.PROTO)
  writeOctet(pickler.output, 2)
  const writing: Writing = { pickler, nodeOf, put: (value, place) => putValue(writing, value, place) }
  writing.put(data, { node: root, foreign: types })
  writeOctet(pickler.output, op.STOP)
  return pickler.output.bytes.slice(0, pickler.output.length)
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
