/**
 * The fields of django-session-jwt: which attribute of a user goes under which short name into the token, and under which long
 * one to the application. FORMATS §6.2.
 */
import { checkFields, expandFields, type SessionFields } from '../../shared/fields.js'
import type { SessionData } from '../../shared/types.js'
import { equalValues } from '../values/equal-values.js'

/** An attribute, perhaps dotted; a short name, by default the attribute; a long name, by default the short one. */
export type DjangoField =
  | string
  | readonly [attribute: string]
  | readonly [attribute: string, short: string]
  | readonly [attribute: string, short: string, long: string]

export interface FieldNames {
  readonly attribute: readonly string[]
  readonly short: string
  readonly long: string
}

/** The fields of a codec, ready for use. */
export interface Fields {
  readonly names: readonly FieldNames[]
  /** Adds the long names to what was read; the short ones stay. */
  expand(data: SessionData): SessionData
  /** Takes the long names away again; one that the application changed changes the short one. */
  shorten(data: SessionData, read: SessionData): SessionData
  /** What the fields take of a user, under the short names; an attribute that is not there is left out. */
  take(user: object): SessionData
}

/**
 * @param fields - as django-session-jwt has them, or short names by long ones as `defineSession` has them
 * @throws {TypeError} for a name that stands twice or has another meaning
 */
export function createFields(fields: readonly DjangoField[] | SessionFields, sessionField: string): Fields {
  const names = isList(fields)
    ? fields.map(namesOf)
    : Object.entries(fields).map(([long, short]): FieldNames => ({ attribute: long.split('.'), short, long }))
  refuseTwins(names.map(({ short }) => short))
  refuseTwins(names.map(({ long }) => long))
  const shortByLong = checkFields(Object.fromEntries(names.map(({ long, short }) => [long, short])), sessionField)
  return {
    names,
    expand: (data) => expandFields(data, shortByLong),
    shorten: (data, read) => shorten(names, data, read),
    take: (user) => {
      const values = names.map(({ attribute, short }) => [short, attributeOf(user, attribute)] as const)
      return Object.fromEntries(values.filter(([, value]) => value !== undefined))
    },
  }
}

function isList(fields: readonly DjangoField[] | SessionFields): fields is readonly DjangoField[] {
  return Array.isArray(fields)
}

function namesOf(field: DjangoField): FieldNames {
  const parts: readonly unknown[] = typeof field === 'string' ? [field] : field
  const isGood = Array.isArray(parts) && parts.length >= 1 && parts.length <= 3
  if (!isGood || parts.some((part) => typeof part !== 'string' || part === '')) {
    throw new TypeError('Option "fields" holds a part that is no name and no list of one to three')
  }
  const [attribute = '', short = attribute, long = short] = parts as readonly string[]
  return { attribute: attribute.split('.'), short, long }
}

function refuseTwins(names: readonly string[]): void {
  const twin = names.find((name, index) => names.indexOf(name) !== index)
  if (twin !== undefined) throw new TypeError(`Option "fields" has the name "${twin}" twice`)
}

function shorten(names: readonly FieldNames[], data: SessionData, read: SessionData): SessionData {
  const claims = { ...data }
  for (const { short, long } of names) {
    if (short === long || (Object.hasOwn(read, long) && equalValues(read[long], data[long]))) continue
    const value = Object.hasOwn(data, long) ? data[long] : undefined
    delete claims[long]
    const isGone = value === undefined
    const isChanged = !equalValues(value, read[short])
    // Where the whole data was replaced, and only short names are in it, those count.
    if (!isChanged || (isGone && !equalValues(data[short], read[short]))) continue
    if (isGone) delete claims[short]
    else claims[short] = value
  }
  return claims
}

function attributeOf(user: object, path: readonly string[]): unknown {
  let value: unknown = user
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}
