/**
 * Data as JSON that a person can edit. What JSON lacks is an object whose key begins with `$`, as in Extended JSON of MongoDB; what has no
 * such form is kept as it is by its number.
 */
import { decodeBase64, encodeBase64 } from '../shared/base64.js'
import { lightBsonTypes } from '../shared/bson/decimal.js'
import { decodeHex } from '../shared/bytes.js'
import { isPlainObject, type SessionData } from '../shared/types.js'

/** A text, and the values that it only names. */
export interface TypedJson {
  readonly text: string
  readonly kept: readonly unknown[]
}

/** What is nested deeper is kept whole: it could overflow the stack. */
const DEEPEST = 200

export function writeTypedJson(data: SessionData): TypedJson {
  const kept: unknown[] = []
  return { text: JSON.stringify(toTyped(data, kept, new Set()), null, 2), kept }
}

function toTyped(value: unknown, kept: unknown[], above: ReadonlySet<unknown>): unknown {
  if (value === null || value === undefined) return null
  if (typeof value === 'bigint') return { $numberLong: String(value) }
  if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))) {
    return { $numberDouble: Object.is(value, -0) ? '-0' : String(value) }
  }
  if (typeof value !== 'object') return value
  if (above.has(value) || above.size >= DEEPEST) return keep(value, kept)
  const within = new Set([...above, value])
  const convert = (member: unknown): unknown => toTyped(member, kept, within)
  if (Array.isArray(value)) return value.map(convert)
  if (isPlainObject(value)) {
    // A key that looks like one of these types would be read as one.
    if (Object.keys(value).some((key) => key.startsWith('$'))) return keep(value, kept)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, convert(member)]))
  }
  return toExtended(value, convert) ?? keep(value, kept)
}

function toExtended(value: object, convert: (value: unknown) => unknown): unknown {
  if (value instanceof Date && !Number.isNaN(+value)) return { $date: value.toISOString() }
  if (value instanceof Uint8Array) return { $binary: encodeBase64(value) }
  if (value instanceof Set) return { $set: [...value].map(convert) }
  if (value instanceof Map) return { $map: [...value].map(([key, member]) => [convert(key), convert(member)]) }
  if ((value as { _bsontype?: unknown })._bsontype === 'ObjectId') return { $oid: String(value) }
  return undefined
}

function keep(value: object, kept: unknown[]): object {
  kept.push(value)
  let text: string
  try {
    text = String(value)
  } catch {
    text = 'a value'
  }
  return { $kept: kept.length - 1, is: text.slice(0, 200) }
}

/**
 * Reads what `writeTypedJson` wrote, edited or not.
 *
 * @throws {TypeError} with what is wrong, in words
 */
export function readTypedJson(text: string, kept: readonly unknown[]): SessionData {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new TypeError(`This is not JSON: ${(error as Error).message}`)
  }
  if (!isPlainObject(parsed)) throw new TypeError('A session is a JSON object: { … }')
  return fromTyped(parsed, kept) as SessionData
}

function fromTyped(value: unknown, kept: readonly unknown[]): unknown {
  if (Array.isArray(value)) return value.map((member) => fromTyped(member, kept))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const [name = '', content] = entries[0] ?? []
  if (Object.hasOwn(READERS, name)) return READERS[name]?.(content, kept)
  if (name.startsWith('$')) throw new TypeError(`There is no type ${JSON.stringify(name)}`)
  return Object.fromEntries(entries.map(([key, member]) => [key, fromTyped(member, kept)]))
}

const READERS: Readonly<Record<string, (content: unknown, kept: readonly unknown[]) => unknown>> = {
  $date(content) {
    const date = new Date(String(content))
    if (Number.isNaN(+date)) throw new TypeError('A $date is text as "2026-01-31T12:00:00Z"')
    return date
  },
  $binary(content) {
    try {
      return decodeBase64(String(content), true)
    } catch {
      throw new TypeError('A $binary is text in base64')
    }
  },
  $numberLong(content) {
    if (!/^-?\d{1,40}$/.test(String(content))) throw new TypeError('A $numberLong is text of digits')
    return BigInt(String(content))
  },
  $numberDouble: (content) => Number(content),
  $oid(content) {
    if (!/^[0-9a-f]{24}$/i.test(String(content))) throw new TypeError('An $oid is text of 24 hexadecimal digits')
    return lightBsonTypes.objectId(decodeHex(String(content).toLowerCase()))
  },
  $set(content, kept) {
    if (!Array.isArray(content)) throw new TypeError('A $set is a list')
    return new Set(content.map((member) => fromTyped(member, kept)))
  },
  $map(content, kept) {
    const isPairs = Array.isArray(content) && content.every((pair) => Array.isArray(pair) && pair.length === 2)
    if (!isPairs) throw new TypeError('A $map is a list of pairs')
    return new Map(
      (content as [unknown, unknown][]).map(([key, member]) => [fromTyped(key, kept), fromTyped(member, kept)]),
    )
  },
  $kept(content, kept) {
    if (!Number.isInteger(content) || !((content as number) in kept))
      throw new TypeError('There is no such $kept value')
    return kept[content as number]
  },
}
