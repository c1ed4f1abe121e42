/**
 * Tagged JSON, as Python's side of the interop tests writes it (python/tagged.py, FORMATS §0), against what
 * sessionglass makes of the same cookie.
 */
import { Buffer } from 'node:buffer'

export type Tagged = null | boolean | string | Tagged[] | TaggedObject
type TaggedObject = { [tag: string]: Tagged | number }
type Path = readonly string[]

/** The members of a tagged dict, in their order. */
export function members(tagged: Tagged): [string, Tagged][] {
  const { $dict } = tagged as { $dict?: [Tagged, Tagged][] }
  if ($dict === undefined) throw new TypeError('not a tagged dict')
  return $dict.map(([key, value]) => {
    if (typeof key !== 'string') throw new TypeError('a key that is not text')
    return [key, value]
  })
}

/** One member of a tagged dict. */
export function member(tagged: Tagged, key: string): Tagged | undefined {
  return members(tagged).find(([name]) => name === key)?.[1]
}

/** A tagged dict without some of its keys. */
export function without(tagged: Tagged, keys: readonly string[]): Tagged {
  return { $dict: members(tagged).filter(([key]) => !keys.includes(key)) }
}

/** The number of a tagged int or float. */
export function numberOf(tagged: Tagged | undefined): number {
  const { $int, $float, hex } = (tagged ?? {}) as Record<string, string | undefined>
  if ($int !== undefined) return Number($int)
  if ($float === undefined) throw new TypeError('no tagged number')
  // repr of a Python float is the shortest text that reads back, except for the three names
  return hex !== undefined && /nan|inf/.test(hex) ? specialFloat(hex) : Number($float)
}

/**
 * Tells where a value of a session differs from what Python sees in the same cookie, one line for each place; no
 * line where both are the same. Knows what JavaScript can't keep apart: 1 and 1.0 are the number 1, an integer that
 * is no safe number is a `bigint`, microseconds are gone.
 */
export function differences(tagged: Tagged, actual: unknown, path: Path = []): string[] {
  if (tagged === null || typeof tagged !== 'object') return same(tagged === actual, path, 'plain value')
  if (Array.isArray(tagged)) return listDifferences(tagged, actual, path)
  if ('$dict' in tagged) return dictDifferences(tagged, actual, path)
  if ('$int' in tagged) return same(isInteger(tagged.$int as string, actual), path, 'int')
  if ('$float' in tagged) return same(Object.is(numberOf(tagged), actual), path, 'float')
  if ('$bytes' in tagged) return same(isBytes(actual, tagged.$bytes as string), path, 'bytes')
  if ('$datetime' in tagged) return same(isDate(tagged.$datetime as string, actual), path, 'datetime')
  if ('$bson' in tagged) return bsonDifferences(tagged, actual, path)
  return [`${place(path)}: no comparison for ${Object.keys(tagged).join(' ')}`]
}

/**
 * What Python must see of data that JavaScript made.
 *
 * @param value - plain data, dates, bytes and bigints
 * @param format - `bson` gives every integer beyond 32 bits back as Int64
 */
export function taggedOf(value: unknown, format: 'bson' | 'json'): Tagged {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number' && (!Number.isSafeInteger(value) || Object.is(value, -0))) return floatOf(value)
  if (typeof value === 'number' || typeof value === 'bigint') return intOf(BigInt(value), format)
  if (Array.isArray(value)) return value.map((item) => taggedOf(item, format))
  if (value instanceof Date) return { $datetime: `${value.toISOString().slice(0, -1)}000` }
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
  const entries = Object.entries(value as object).filter(([, item]) => item !== undefined)
  return { $dict: entries.map(([key, item]) => [key, taggedOf(item, format)]) }
}

/** The same tagged value with the members of each dict sorted, and floats without their decimal text. */
export function normalized(tagged: Tagged): unknown {
  if (tagged === null || typeof tagged !== 'object') return tagged
  if (Array.isArray(tagged)) return tagged.map(normalized)
  if ('$dict' in tagged)
    return new Map(
      members(tagged)
        .sort(byKey)
        .map(([key, value]) => [key, normalized(value)]),
    )
  return '$float' in tagged ? { $float: numberOf(tagged) } : tagged
}

function specialFloat(hex: string): number {
  if (hex.includes('nan')) return Number.NaN
  return hex.startsWith('-') ? -Infinity : Infinity
}

function same(isSame: boolean, path: Path, what: string): string[] {
  return isSame ? [] : [`${place(path)}: another ${what}`]
}

function place(path: Path): string {
  return path.length === 0 ? '(root)' : path.map((part) => JSON.stringify(part)).join('.')
}

function listDifferences(tagged: Tagged[], actual: unknown, path: Path): string[] {
  if (!Array.isArray(actual) || actual.length !== tagged.length) return [`${place(path)}: another list`]
  return tagged.flatMap((item, index) => differences(item, actual[index], [...path, String(index)]))
}

function dictDifferences(tagged: Tagged, actual: unknown, path: Path): string[] {
  if (!isPlain(actual)) return [`${place(path)}: no plain object`]
  const expected = members(tagged)
  const names = new Set(expected.map(([key]) => key))
  const extra = Object.keys(actual).filter((key) => !names.has(key))
  return [
    ...extra.map((key) => `${place([...path, key])}: not in Python`),
    ...expected.flatMap(([key, value]) =>
      Object.hasOwn(actual, key)
        ? differences(value, actual[key], [...path, key])
        : [`${place([...path, key])}: missing`],
    ),
  ]
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

function isInteger(text: string, actual: unknown): boolean {
  const value = BigInt(text)
  return Number.isSafeInteger(Number(value)) ? Object.is(actual, Number(value)) : actual === value
}

function isBytes(actual: unknown, base64: string): boolean {
  return actual instanceof Uint8Array && Buffer.from(actual).toString('base64') === base64
}

function isDate(text: string, actual: unknown): boolean {
  return actual instanceof Date && actual.getTime() === Date.parse(`${text.slice(0, 23)}Z`)
}

/** Values of the `bson` package's classes, by `_bsontype`. */
function bsonDifferences(tagged: TaggedObject, actual: unknown, path: Path): string[] {
  if (tagged.$bson === 'Int64') return same(isInteger(tagged.value as string, actual), path, 'Int64')
  const value = actual as { _bsontype?: string } & Record<string, unknown>
  const type = value?._bsontype
  switch (tagged.$bson) {
    case 'ObjectId':
      return same(type === 'ObjectId' && String(value) === tagged.hex, path, 'ObjectId')
    case 'Decimal128':
      return same(type === 'Decimal128' && isBytes(value.bytes, tagged.bid as string), path, 'Decimal128')
    case 'Binary':
      return same(type === 'Binary' && isBinary(value, tagged), path, 'Binary')
    case 'Regex':
      return same(type === 'BSONRegExp' && isRegex(value, tagged), path, 'Regex')
    case 'Timestamp':
      return same(type === 'Timestamp' && value.t === tagged.time && value.i === tagged.increment, path, 'Timestamp')
    case 'Code':
      if (type !== 'Code' || value.code !== tagged.code) return [`${place(path)}: another Code`]
      if (tagged.scope === undefined) return same(value.scope == null, path, 'scope')
      return differences(tagged.scope as Tagged, value.scope, [...path, 'scope'])
    case 'MinKey':
    case 'MaxKey':
      return same(type === tagged.$bson, path, String(tagged.$bson))
    default:
      return [`${place(path)}: no comparison for ${String(tagged.$bson)}`]
  }
}

function isBinary(value: Record<string, unknown>, tagged: TaggedObject): boolean {
  const { buffer, position } = value as { buffer: Uint8Array; position: number }
  return value.sub_type === tagged.subtype && isBytes(buffer.subarray(0, position), tagged.base64 as string)
}

/** Python's re flags and BSON's letters for them. */
const REGEX_FLAGS: Record<string, number> = { i: 2, l: 4, m: 8, s: 16, u: 32, x: 64 }

function isRegex(value: Record<string, unknown>, tagged: TaggedObject): boolean {
  const flags = [...(value.options as string)].reduce((sum, letter) => sum | (REGEX_FLAGS[letter] ?? 0), 0)
  return value.pattern === tagged.pattern && flags === tagged.flags
}

/** Python's `repr` is not rebuilt: comparisons go by the number. */
function floatOf(value: number): Tagged {
  const special = Number.isNaN(value) ? 'nan' : String(value).toLowerCase().replace('inity', '')
  return { $float: Object.is(value, -0) ? '-0' : String(value), ...(Number.isFinite(value) ? {} : { hex: special }) }
}

function intOf(value: bigint, format: 'bson' | 'json'): Tagged {
  const isInt32 = BigInt.asIntN(32, value) === value
  return format === 'json' || isInt32 ? { $int: String(value) } : { $bson: 'Int64', value: String(value) }
}

function byKey([a]: [string, Tagged], [b]: [string, Tagged]): number {
  return a < b ? -1 : 1
}
