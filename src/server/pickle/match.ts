/**
 * Finds for each member of a set, object or `Map` the node it was read from.
 * By the same value first, then by its position, since a copy of a session has other objects.
 */
import type { PickleNode } from '../../shared/pickle/node.js'

export interface MatchedEntry {
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
export function matchEntries(value: object, node: PickleNode | undefined): MatchedEntry[] {
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
