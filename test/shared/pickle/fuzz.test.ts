/**
 * Whatever comes in: a value or a `SessionError`, soon, and nothing else changes (THREATS 14, 15, 35).
 * `FUZZ_RUNS` makes it longer, `SESSIONGLASS_SEED` sets the seed.
 */

import { Buffer } from 'node:buffer'
import * as bson from 'bson'
import { expect, test } from 'vitest'
import { bsonTypesOf } from '../../../src/server/bson-types.js'
import { writePickle } from '../../../src/server/pickle/writer.js'
import { readBson } from '../../../src/shared/bson/reader.js'
import { writeBson } from '../../../src/shared/bson/writer.js'
import { isSessionError } from '../../../src/shared/errors.js'
import type { PickleNode } from '../../../src/shared/pickle/node.js'
import { readPickle } from '../../../src/shared/pickle/reader.js'
import type { OriginNode, SessionData } from '../../../src/shared/types.js'
import { runs } from '../../random.js'
import { mutation, program, randomBytes, randomNumbers } from './programs.js'
import { taggedNode } from './tagged-node.js'
import { pickleVectors } from './vectors.js'

const bsonPackageTypes = bsonTypesOf(bson)

const inputs = runs(1_500)
const seed = Number(process.env.SESSIONGLASS_SEED || Date.now() % 0x7fffffff)
const vectors = [...pickleVectors('pickle_py3'), ...pickleVectors('pickle_py2')]

test(`${inputs} random pickles, seed ${seed}`, { timeout: 60_000 + inputs }, () => {
  const random = randomNumbers(seed)
  const prototype = Reflect.ownKeys(Object.prototype)
  const count = { read: 0, refused: 0, written: 0 }
  for (let run = 0; run < inputs; run++) {
    const kind = random(10)
    const bytes = kind === 0 ? randomBytes(random) : kind < 5 ? mutation(random, vectors) : program(random)
    const outcome = attempt(bytes)
    count[outcome]++
  }
  expect(Reflect.ownKeys(Object.prototype)).toEqual(prototype)
  expect(Object.keys(globalThis).filter((key) => key.startsWith('pwned'))).toEqual([])
  // Not vacuous: a good part is read, written and read again.
  expect(count.read + count.refused + count.written).toBe(inputs)
  expect(count.written).toBeGreaterThan(inputs / 10)
  expect(count.refused).toBeGreaterThan(inputs / 10)
})

/** As an upgrade would. */
function asBson(value: unknown, origin: OriginNode): void {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return
  try {
    readBson(writeBson(value as SessionData, { origin }), bsonPackageTypes)
  } catch (error) {
    if (!isSessionError(error) || !['ERR_SESSION_UNWRITABLE', 'ERR_SESSION_LIMIT'].includes(error.code)) throw error
  }
}

function attempt(bytes: Uint8Array): 'read' | 'refused' | 'written' {
  try {
    const encoding = 'latin1'
    let document: ReturnType<typeof readPickle>
    try {
      document = readPickle(bytes, { encoding })
    } catch (error) {
      if (isSessionError(error)) return 'refused'
      throw error
    }
    const { value, origin, root } = document
    let written: Uint8Array
    asBson(value, origin)
    try {
      written = writePickle(value as SessionData, { origin })
    } catch (error) {
      if (isSessionError(error) && error.code === 'ERR_SESSION_UNWRITABLE') return 'read'
      throw error
    }
    const again = readPickle(written, { encoding })
    // A list, set or bytearray that is a key, as no Python writes it, became a tuple, frozenset or bytes.
    const hashable = (node: PickleNode): string =>
      JSON.stringify(taggedNode(node))
        .replaceAll('$frozenset', '$set')
        .replaceAll('$bytearray', '$bytes')
        .replace(/{"\$tuple":(\[)|(\])}/g, '$1$2')
    if (!/\$ref|set"/.test(hashable(root))) expect(hashable(again.root)).toBe(hashable(root))
    // A member twice in a set, as no Python writes it, is one from the second writing on.
    const second = rewrite(written)
    expect(Buffer.from(rewrite(second)).equals(second)).toBe(true)
    return 'written'
  } catch (error) {
    throw new Error(`seed ${seed}: ${Buffer.from(bytes).toString('base64')}`, { cause: error })
  }
}

function rewrite(bytes: Uint8Array): Uint8Array {
  const { value, origin } = readPickle(bytes, { encoding: 'latin1' })
  return writePickle(value as SessionData, { origin })
}
