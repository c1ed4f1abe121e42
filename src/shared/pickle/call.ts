/**
 * What a call in a pickle would make: containers and octets of well-known functions, an inert object of all others.
 * FORMATS §7.1; nothing is looked up anywhere, a name is only compared.
 */
import { SessionError } from '../errors.js'
import { MAX_PICKLE_NAME, type PickleBudget, spendItems, spendOctets } from './limits.js'
import {
  containerNode,
  globalName,
  globalOf,
  NO_NODES,
  objectNode,
  type PickleCall,
  type PickleGlobal,
  type PickleNode,
  plainNode,
} from './node.js'
import { encodeLatin1 } from './text.js'

/**
 * The value of REDUCE, NEWOBJ, NEWOBJ_EX, OBJ and INST.
 *
 * @param how - which of them; only REDUCE makes a container
 * @param callable - what would be called: a global, or the result of another call
 * @param args - a tuple
 * @param budget - what copies may cost
 * @throws {SessionError} `ERR_SESSION_PICKLE`, `ERR_SESSION_LIMIT`
 */
export function callNode(
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
export function globalNode(module: string, name: string, python2: boolean): PickleNode {
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
      return first && latin1Name(second) ? octetsNode('bytes', first, budget) : undefined
    case 'builtins.bytes':
      return first ? undefined : plainNode('bytes', new Uint8Array(0), undefined)
    case 'builtins.bytearray':
      if (!first) return plainNode('bytearray', new Uint8Array(0), undefined)
      if (first.kind === 'str' && !latin1Name(second)) return undefined
      return octetsNode('bytearray', first, budget)
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

function latin1Name(node: PickleNode | undefined): boolean {
  return (node?.kind === 'str' && (node.value === 'latin1' || node.value === 'latin-1')) || isLatin1Of2(node)
}

function isLatin1Of2(node: PickleNode | undefined): boolean {
  return node?.kind === 'str2' && /^latin-?1$/.test(String.fromCharCode(...(node.value as Uint8Array).subarray(0, 8)))
}

function octetsNode(kind: 'bytes' | 'bytearray', source: PickleNode, budget: PickleBudget): PickleNode | undefined {
  if (source.kind === 'str') {
    const text = source.view as string
    spendOctets(budget, text.length)
    const octets = encodeLatin1(text)
    if (octets === undefined) throw new SessionError('ERR_SESSION_PICKLE', 'the pickle has octets above 255')
    return plainNode(kind, octets, undefined)
  }
  if (source.kind !== 'bytes' && source.kind !== 'str2') return undefined
  const octets = source.value as Uint8Array
  return plainNode(kind, octets, undefined)
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
