/**
 * A value as its pickle had it: the Python type, the parts, and the identity that shared references need.
 * FORMATS §7.1; nodes are inert, nothing of them was imported, called or evaluated.
 */
import type { NeutralType, OriginNode } from '../types.js'

/**
 * The Python type. `long` is an integer that Python 2 calls long, `str2` the byte string that Python 2 calls str,
 * `global` a class or function by name, `object` whatever a call of one would make.
 */
export type PickleKind =
  | 'none'
  | 'bool'
  | 'int'
  | 'long'
  | 'float'
  | 'str'
  | 'str2'
  | 'bytes'
  | 'bytearray'
  | 'list'
  | 'tuple'
  | 'set'
  | 'frozenset'
  | 'dict'
  | 'global'
  | 'object'

export interface PickleNode {
  kind: PickleKind
  /** Of a scalar its value, of byte strings and of text with encoded surrogates the bytes, of `global` a `PickleGlobal`. */
  value: unknown
  /** Members of a list, tuple or set; what was appended to an object. */
  items: PickleNode[]
  /** Keys and values in turn, of a dict or set on an object; the last of equal keys holds. */
  entries: PickleNode[]
  /** How an object is made; of a dict: the call that made an OrderedDict or defaultdict. */
  call: PickleCall | undefined
  /** What BUILD handed to the object. */
  state: PickleNode | undefined
  /** The JavaScript view once it was made: one for each node, so that identity is kept. */
  view: unknown
  /** Values below and with this one, each counted at every place; 0 before the view was made. */
  weight: number
}

/** A class or function that a pickle names. */
export interface PickleGlobal {
  module: string
  /** Dotted where it is an attribute of another. */
  name: string
  /** The pickle is of protocol 0 to 2, which have the names of Python 2. */
  python2: boolean
}

/** The call that would make an object, by the opcode that asked for it. */
export interface PickleCall {
  how: 'reduce' | 'newobj' | 'newobj-ex' | 'obj'
  callable: PickleNode
  args: PickleNode
  keywords: PickleNode | undefined
}

/** No parts: one array for all, which the machine replaces before the first part comes. */
export const NO_NODES: PickleNode[] = []

/** A value without parts, which is its own view. */
export function scalarNode(kind: PickleKind, value: unknown): PickleNode {
  return plainNode(kind, value, value)
}

/** A value without parts; where `view` is undefined, it is made later. */
export function plainNode(kind: PickleKind, value: unknown, view: unknown): PickleNode {
  return {
    kind,
    value,
    items: NO_NODES,
    entries: NO_NODES,
    call: undefined,
    state: undefined,
    view,
    weight: 0,
  }
}

/** A list, tuple, set, frozenset or dict with its members. */
export function containerNode(
  kind: PickleKind,
  items: PickleNode[],
  entries: PickleNode[],
  call?: PickleCall,
): PickleNode {
  return {
    kind,
    value: undefined,
    items,
    entries,
    call,
    state: undefined,
    view: undefined,
    weight: 0,
  }
}

/** What a call would make. */
export function objectNode(
  how: PickleCall['how'],
  callable: PickleNode,
  args: PickleNode,
  keywords?: PickleNode,
): PickleNode {
  return containerNode('object', NO_NODES, NO_NODES, { how, callable, args, keywords })
}

/** The class or function that a node names. */
export function globalOf(node: PickleNode): PickleGlobal | undefined {
  return node.kind === 'global' ? (node.value as PickleGlobal) : undefined
}

/** `module.name` with the module names that Python 3 gives to builtins and copyreg. */
export function globalName({ module, name }: PickleGlobal): string {
  const current = module === '__builtin__' ? 'builtins' : module === 'copy_reg' ? 'copyreg' : module
  return `${current}.${name}`
}

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
