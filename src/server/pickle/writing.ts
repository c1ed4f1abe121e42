/**
 * One writing of a pickle: where values stood, and the members of those that hold others.
 * FORMATS §7.1.
 */
import type { PickleNode } from '../../shared/pickle/node.js'
import type { OriginNode } from '../../shared/types.js'
import { matchEntries } from './match.js'
import { putEntries } from './members.js'
import type { Pickler } from './pickler.js'

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
