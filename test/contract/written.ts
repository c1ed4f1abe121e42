/**
 * Random sessions as applications make them, and what must be equal after a session was written and read: whatever is written can be
 * read, or it is refused. Holes, getters, proxies, circles, shared objects, other realms, and lists of four billion holes among them.
 */
import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect } from 'vitest'
import { isSessionError, type SessionData } from '../../src/server/index.js'

/** How to build a value; a value itself may be a circle, or throw, and could not be printed. */
export type Recipe =
  | { make: 'leaf'; value: unknown }
  | { make: 'special'; name: string }
  | { make: 'list'; items: Recipe[]; holes: number[] }
  | { make: 'object'; members: [string, Recipe][]; how: string }
  | { make: 'shared'; item: Recipe; times: number }
  | { make: 'nested'; item: Recipe; levels: number }
  | { make: 'circle' }

/** What a value of the application throws. */
export const BOOM: Error = new Error('swordfish: thrown by the application')

const foreign = (code: string): unknown => runInNewContext(code)

/** workerd has one realm only. */
function hasOtherRealms(): boolean {
  try {
    return foreign('true') === true
  } catch {
    return false
  }
}

class Money {
  amount = 5
  toJSON(): unknown {
    return { amount: this.amount }
  }
}

class Cart extends Array<unknown> {
  override join(): string {
    return 'swordfish'
  }
  override map(): never[] {
    return []
  }
  override [Symbol.iterator](): ArrayIterator<unknown> {
    return [][Symbol.iterator]()
  }
}

const doubled = (levels: number): unknown => {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = [value, value]
  return value
}

function throwing(): never {
  throw BOOM
}

/** Made anew each time. */
const SPECIALS: Record<string, () => unknown> = {
  date: () => new Date(1_700_000_000_123),
  'an invalid date': () => new Date(Number.NaN),
  'a date of the year 12 000': () => new Date(Date.UTC(12_000, 0)),
  bytes: () => Uint8Array.of(0, 255, 128),
  'a set': () => new Set([1, 'a']),
  'a map': () => new Map([['a', 1]]),
  'a map with a number': () => new Map<unknown, unknown>([[1, 'one']]),
  'a regular expression': () => /a.b/i,
  'a function': () => () => 'swordfish',
  'a symbol': () => Symbol('swordfish'),
  'a large bigint': () => 2n ** 60n,
  'a huge bigint': () => -(2n ** 70n),
  'a class': () =>
    new (class Point {
      x = 1
    })(),
  'a class with a symbol for a name': () =>
    Reflect.construct(Object.defineProperty(class {}, 'name', { value: Symbol('swordfish') }), []),
  'a class with toJSON': () => new Money(),
  'a list with its own methods': () => Cart.from([1, 2, 3]),
  'toJSON of an object': () => ({ toJSON: () => ({ seen: true }) }),
  'toJSON of undefined': () => ({ toJSON: () => undefined }),
  'toJSON that throws': () =>
    new (class {
      toJSON = throwing
    })(),
  'a getter that throws': () => ({
    get broken() {
      return throwing()
    },
  }),
  'a proxy that throws': () => new Proxy({ a: 1 }, { get: throwing }),
  'a proxy without keys': () => new Proxy({ a: 1 }, { ownKeys: throwing }),
  'a fake id': () => Object.assign(Object.create({ _bsontype: 'ObjectId' }), { id: 'swordfish' }),
  'a fake double': () => Object.assign(Object.create({ _bsontype: 'Double' }), { value: Symbol('swordfish') }),
  'a fake program': () => Object.assign(Object.create({ _bsontype: 'Code' }), { code: Symbol('swordfish') }),
  'a fake date': () => ({ [Symbol.toStringTag]: 'Date', getTime: () => 1.5 }),
  'four billion holes': () => new Array(2 ** 32 - 1),
  'a late item': () => {
    const list: unknown[] = []
    list[2 ** 32 - 2] = 1
    return list
  },
  '600 000 holes': () => new Array(600_000),
  '70 000 numbers': () => Array.from({ length: 70_000 }, (_, index) => index % 10),
  '120 000 values': () => new Array(120_000).fill(null),
  'a long text': () => 'a'.repeat(40_000),
  'a text of a megabyte': () => 'ab'.repeat(550_000),
  'shared two to the 12 times': () => doubled(12),
  'shared two to the 40 times': () => doubled(40),
  'two circles in one': () => {
    const circle: Record<string, unknown> = {}
    return Object.assign(circle, { a: circle, b: circle })
  },
  'an object without a prototype': () => Object.assign(Object.create(null), { a: 1 }),
  'a key with NUL': () => ({ 'a\0b': 1 }),
  'half a character as a key': () => ({ '\ud800': 1 }),
}

if (hasOtherRealms()) {
  Object.assign(SPECIALS, {
    'an object of another realm': () => foreign('({ a: [1, , 3], b: { c: null } })'),
    'a date of another realm': () => foreign('new Date(5)'),
    'a map of another realm': () => foreign('new Map([["a", 1]])'),
    'bytes of another realm': () => foreign('Uint8Array.of(1, 2)'),
  })
}

const numbers = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(
    0,
    -0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    2 ** 53,
    1e300,
    5e-324,
    1e16,
    2 ** 31,
  ),
)
const leaves = fc.oneof(
  { weight: 3, arbitrary: numbers as fc.Arbitrary<unknown> },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) as fc.Arbitrary<unknown> },
  fc.constantFrom<unknown>(true, false, null, undefined, '\ud800', 'a\udc00b', 5n, -1n),
)
const names = fc.oneof(
  fc.constantFrom('a', 'b', '0', '1', '', 'a.b', '__proto__', 'constructor', 'toString', '$ref', 'length', 'k\u20ac'),
  fc.string({ maxLength: 6 }),
)

/** A value of a session. */
const recipe: fc.Arbitrary<Recipe> = fc.letrec<{ value: Recipe }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 6, arbitrary: leaves.map((value): Recipe => ({ make: 'leaf', value })) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(...Object.keys(SPECIALS)).map((name): Recipe => ({ make: 'special', name })),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        make: fc.constant('list' as const),
        items: fc.array(tie('value'), { maxLength: 5 }),
        holes: fc.array(fc.nat({ max: 5 }), { maxLength: 2 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        make: fc.constant('object' as const),
        members: fc.array(fc.tuple(names, tie('value')), { maxLength: 5 }),
        how: fc.constantFrom('plain', 'plain', 'plain', 'getters', 'proxy', 'bare'),
      }),
    },
    fc.record({ make: fc.constant('shared' as const), item: tie('value'), times: fc.integer({ min: 2, max: 4 }) }),
    fc.record({
      make: fc.constant('nested' as const),
      item: tie('value'),
      levels: fc.constantFrom(3, 30, 61, 62, 63, 64, 80),
    }),
    fc.constant<Recipe>({ make: 'circle' }),
  ),
})).value

/** A whole session: no key of it means something to a format. */
export const recipes: fc.Arbitrary<[string, Recipe][]> = fc.array(
  fc.tuple(fc.constantFrom('user', 'cart', 'a', '__proto__', '0', 'seen'), recipe),
  { maxLength: 4 },
)

export function buildSession(members: readonly [string, Recipe][]): SessionData {
  return buildMembers(members, [])
}

function build(recipe: Recipe, around: readonly object[]): unknown {
  switch (recipe.make) {
    case 'leaf':
      return recipe.value
    case 'special':
      return (SPECIALS[recipe.name] as () => unknown)()
    case 'circle':
      // Not to the session itself: a codec copies its keys into an object of its own.
      return around.length > 2 ? around.at(-2) : (around[1] ?? null)
    case 'shared': {
      const item = build(recipe.item, around)
      return new Array(recipe.times).fill(item)
    }
    case 'nested': {
      let value = build(recipe.item, around)
      for (let level = 0; level < recipe.levels; level++) value = level % 2 ? [value] : { deep: value }
      return value
    }
    case 'list': {
      const list: unknown[] = []
      for (const item of recipe.items) list.push(build(item, [...around, list]))
      for (const hole of recipe.holes) if (hole < list.length) delete list[hole]
      return list
    }
    case 'object':
      return dressed(buildMembers(recipe.members, around), recipe.how)
  }
}

function buildMembers(members: readonly [string, Recipe][], around: readonly object[]): SessionData {
  const object: SessionData = {}
  for (const [key, member] of members) {
    const value = build(member, [...around, object])
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
  }
  return object
}

function dressed(object: SessionData, how: string): object {
  if (how === 'proxy') return new Proxy(object, {})
  if (how === 'bare') return Object.defineProperties(Object.create(null), Object.getOwnPropertyDescriptors(object))
  if (how !== 'getters') return object
  const getters = Object.entries(object).map(([key, value]) => [key, { get: () => value, enumerable: true }] as const)
  return Object.defineProperties({}, Object.fromEntries(getters))
}

/** What a session is, whatever holds it: equal texts are equal sessions. */
export function canonical(value: unknown, { minusZero = true } = {}): string {
  const known = new Map<object, string>()
  const open = new Map<object, number>()
  let reaches = Number.POSITIVE_INFINITY

  function text(value: unknown, isView = false): string {
    switch (typeof value) {
      case 'undefined':
        return 'null'
      case 'number':
        return Object.is(value, -0) && minusZero ? '-0' : String(value + 0)
      case 'bigint':
        return Number.isSafeInteger(Number(value)) ? String(value) : `${value}n`
      case 'object':
        return value === null ? 'null' : objectText(value, isView)
      default:
        return JSON.stringify(value) ?? typeof value
    }
  }

  function objectText(value: object, isView: boolean): string {
    const { toJSON } = value as { toJSON?: unknown }
    const isDate = Object.prototype.toString.call(value) === '[object Date]'
    const isBson = '_bsontype' in value
    if (typeof toJSON === 'function' && !isView && !isDate && !isBson) return text(toJSON.call(value), true)
    const before = known.get(value)
    if (before !== undefined) return before
    const level = open.get(value)
    if (level !== undefined) {
      reaches = Math.min(reaches, level)
      return `circle ${open.size - level}`
    }
    const outer = reaches
    reaches = Number.POSITIVE_INFINITY
    open.set(value, open.size)
    const made = createHash('sha1').update(membersText(value)).digest('base64')
    open.delete(value)
    // What is part of a circle around it looks different from elsewhere.
    if (reaches >= open.size) known.set(value, made)
    reaches = Math.min(outer, reaches >= open.size ? Number.POSITIVE_INFINITY : reaches)
    return made
  }

  function membersText(value: object): string {
    const tag = Object.prototype.toString.call(value).slice(8, -1)
    if (Array.isArray(value)) return listText(value)
    if (tag === 'Date') return `date ${Number((value as Date).getTime())}`
    if (tag === 'Uint8Array') return `bytes ${(value as Uint8Array).join()}`
    if (tag === 'RegExp') return `pattern ${(value as RegExp).source}/${(value as RegExp).flags}`
    const { _bsontype, pattern, options } = value as Record<string, unknown>
    if (_bsontype === 'BSONRegExp') return `pattern ${pattern}/${options}`
    if (tag === 'Set') return `set ${[...(value as Set<unknown>)].map((item) => text(item)).join()}`
    if (tag === 'Map') return mapText(value as Map<unknown, unknown>)
    return entriesText(Object.keys(value).map((key) => [key, (value as Record<string, unknown>)[key]]))
  }

  function listText(list: readonly unknown[]): string {
    if (list.length > 1_000_000) return `${list.length} items`
    return `[${Array.from({ length: list.length }, (_, index) => text(list[index])).join()}]`
  }

  function mapText(map: Map<unknown, unknown>): string {
    const entries = [...map]
    if (entries.every(([key]) => typeof key === 'string')) return entriesText(entries as [string, unknown][])
    return `map ${entries.map((entry) => entry.map((part) => text(part))).join()}`
  }

  function entriesText(entries: [string, unknown][]): string {
    const present = entries.filter(([, member]) => !isAbsent(member))
    return `{${present.map(([key, member]) => `${JSON.stringify(key)}:${text(member)}`).sort()}}`
  }

  return text(value)
}

/** A member that no format writes. */
function isAbsent(member: unknown): boolean {
  if (typeof member !== 'object' || member === null) return member === undefined
  const { toJSON } = member as { toJSON?: () => unknown }
  return typeof toJSON === 'function' && !(member instanceof Date) && toJSON.call(member) === undefined
}

/**
 * What `write` returns; undefined if it refused the session: with a coded error, or with what the application's own value threw.
 */
export async function unlessRefused<T>(write: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await write()
  } catch (error) {
    if (error === BOOM) return undefined
    const codes = ['ERR_SESSION_UNWRITABLE', 'ERR_SESSION_LIMIT', 'ERR_SESSION_TOO_LARGE']
    expect(isSessionError(error) && codes.includes(error.code), inspect(error)).toBe(true)
    return undefined
  }
}

/** Makes a hole into the lists of a session, deep inside too. */
export function punch(value: unknown, index: number, levels = 5): void {
  if (typeof value !== 'object' || value === null || levels === 0) return
  if (Array.isArray(value) && index < value.length) delete value[index]
  for (const member of Object.values(value as SessionData)) punch(member, index, levels - 1)
}
