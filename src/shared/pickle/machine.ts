/**
 * The stack machine of pickle: opcodes in, one node out. It builds nodes and does nothing else.
 * FORMATS §7.1, §7.2; persistent ids, extension codes and out-of-band buffers are refused.
 */
import { SessionError } from '../errors.js'
import { argumentNode } from './argument.js'
import { callNode, globalNode } from './call.js'
import { cursorOf, octet, uint32, uint64 } from './cursor.js'
import { type PickleBudget, type PickleLimits, spendItems } from './limits.js'
import { containerNode, NO_NODES, type PickleNode } from './node.js'
import * as op from './opcodes.js'
import {
  addable,
  append,
  appendable,
  discard,
  memoIndex,
  missing,
  name,
  peekGet,
  refused,
  settable,
} from './operands.js'

export interface FinishedPickle {
  root: PickleNode
  /** Behind its STOP. */
  end: number
}

/**
 * Runs a pickle. What follows its STOP is ignored, as Python does.
 *
 * @param bytes - the pickle, of any protocol from 0 to 5
 * @param limits - of octets, values and memo
 * @param budget - the values and octets that are left; reading the view goes on spending it
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
    code = octet(cursor)
    switch (code) {
      case op.STOP:
        return { root: pop(), end: cursor.position }
      case op.PROTO:
        protocol = octet(cursor)
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
        put(octet(cursor))
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
        stack.push(get(octet(cursor)))
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
        const module = name(cursor)
        return globalNode(module, name(cursor), protocol < 3)
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
        const module = name(cursor)
        const named = globalNode(module, name(cursor), protocol < 3)
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
