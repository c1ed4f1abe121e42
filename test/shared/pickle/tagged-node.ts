/**
 * Nodes of a pickle as tagged JSON (FORMATS §0), to compare with what Python says of the same pickle.
 * A mutable value that comes again is {"$ref": n}, its number in the order of first sight.
 */
import { Buffer } from 'node:buffer'
import { classOf, datetimeParts } from '../../../src/shared/pickle/known.js'
import { globalName, type PickleGlobal, type PickleNode } from '../../../src/shared/pickle/node.js'
import {
  PythonComplex,
  PythonDate,
  PythonDecimal,
  PythonTime,
  PythonTimedelta,
  PythonTimezone,
  PythonUuid,
} from '../../../src/shared/pickle/values.js'

export type Tagged = null | boolean | string | number | Tagged[] | { [tag: string]: Tagged | undefined }

/** Tags a node whose view was made. */
export function taggedNode(root: PickleNode): Tagged {
  const seen = new Map<PickleNode, number>()
  const again = (node: PickleNode): Tagged | undefined => {
    const number = seen.get(node)
    if (number !== undefined) return { $ref: number }
    seen.set(node, seen.size)
    return undefined
  }
  const list = (nodes: PickleNode[]): Tagged[] => nodes.map(tag)
  const pairs = ({ entries }: PickleNode): Tagged[] => {
    // Of equal keys the first one stays, with the last value.
    const found = new Map<unknown, [PickleNode, PickleNode]>()
    entries.forEach((key, at) => {
      if (at % 2 === 1) return
      found.set(key.view, [found.get(key.view)?.[0] ?? key, entries[at + 1] as PickleNode])
    })
    return [...found.values()].map(([key, value]) => [tag(key), tag(value)])
  }

  function tag(node: PickleNode): Tagged {
    switch (node.kind) {
      case 'none':
      case 'bool':
      case 'str':
      case 'str2':
        return node.view as Tagged
      case 'int':
      case 'long':
        return { $int: String(node.value) }
      case 'float':
        return floatTag(node.value as number)
      case 'bytes':
        return { $bytes: Buffer.from(node.value as Uint8Array).toString('base64') }
      case 'bytearray':
        return again(node) ?? { $bytearray: Buffer.from(node.value as Uint8Array).toString('base64') }
      case 'list':
        return again(node) ?? list(node.items)
      case 'tuple':
        return { $tuple: list(node.items) }
      case 'set':
        return again(node) ?? { $set: sorted(list(node.items)) }
      case 'frozenset':
        return { $frozenset: sorted(list(node.items)) }
      case 'dict': {
        const known = again(node)
        if (known !== undefined) return known
        const name = classOf(node)?.name
        if (name === undefined) return { $dict: pairs(node) }
        if (name === 'OrderedDict') return { $odict: pairs(node) }
        return { $defaultdict: pairs(node) }
      }
      case 'global':
        return {
          $global: PYTHON3_NAMES[globalName(node.value as PickleGlobal)] ?? globalName(node.value as PickleGlobal),
        }
      default:
        return objectTag(node)
    }
  }

  function objectTag(node: PickleNode): Tagged {
    const parts = datetimeParts(node, (part) => part.view)
    if (parts !== undefined) {
      const { year, month, day, hour, minute, second, microsecond, fold } = parts.fields
      const clock = `${pad(hour)}:${pad(minute)}:${pad(second)}.${pad(microsecond, 6)}`
      const local = new Date(Date.UTC(2000, 0, 1, hour, minute, second, Math.floor(microsecond / 1000)))
      local.setUTCFullYear(year, month - 1, day)
      return {
        $datetime: `${pad(year, 4)}-${pad(month)}-${pad(day)}T${clock}`,
        ...(parts.zone && { offset_s: offsetOf(parts.zone.view, local.getTime() - parts.time) }),
        ...(fold === 1 && { fold: 1 }),
      }
    }
    const { view } = node
    if (view instanceof PythonDate) return { $date: String(view) }
    if (view instanceof PythonTime) return timeTag(view)
    if (view instanceof PythonTimedelta) return { $timedelta: [view.days, view.seconds, view.microseconds] }
    if (view instanceof PythonTimezone) return { $timezone: view.offset ?? view.zone ?? null }
    if (view instanceof PythonDecimal) return { $decimal: view.text }
    if (view instanceof PythonUuid) return { $uuid: view.text }
    if (view instanceof PythonComplex) return { $complex: [floatTag(view.real), floatTag(view.imaginary)] }
    return again(node) ?? instanceTag(node)
  }

  /** An instance of the classes that python/pickles.py makes, by whichever way its protocol took. */
  function instanceTag(node: PickleNode): Tagged {
    const named = classOf(node) ?? partialClass(node)
    const own = named === undefined ? '?' : globalName(named)
    const name = PYTHON3_NAMES[own] ?? own
    const args = node.call?.args.items ?? []
    // Protocols 0 and 1: copyreg._reconstructor(class, base, what the base is made of).
    const base = node.call?.how === 'reduce' && classOf(node) !== node.call.callable.value ? args[2] : undefined
    const made = base ?? args[0]
    if (name.endsWith('.Point')) return { $namedtuple: name, items: list(base?.items ?? args) }
    const tagged: { [tag: string]: Tagged } = { $instance: name }
    if (/\.My(?:Int|Str)$/.test(name) && made) tagged.value = tag(made)
    const before = name.endsWith('.deque') ? args[0] : base
    if (/\.(?:MyList|deque)$/.test(name)) tagged.items = list([...(before?.items ?? []), ...node.items])
    if (name.endsWith('.MyDict')) tagged.entries = [...(base ? pairs(base) : []), ...pairs(node)]
    tagged.state = stateTag(node.state, name)
    return tagged
  }

  function stateTag(state: PickleNode | undefined, name: string): Tagged {
    if (state === undefined) return { $dict: [] }
    const second = state.kind === 'tuple' ? state.items[1] : undefined
    if (second === undefined) return { $dict: pairs(state) }
    return { $dict: name.endsWith('.WithState') ? [['value', tag(second)]] : pairs(second) }
  }
  return tag(root)
}

/** What Python 3 calls them again. */
const PYTHON3_NAMES: Record<string, string> = {
  'builtins.long': 'builtins.int',
  'builtins.unicode': 'builtins.str',
  'exceptions.OSError': 'builtins.OSError',
}

/** Before protocol 4 keywords go through functools.partial(class.__new__, class, …)(). */
function partialClass(node: PickleNode): PickleGlobal | undefined {
  return node.call?.callable.state?.items[1]?.items[0]?.value as PickleGlobal | undefined
}

function offsetOf(zone: unknown, milliseconds: number): number {
  return (zone instanceof PythonTimezone ? zone.offset : undefined) ?? milliseconds / 1000
}

function timeTag(view: PythonTime): Tagged {
  const clock = `${pad(view.hour)}:${pad(view.minute)}:${pad(view.second)}.${pad(view.microsecond, 6)}`
  const zone = view.timezone
  return {
    $time: clock,
    ...(zone instanceof PythonTimezone && { zone: zone.offset ?? zone.zone ?? null }),
    ...(view.fold === 1 && { fold: 1 }),
  }
}

/** A float as {"$float": text}: what JavaScript prints, since that is exact too. */
function floatTag(value: number): Tagged {
  return { $float: Object.is(value, -0) ? '-0' : String(value) }
}

/** Tagged JSON of Python in the same words: floats as JavaScript prints them. */
export function normalized(tagged: Tagged): Tagged {
  if (typeof tagged !== 'object' || tagged === null) return tagged
  if (Array.isArray(tagged)) return tagged.map(normalized)
  if (typeof tagged.$float === 'string') {
    const text = tagged.$float
    return floatTag(Number(text.replace('inf', 'Infinity')))
  }
  const result = Object.fromEntries(
    Object.entries(tagged).map(([key, value]) => [
      key,
      key === '$complex' ? complexParts(value) : normalized(value ?? null),
    ]),
  )
  delete result.factory
  if (result.$datetime !== undefined) delete result.zone
  if (result.$set !== undefined) result.$set = sorted(result.$set as Tagged[])
  if (result.$frozenset !== undefined) result.$frozenset = sorted(result.$frozenset as Tagged[])
  return result
}

function complexParts(parts: Tagged | undefined): Tagged {
  return (parts as Tagged[]).map((part) => normalized(typeof part === 'string' ? { $float: part } : part))
}

function sorted(tagged: Tagged[]): Tagged[] {
  return tagged.sort((first, second) => (JSON.stringify(first) < JSON.stringify(second) ? -1 : 1))
}

function pad(number: number, digits = 2): string {
  return String(number).padStart(digits, '0')
}
