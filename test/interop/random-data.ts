/** Random session data made in JavaScript, and random changes of data that somebody else made; both by a seed. */
import fc from 'fast-check'

export type PayloadForm = 'bson' | 'json'
type Members = Record<string, unknown>

/** What changed, as the path Python knows it by: list indexes are numbers. */
export type ChangedPath = (string | number)[]

export interface Random {
  /** At least 0, less than `limit`. */
  below(limit: number): number
  pick<T>(items: readonly T[]): T
}

/** The seed of this run: SEED of the environment, to see a failure again. */
export const seed: number = process.env.SEED === undefined ? Date.now() % 2 ** 31 : Number(process.env.SEED)

/** A small generator (mulberry32): the same numbers for the same seed, on every machine. */
export function createRandom(from: number): Random {
  let state = from >>> 0
  function below(limit: number): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
  return { below, pick: (items) => items[below(items.length)] as never }
}

/** Session data with all that a payload form can hold and JavaScript has a type of its own for. */
export function randomData(form: PayloadForm, count: number, from: number): Members[] {
  const { data } = fc.letrec<{ value: unknown; data: Members }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      ...scalars(form),
      fc.array(tie('value'), { maxLength: 4 }),
      tie('data'),
    ),
    data: fc
      .array(fc.tuple(key(), tie('value')), { maxLength: 6 })
      .map((entries) => entries.reduce<Members>((object, [name, value]) => setOwn(object, name, value), {})),
  }))
  return fc.sample(data, { numRuns: count, seed: from }).map(withSignIn)
}

/** Each second session knows when its visitor signed in, to the millisecond or to the second. */
function withSignIn(data: Members, index: number): Members {
  const seconds = 1_700_000_000 + (index % 4 === 0 ? index / 1000 : index)
  return index % 2 === 0 ? setOwn(data, '_authenticated_at', seconds) : data
}

/** Changes one thing anywhere in `data`: replaces, adds or removes. Returns its path. */
export function changeOneThing(data: Members, random: Random): ChangedPath {
  const containers = containersOf(data, [])
  const { container, path } = random.pick(containers)
  if (Array.isArray(container)) {
    if (container.length === 0) return replaceWhole(data, path)
    const index = random.below(container.length)
    container[index] = 'changed by Node'
    return [...path, index]
  }
  const keys = Object.keys(container)
  const kind = random.below(3)
  if (kind === 0 || keys.length === 0) {
    setOwn(container, 'added by Node', true)
    return [...path, 'added by Node']
  }
  const name = random.pick(keys)
  // A session that becomes empty ends: that is another test.
  if (kind === 1 && (keys.length > 1 || path.length > 0)) delete container[name]
  else setOwn(container, name, 'changed by Node')
  return [...path, name]
}

/** `__proto__` as a key like any other. */
function setOwn(object: Members, name: string, value: unknown): Members {
  return Object.defineProperty(object, name, { value, configurable: true, enumerable: true, writable: true })
}

function key(): fc.Arbitrary<string> {
  const odd = [
    '',
    'a.b',
    '$set',
    '__proto__',
    'constructor',
    'toJSON',
    '_bsontype',
    '7',
    '0',
    'ключ',
    '🗝️',
    'exp',
    'a"b\\c\n',
  ]
  return fc.oneof(
    fc.constantFrom('user', 'roles', 'cart', ...odd),
    // no key of Beaker begins with K, nor does any hold NUL, which BSON can't have in a key
    fc.string({ unit: 'binary', maxLength: 8 }).map((text) => `K${text.replaceAll('\0', '')}`),
  )
}

function scalars(form: PayloadForm): fc.Arbitrary<unknown>[] {
  const shared = [
    fc.constantFrom(null, true, false),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.constantFrom(0, -0, 0.1, 1e16, 1e21, 1e-5, 1e-7, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 5e-324, 123456789.5),
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom('', '\0', '"', '\\', '\u2028', '🗝️', '\ufeff', 'NaN', '</script>'),
  ]
  const big = 2n ** 53n
  if (form === 'json') return [...shared, fc.bigInt(big, 2n ** 70n)]
  const years = { min: new Date(-62_135_596_800_000), max: new Date(253_402_300_799_999), noInvalidDate: true }
  return [...shared, fc.bigInt(big, 2n ** 63n - 1n), fc.bigInt(-(2n ** 63n), -big), fc.date(years), fc.uint8Array()]
}

function replaceWhole(data: Members, path: ChangedPath): ChangedPath {
  let parent: Members = data
  for (const name of path.slice(0, -1)) parent = parent[name] as Members
  setOwn(parent, String(path.at(-1)), 'changed by Node')
  return path
}

/** The data itself and every plain object and array in it. */
function containersOf(value: object, path: ChangedPath): { container: Members | unknown[]; path: ChangedPath }[] {
  const inside = Object.keys(value).flatMap((name) => {
    const child = (value as Members)[name]
    const isContainer = Array.isArray(child) || (typeof child === 'object' && isPlain(child))
    return isContainer ? containersOf(child as object, [...path, Array.isArray(value) ? Number(name) : name]) : []
  })
  return [{ container: value as Members, path }, ...inside]
}

function isPlain(value: object | null): boolean {
  return value !== null && Object.getPrototypeOf(value) === Object.prototype
}
