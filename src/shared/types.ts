/**
 * The words both sides share: what a session is after decoding, and what its payload said about each value.
 * Sources: RFC 7519 for claims, FORMATS §2.2 for the keys that Beaker keeps in the session itself.
 */

/** The application's keys. */
export type SessionData = Record<string, unknown>

/** What a format says about the session itself. */
export interface SessionMeta {
  /** The id that the format carries, if it has one. */
  id?: string
  /** When the session was created, if the format says so. */
  createdAt?: Date
  /** When the session was last used, if the format says so. */
  accessedAt?: Date
  /** When the value expires by itself: `exp` of a JWT, `_expires` of Beaker, and the like. */
  expiresAt?: Date
  /** `nbf` of a plain JWT. */
  notBefore?: Date
}

/** How a cookie value is built; `beaker-jwt` covers both payload forms of beaker-session-jwt. */
export type SessionFormat = 'beaker-jwt' | 'jwt' | (string & {})

/** A cookie value taken apart. Nothing of it is verified. */
export interface DecodedSession<Data = SessionData> {
  /** The format that the value has. */
  format: SessionFormat
  /** The application's keys. */
  data: Data
  /** Id and times of the session. They are not keys of `data`. */
  meta: SessionMeta
  /** The JOSE header, if there is one (RFC 7515 §4). */
  header?: Record<string, unknown>
  /** The JWT payload as parsed, if there is one (RFC 7519 §4). */
  claims?: Record<string, unknown>
}

/**
 * What a payload said a value was, in words that no format owns. Only what the JavaScript value does not tell by
 * itself: a number alone is an integer where it has no fraction.
 */
export type NeutralType = 'integer' | 'int64' | 'double'

/**
 * One value as its payload had it. A writer of the same `format` copies `raw` where the value is unchanged; any
 * other writer goes by `type`.
 */
export interface OriginNode {
  /** The format that the value was read from. Only its writer uses `raw`. */
  readonly format: 'bson' | 'json' | (string & {})
  /** The JavaScript view, as the reader of that format gives it. */
  readonly value: unknown
  /** What kind of number it was, if JavaScript can't tell. */
  readonly type?: NeutralType
  /** What it is, where only its own format has that: `a tuple`. No other writer takes `value` itself. */
  readonly confined?: string
  /** The value in its own format: an element's bytes, a number's text. */
  readonly raw?: unknown
  /** Keys in the payload's order, for an object or array. */
  keys?(): Iterable<string>
  /** The member of an object, or the item of an array under its decimal index. */
  child?(key: string): OriginNode | undefined
}

/** Where a session came from; opaque to the core. `root` parses again, so that a session that is only read never pays. */
export interface Origin {
  /** The format of the payload. */
  readonly format: string
  /** Reads the payload again, and gives its outermost value. */
  root(): OriginNode
}

/**
 * Tells an object literal, `Object.create(null)` and what JSON.parse makes, also of another realm (a `vm` context, an iframe,
 * a test runner), which has its own `Object.prototype`. An array and an instance of a class are none.
 */
export function isPlainObject(value: unknown): value is SessionData {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf')
}

/** The name of an object's class, for a message. */
export function className(value: object): string {
  const name: unknown = (value.constructor as { name?: unknown } | undefined)?.name
  return typeof name === 'string' && name !== '' ? name : 'a class'
}

/**
 * Freezes plain objects and arrays at every level. Bytes, dates, maps, sets and values of classes stay as they are.
 *
 * @returns the same value
 */
export function deepFreeze<Value>(value: Value): Value {
  if (Array.isArray(value) || (value && Object.getPrototypeOf(value) === Object.prototype)) {
    for (const member of Object.values(Object.freeze(value) as object)) deepFreeze(member)
  }
  return value
}

/** What an application may give at once or by a promise. */
export type MaybePromise<T> = T | Promise<T>

/** Any Standard Schema (version 1 of its specification): zod, valibot, arktype and others have this property. */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** The property by which every Standard Schema is known. */
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => MaybePromise<SchemaResult<Output>>
    /** Carries the types; never there at run time. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** What a schema says of a value: its output, or what is wrong. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}
