/**
 * A pickle in the words that no format owns, so that another codec keeps 1.0 a double.
 * `raw` is the node, which the pickle writer goes by.
 */
import type { NeutralType, OriginNode } from '../types.js'
import type { PickleNode } from './node.js'

/** The origin of a pickled value. */
export interface PickleOrigin extends OriginNode {
  readonly format: 'pickle'
  readonly raw: PickleNode
  keys(): Iterable<string>
  child(key: string): PickleOrigin | undefined
}

/**
 * The origin of a node whose view was made.
 *
 * @param node - of a document; what other codecs can't hold, as a set, has no children
 */
export function pickleOrigin(node: PickleNode): PickleOrigin {
  let children: Map<string, PickleNode> | undefined
  const members = (): Map<string, PickleNode> => {
    children ??= membersOf(node)
    return children
  }
  const type = neutralType(node)
  const confined = confinement(node)
  const origin: PickleOrigin = {
    format: 'pickle',
    value: node.view,
    raw: node,
    keys: () => members().keys(),
    child(key) {
      const child = members().get(key)
      return child && pickleOrigin(child)
    },
  }
  return { ...origin, ...(type && { type }), ...(confined && { confined }) }
}

function neutralType({ kind }: PickleNode): NeutralType | undefined {
  if (kind === 'float') return 'double'
  return kind === 'int' || kind === 'long' ? 'integer' : undefined
}

/**
 * What pymongo refuses, too. It makes a list of a tuple, a document of an OrderedDict or defaultdict, UTC in milliseconds of any
 * datetime, as a writer does that knows nothing of Python.
 */
function confinement(node: PickleNode): string | undefined {
  switch (node.kind) {
    case 'set':
    case 'frozenset':
    case 'bytearray':
      return `a ${node.kind} of Python`
    case 'dict':
      return node.view instanceof Map ? 'a dict with keys that are no text' : undefined
    case 'global':
      return 'a class or function of Python'
    case 'object':
      if (!(node.view instanceof Date)) return 'an object of Python'
      return isPythonTime(node.view) ? undefined : 'a datetime that has no year in UTC'
    default:
      return undefined
  }
}

/** Python has the years 1 to 9999, and its reader of BSON fails on any other. */
function isPythonTime(date: Date): boolean {
  const time = date.getTime()
  return time >= -62_135_596_800_000 && time < 253_402_300_800_000
}

function membersOf(node: PickleNode): Map<string, PickleNode> {
  const members = new Map<string, PickleNode>()
  if (node.kind === 'list' || node.kind === 'tuple') {
    for (const [index, item] of node.items.entries()) members.set(String(index), item)
  } else if (node.kind === 'dict') {
    for (let at = 0; at < node.entries.length; at += 2) {
      const key = (node.entries[at] as PickleNode).view
      if (typeof key === 'string') members.set(key, node.entries[at + 1] as PickleNode)
    }
  }
  return members
}
