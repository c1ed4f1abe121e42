/**
 * Writes an inert object: as it came where it was read, its parts as they are now.
 * FORMATS §7.1; one that was made here is its class or function called with its arguments.
 */
import type { PickleGlobal, PickleNode } from '../../shared/pickle/node.js'
import type { PickleObject } from '../../shared/pickle/object.js'
import * as op from '../../shared/pickle/opcodes.js'
import { putCall, putTuple } from './frame.js'
import { putItems } from './members.js'
import { putNode } from './node-writer.js'
import { writeOctet } from './output.js'
import { putGlobal } from './pickler.js'
import { putMapping, putMember, type Writing } from './writing.js'

/**
 * Writes an inert object.
 *
 * @param node - what it was read from, where it was
 */
export function putPickleObject(writing: Writing, object: PickleObject, node: PickleNode | undefined): void {
  const { pickler } = writing
  const { args } = object
  if (args === undefined && (node === undefined || node.kind === 'global')) {
    putName(writing, object, node)
    return
  }
  // As a key it is hashed as its class does, whatever it holds.
  const outer = pickler.hashable
  pickler.hashable = false
  putParts(writing, object, args ?? [], node)
  pickler.hashable = outer
}

function putParts(writing: Writing, object: PickleObject, args: unknown[], node: PickleNode | undefined): void {
  const { pickler } = writing
  const { items, entries, state } = object
  const call = node?.call
  const member = (value: unknown, index: number): void =>
    putMember(writing, `args.${index}`, value, { node: call?.args.items[index] })
  putCall(
    pickler,
    {
      how: call?.how ?? 'reduce',
      callable: () => (call === undefined ? putName(writing, object, undefined) : putNode(pickler, call.callable)),
      args: () => putTuple(pickler, args, member),
      members: () => args.forEach(member),
      keywords: () => writing.put(object.keywords ?? {}, { node: call?.keywords }),
    },
    object,
  )
  const put = (value: unknown, index: number): void =>
    putMember(writing, `items.${index}`, value, { node: node?.items[index] })
  if (items !== undefined) putItems(pickler, items, put, false)
  if (typeof entries === 'object' && entries !== null) putMapping(writing, entries, node, undefined, false)
  if (state !== undefined) {
    putMember(writing, 'state', state, { node: node?.state })
    writeOctet(pickler.output, op.BUILD)
  }
}

function putName({ pickler }: Writing, object: PickleObject, node: PickleNode | undefined): void {
  const named = node?.kind === 'global' ? (node.value as PickleGlobal) : undefined
  putGlobal(pickler, object.module, object.name, named?.python2)
}
