/**
 * What both sides agree on: the cookie's name, the type of the session, how long it may last, and short names of claims.
 * Cookie names are tokens (RFC 6265 §4.1.1); the timeouts mean what Beaker's does (FORMATS §2.2).
 */
import { JWT_META } from './decode.js'
import { deepFreeze, type MaybePromise, type SessionData, type StandardSchema } from './types.js'

/** Beaker's own default (FORMATS §3). */
export const DEFAULT_NAME = 'beaker.session.id'

/** What `defineSession` takes. A duration is text such as `'30m'` or `'14d'`, or a number of seconds. */
export interface SessionOptions {
  /**
   * Name of the cookie.
   *
   * @defaultValue `beaker.session.id`
   */
  name?: string
  /**
   * The session expires when it is not used for longer than this.
   *
   * @defaultValue 14 days if there is no `absoluteTimeout`; `false`: never
   */
  idleTimeout?: Duration | false
  /** The session expires this long after it was created. */
  absoluteTimeout?: Duration
  /** Long names of a plain JWT's claims, and the short name that each has on the wire: `{ user_id: 'u' }`. */
  fields?: SessionFields
  /**
   * The claim that has the key of a session on the server.
   *
   * @defaultValue `sk` if there are `fields`
   */
  sessionField?: string
}

/** What judges the data on the server. A page never runs it. */
export interface SchemaOptions<Schema extends StandardSchema = StandardSchema> {
  /** Judges the data when it is loaded and before it is written: any Standard Schema, as of zod, valibot or arktype. */
  schema: Schema
  /**
   * Of the shape of the data, a whole number from 1 on. It is kept in the data as `_version`, but for a 1.
   *
   * @defaultValue 1
   */
  version?: number
  /**
   * Makes data of this version from that of an older one, once for each session. It gets a copy; what it returns takes the place of the
   * data. Undefined: there is nothing to make of it.
   */
  migrate?: (old: SessionData, version: number) => MaybePromise<InputOf<Schema> | undefined>
  /**
   * The oldest and the newest version that this release reads.
   *
   * @defaultValue from 1 to its own
   */
  reads?: readonly [oldest: number, newest: number]
  /** @internal A definition is no options: its timeouts are in milliseconds. */
  '~defined'?: never
}

/** What a schema takes, which is what is stored. */
export type InputOf<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>['input']

/** What a schema makes of it. */
export type OutputOf<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>['output']

/**
 * What scripts on the page may see: a list of keys, `true` (all) or `false` (nothing). It stands in the definition, so that the type of what
 * the page reads follows from it, or in `createSessions`, where it may be a function too.
 */
type Exposed = boolean | readonly string[]

/**
 * A session as both sides know it: `Data` is what the server has, `Public` what the page may see of it, `Parsed` what a schema makes of it.
 * There is no secret in it.
 */
export interface SessionDefinition<Data = SessionData, Public = Data, Parsed = unknown> {
  /**
   * @internal Never there at run time. Only `defineSession` makes a definition: in a plain object a timeout in seconds would be taken for
   * milliseconds.
   */
  readonly '~defined': true
  /** Name of the cookie. */
  readonly name: string
  /** Milliseconds. */
  readonly idleTimeout?: number
  /** Milliseconds. */
  readonly absoluteTimeout?: number
  /** Long names of a plain JWT's claims, and the short name of each on the wire. */
  readonly fields?: SessionFields
  /** The claim that has the key of a session on the server. */
  readonly sessionField?: string
  /** What scripts on the page may see, if the definition says so: a list of keys, `true` (all) or `false` (nothing). */
  readonly expose?: Exposed
  /** What judges the data on the server. */
  readonly schema?: StandardSchema
  /** The version of the schema that this release writes. */
  readonly version?: number
  /** Makes data of this version from that of an older one. */
  readonly migrate?: (old: SessionData, version: number) => unknown
  /** The oldest and the newest version that this release reads. */
  readonly reads?: readonly [oldest: number, newest: number]
  /**
   * @internal The idle timeout, if nobody asked for one: what another system has configured counts before it. Also the mark of a definition
   * that `defineSession` made.
   */
  readonly '~': string | false
  /** @internal Carries the type; never there at run time. */
  readonly '~data'?: Data
  /** @internal Carries the type of what the page may see; never there at run time. */
  readonly '~public'?: Public
  /** @internal Carries the type of what the schema makes of the data; never there at run time. */
  readonly '~parsed'?: Parsed
}

/** A definition that says what scripts on the page may see. */
export interface ExposingDefinition<Data = SessionData, Public = Data, Parsed = unknown>
  extends SessionDefinition<Data, Public, Parsed> {
  /** What scripts on the page may see: a list of keys, `true` (all) or `false` (nothing). */
  readonly expose: Exposed
}

/** Defines a session of the type `Data`, and infers from the list in `expose` what the page may see. */
export interface DefineSession<Data> {
  <const Key extends keyof Data & string>(
    options: SessionOptions & { expose: readonly Key[] },
  ): ExposingDefinition<Data, Pick<Data, Key>>
  (options: SessionOptions & { expose: false }): ExposingDefinition<Data, Nothing>
  (options: SessionOptions & { expose: boolean }): ExposingDefinition<Data, Plain<Data>>
  (options: SessionOptions & { expose?: never }): SessionDefinition<Data, Plain<Data>>
}

/** The type itself, from which TypeScript infers nothing; `NoInfer` would show in every hint of an editor. */
type Plain<Type> = [Type][Type extends unknown ? 0 : never]

/** What the page sees if nothing is exposed. */
type Nothing = Record<never, never>

/** What `expose` may be if the types of data and public data are given: what makes the second of the first. */
type ExposeFor<Data, Public> = [keyof Public] extends [never]
  ? false
  : Same<Data, Public> extends true
    ? true | ListFor<Data, Public>
    : ListFor<Data, Public>

type Same<One, Other> = [One, keyof One] extends [Other, keyof Other]
  ? [Other, keyof Other] extends [One, keyof One]
    ? true
    : false
  : false

/** A list with every key of `Public`. If `Public` is no part of `Data`, no list makes it. */
type ListFor<Data, Public> = [Pick<Data, keyof Public & keyof Data>] extends [Public]
  ? string extends keyof Public
    ? readonly string[]
    : Lists<keyof Public & string>
  : never

/** The lists that name each of the keys once, in any order; of more than five keys, lists of that length. */
type Lists<Keys extends string> =
  OneEach<Keys, Keys> extends infer List extends readonly string[]
    ? List['length'] extends 0 | 1 | 2 | 3 | 4 | 5
      ? Orders<Keys>
      : List
    : never

type Orders<Keys extends string> = [Keys] extends [never]
  ? readonly []
  : { [Key in Keys]: readonly [Key, ...Orders<Exclude<Keys, Key>>] }[Keys]

/** A tuple as long as there are keys. */
type OneEach<Keys extends string, Left> = [Left] extends [never]
  ? readonly []
  : readonly [Keys, ...OneEach<Keys, Exclude<Left, Last<Left>>>]

/** One member of a union. */
type Last<Union> = (Union extends unknown ? (member: () => Union) => void : never) extends (
  member: infer Members,
) => void
  ? Members extends () => infer Member
    ? Member
    : never
  : never

/**
 * Defines a session for both sides. With a `schema` the server checks the data, and the types are those of the schema. Without one
 * they are a promise of the application: nothing is checked against them.
 *
 * TypeScript infers no second type after a first one that is given. `defineSession<Data>()({ expose: ['user'] })`, with a call without
 * options in between, takes the type of what the page may see from the list.
 *
 * @param options - the cookie's name, the timeouts as seconds or text like `'30m'`, what the page may see, short names of claims; the schema
 *   and its version
 * @returns a frozen definition with the timeouts in milliseconds; without options this function again
 * @throws {TypeError} names the option that is wrong
 * @see RFC 6265 §4.1.1, FORMATS §2.2, docs/schema.md
 * @since 0.1.0
 * @example
 * interface AppSession { user: string; locale: string; cart: string[] }
 * const appSession = defineSession<AppSession>()({ name: 'sid', idleTimeout: '30m', absoluteTimeout: '7d', expose: ['user', 'locale'] })
 */
export function defineSession<Data = SessionData>(): DefineSession<Data>
export function defineSession<Schema extends StandardSchema, const Key extends keyof InputOf<Schema> & string>(
  options: SessionOptions & SchemaOptions<Schema> & { expose: readonly Key[] },
): ExposingDefinition<InputOf<Schema>, Pick<InputOf<Schema>, Key>, OutputOf<Schema>>
export function defineSession<Schema extends StandardSchema>(
  options: SessionOptions & SchemaOptions<Schema> & { expose: false },
): ExposingDefinition<InputOf<Schema>, Nothing, OutputOf<Schema>>
export function defineSession<Schema extends StandardSchema>(
  options: SessionOptions & SchemaOptions<Schema> & { expose: boolean },
): ExposingDefinition<InputOf<Schema>, InputOf<Schema>, OutputOf<Schema>>
export function defineSession<Schema extends StandardSchema>(
  options: SessionOptions & SchemaOptions<Schema> & { expose?: never },
): SessionDefinition<InputOf<Schema>, InputOf<Schema>, OutputOf<Schema>>
export function defineSession<Data = SessionData>(
  options: SessionOptions & { expose?: never },
): SessionDefinition<Data, Plain<Data>>
export function defineSession<Data = SessionData>(
  options: SessionOptions & { expose: false },
): ExposingDefinition<Data, Nothing>
export function defineSession<Data = SessionData>(
  options: SessionOptions & { expose: boolean },
): ExposingDefinition<Data, Plain<Data>>
export function defineSession<const Keys extends readonly string[]>(
  options: SessionOptions & { expose: Keys },
): ExposingDefinition<SessionData, Record<Keys[number], unknown>>
export function defineSession<Data, Public>(
  options: SessionOptions & { expose: ExposeFor<Data, Public> },
): ExposingDefinition<Data, Public>
export function defineSession<Data, Public>(
  options: SessionOptions & { expose?: never },
): SessionDefinition<Data, Public>
export function defineSession(options: SessionOptions & { expose?: Exposed }): SessionDefinition
export function defineSession(options?: SessionOptions & { expose?: Exposed }): unknown {
  if (!options) return defineSession
  const { absoluteTimeout, idleTimeout, name = DEFAULT_NAME, sessionField = 'sk', fields, expose, ...others } = options
  // `token = 1*<any CHAR except CTLs or separators>` (RFC 2616 §2.2).
  if (!(typeof name === 'string' && /^[!#-'*+.^`|~\w-]+$/.test(name))) refuse('name')
  if (Array.isArray(fields)) refuse('fields')
  const byDefault = (absoluteTimeout ?? idleTimeout) === undefined && '2w'
  const definition: Definition = {
    name,
    ...((fields ?? options.sessionField) !== undefined && { fields: { ...fields }, sessionField }),
    // A list stays as it is now.
    ...(expose !== undefined && { expose }),
    '~': byDefault,
  }
  // The server knows the names of those that go with a schema; `~` is in a definition, which is no options.
  for (const option in others)
    if (!(others as Partial<SchemaOptions>).schema || option > 'z') refuse(option, DEFINITION_OPTIONS)
  const timeouts = { absoluteTimeout, idleTimeout: byDefault || idleTimeout }
  for (const option in timeouts) {
    const value = timeouts[option as 'idleTimeout']
    if (value !== undefined && value !== false) {
      definition[option as 'idleTimeout'] = parseDuration(value, option) || refuse(option)
    }
  }
  // Nothing of a schema is frozen: it is not ours.
  return Object.freeze({ ...deepFreeze(definition), ...others })
}

/** @internal */
export const DEFINITION_OPTIONS = 'name, fields, sessionField, expose, schema, idleTimeout, absoluteTimeout'

/** A definition while it is being made. */
type Definition = { -readonly [Member in keyof SessionDefinition]?: SessionDefinition[Member] }

/** A page has no room for what each option must be. */
function refuse(option: string, rule: string = 'valid'): never {
  // biome-ignore lint/style/useTemplate: smaller after gzip, and a page has no byte to spare
  throw new TypeError(option + ' is not ' + rule)
}

/** Long names, and the short name of each on the wire: `{ user_id: 'u' }`. */
export type SessionFields = Readonly<Record<string, string>>

/**
 * Adds the long names to data that came with short ones. The short ones stay, and what is absent stays absent.
 *
 * @param data - is not changed
 * @param fields - the short names by the long ones
 * @returns data in which a long name has the very value of its short one, whatever it had before
 * @see FORMATS §6.2
 */
export function expandFields(data: SessionData, fields: SessionFields): SessionData {
  let expanded = data
  for (const long in fields) {
    const short = fields[long] as string
    // By a spread, so that `__proto__` stays a key.
    if (Object.hasOwn(data, short)) expanded = { ...expanded, [long]: data[short] }
  }
  return expanded
}

/**
 * Refuses names that two things would share. The server does this when it starts, so that a page loads nothing of it.
 *
 * @param fields - the short names by the long ones
 * @param sessionField - the claim that has the key of a session on the server
 * @throws {TypeError} naming the option
 */
export function checkFields(fields: SessionFields, sessionField: string): void {
  if (typeof sessionField !== 'string' || sessionField === '' || JWT_META.includes(sessionField)) {
    throw new TypeError('sessionField must be the name of a claim, and none of exp, nbf, iat, jti')
  }
  const taken = new Set([...JWT_META, sessionField])
  for (const [long, short] of Object.entries(fields)) {
    if (typeof short !== 'string' || short === '' || long === '') throw new TypeError('fields must have names of text')
    for (const name of new Set([long, short])) {
      if (taken.has(name)) throw new TypeError(`fields has two meanings for "${name}"`)
      taken.add(name)
    }
  }
}

/** A number of seconds, or a number with the unit `s`, `m`, `h`, `d` or `w`. */
export type Duration = number | `${number}${'s' | 'm' | 'h' | 'd' | 'w'}`

/**
 * The milliseconds of a duration. Zero is allowed here; a caller that needs more must refuse it.
 *
 * @param value - seconds, or text such as `'30s'`, `'1.5h'`, `'7d'`
 * @param option - the option's name, for the message
 * @returns milliseconds, finite and not negative
 * @throws {TypeError} names the option
 */
export function parseDuration(value: unknown, option: string): number {
  const text = value as string
  const milliseconds =
    typeof value === 'number'
      ? value * 1_000
      : /^\d+(\.\d+)?[smhdw]$/.test(text)
        ? parseFloat(text) * { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }[text.at(-1) as 's']
        : -1
  return milliseconds < 1e14 && milliseconds >= 0 ? milliseconds : refuse(option)
}
