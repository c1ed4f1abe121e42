/**
 * BSON's special types on the server: the value classes of the `bson` package, or of a MongoDB driver's own copy of it.
 * The one file that imports the package, when a value first needs one of its classes; reading and writing are our own.
 */

import type { BsonTypes } from '../shared/bson/reader.js'

/** What a copy of the `bson` package exports, version 4 or later; `require('mongodb').BSON` is one. */
export interface BsonModule {
  ObjectId: new (bytes: Uint8Array) => object
  Decimal128: new (bytes: Uint8Array) => object
  Binary: new (bytes: Uint8Array, subtype: number) => object
  UUID: new (bytes: Uint8Array) => object
  Timestamp: { fromBits(increment: number, seconds: number): object }
  BSONRegExp: new (pattern: string, options: string) => object
  /** Each copy has a class of its own for the id. */
  DBRef: new (
    collection: string,
    objectId: never,
  ) => object
  Code: new (code: string, scope?: Record<string, unknown>) => object
  MinKey: new () => object
  MaxKey: new () => object
}

const CLASSES = [
  'ObjectId',
  'Decimal128',
  'Binary',
  'UUID',
  'Timestamp',
  'BSONRegExp',
  'DBRef',
  'Code',
  'MinKey',
  'MaxKey',
] as const satisfies (keyof BsonModule)[]

/** The classes of the `bson` package, once it is loaded: a cache of its import, and the only state here. */
let packageTypes: BsonTypes | undefined

/** Says that a value needs a class of the package, and that the package is not loaded. `withBsonTypes` catches it. */
class BsonNeededError extends Error {}

/** The classes of the `bson` package that this one depends on. For use inside of `withBsonTypes`, which loads it. */
export const bsonPackageTypes: BsonTypes = {
  objectId: (bytes) => loadedTypes().objectId(bytes),
  decimal128: (bytes) => loadedTypes().decimal128(bytes),
  binary: (bytes, subtype) => loadedTypes().binary(bytes, subtype),
  timestamp: (increment, seconds) => loadedTypes().timestamp(increment, seconds),
  regExp: (pattern, options) => loadedTypes().regExp(pattern, options),
  code: (code, scope) => loadedTypes().code(code, scope),
  minKey: () => loadedTypes().minKey(),
  maxKey: () => loadedTypes().maxKey(),
  dbRef: (collection, objectId) => loadedTypes().dbRef(collection, objectId),
}

function loadedTypes(): BsonTypes {
  if (packageTypes === undefined) throw new BsonNeededError('The bson package is not loaded')
  return packageTypes
}

/**
 * What `read` returns. A value that needs a class of the `bson` package makes it load the package, and read once more.
 *
 * @param read - is synchronous, and may be called twice
 */
export async function withBsonTypes<T>(read: () => T): Promise<T> {
  try {
    return read()
  } catch (error) {
    const isNeeded = error instanceof BsonNeededError || (error as Error | null)?.cause instanceof BsonNeededError
    if (!isNeeded) throw error
    packageTypes ??= bsonTypesOf(await import('bson'))
    return read()
  }
}

/**
 * Types that are classes of another copy of the package, so that a driver takes an ObjectId of a session as its own.
 *
 * @param module - for one `require('mongodb').BSON` or `import * as bson from 'bson'`
 * @throws {TypeError} where `module` has no such classes
 * @since 0.1.0
 * @example
 * const codec = beakerJwt({ secrets, bsonTypes: bsonTypesOf(bson) })
 */
export function bsonTypesOf(module: BsonModule): BsonTypes {
  for (const name of CLASSES) {
    if (typeof module?.[name] !== 'function')
      throw new TypeError(`module: not a copy of the bson package, ${name} is missing`)
  }
  return {
    objectId: (bytes) => new module.ObjectId(bytes),
    decimal128: (bytes) => new module.Decimal128(bytes),
    binary: (bytes, subtype) =>
      subtype === 4 && bytes.length === 16 ? new module.UUID(bytes) : new module.Binary(bytes, subtype),
    timestamp: (increment, seconds) => module.Timestamp.fromBits(increment, seconds),
    // The class throws on an option that it does not know; Python ignores it.
    regExp: (pattern, options) => new module.BSONRegExp(pattern, options.replace(/[^ilmsux]/g, '')),
    code: (code, scope) => new module.Code(code, scope),
    minKey: () => new module.MinKey(),
    maxKey: () => new module.MaxKey(),
    dbRef: (collection, objectId) => new module.DBRef(collection, objectId as never),
  }
}
