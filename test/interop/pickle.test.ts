/**
 * Pickles against the real Pythons: what they write is read value by value, and what we write they read as it was.
 */
import { describe, expect, test } from 'vitest'
import { writePickle } from '../../src/server/pickle/writer.js'
import { readPickle } from '../../src/shared/pickle/reader.js'
import type { SessionData } from '../../src/shared/types.js'
import { normalized, type Tagged, taggedNode } from '../shared/pickle/tagged-node.js'
import { bytesOf, findPython2, findPython3, type Loaded, picklesOf, type RandomPickle } from './pickle.helpers.js'

const seed = Number(process.env.SESSIONGLASS_SEED || 20_231_114)
const python3 = findPython3()
const python2 = findPython2()
if (python3 === undefined) console.warn('skipping "pickles of Python 3": no Python packages')
if (python2 === undefined) console.warn('skipping "pickles of Python 2": no python2.7; SESSIONGLASS_PYTHON2 names it')

describe.skipIf(python3 === undefined)(`pickles of Python 3, seed ${seed}`, () => {
  const pickles = picklesOf(python3 as string)

  test('of protocols 0 to 5 are read value by value', () => {
    const made = pickles.random(seed, 1200, [0, 1, 2, 3, 4, 5])
    expect(made.length).toBe(1200)
    for (const { pickle, protocol, value } of made) {
      const { root } = readPickle(bytesOf(pickle))
      expect(taggedNode(root), `protocol ${protocol} ${pickle}`).toEqual(normalized(value))
    }
  })

  test('of every protocol come back equal in value and type', () => {
    const made = pickles.random(seed + 1, 1200, [0, 1, 2, 3, 4, 5])
    const written = made.map(({ pickle }) => rewrite(pickle))
    expectSame(pickles.load(written), made)
  })

  test('keep every other key when one is changed', () => {
    const made = pickles.random(seed + 2, 1000, [2])
    const changes = made.map(({ pickle }, index) => changeOne(bytesOf(pickle), index))
    const written = changes.map((change) => change.written)
    const keys = changes.map(({ key }) => key)
    const others = pickles.load(written, keys)
    const before = pickles.load(
      made.map(({ pickle }) => bytesOf(pickle)),
      keys,
    )
    expect(others.length).toBe(1000)
    others.forEach((outcome, index) => {
      const { pickle } = made[index] as RandomPickle
      expect(taggedOf(outcome), pickle).toEqual(taggedOf(before[index] as Loaded))
    })
    pickles.load(written).forEach((outcome, index) => {
      const { key, kind } = changes[index] as Change
      const { $dict } = taggedOf(outcome) as { $dict: [string, Tagged][] }
      const found = $dict.filter(([name]) => name === key).map(([, value]) => value)
      expect(found).toEqual(kind === 'remove' ? [] : ['changed by Node'])
    })
  })

  test('keep every other key in a copy of the session', () => {
    const made = pickles.random(seed + 3, 300, [2, 4])
    const copied = made.map(({ pickle }) => {
      const { origin, value } = readPickle(bytesOf(pickle))
      const fresh = readPickle(bytesOf(pickle)).value as SessionData
      expect(fresh).not.toBe(value)
      return writePickle(fresh, { origin })
    })
    expectSame(pickles.load(copied), made)
  })

  test('are written as Python itself writes them', () => {
    // Sets come in another order, and equal texts are not one object in Python: only the plain ones are compared.
    const made = pickles
      .random(seed + 4, 300, [2])
      .filter(({ value }) => !/\$(?:frozen)?set/.test(JSON.stringify(value)))
    const python = pickles.dump(made.map(({ pickle }) => bytesOf(pickle)))
    const longer = python.filter((bytes, index) => rewrite((made[index] as RandomPickle).pickle).length > bytes.length)
    expect(longer).toEqual([])
  })
})

describe.skipIf(python2 === undefined)(`pickles of Python 2, seed ${seed}`, () => {
  const pickles = picklesOf(python2 as string)

  test('go back to Python 2 as they were', () => {
    const made = pickles.random(seed + 5, 900, [0, 1, 2])
    const written = made.map(({ pickle }) => {
      const { origin, value } = readPickle(bytesOf(pickle), { encoding: 'latin1' })
      return writePickle(value as SessionData, { origin, python2: true })
    })
    expectSame(pickles.load(written), made)
  })

  test.skipIf(python3 === undefined)('are read by Python 3 when written for it', () => {
    const made = pickles.random(seed + 6, 300, [0, 1, 2])
    const written = made.map(({ pickle }) => {
      const { origin, value } = readPickle(bytesOf(pickle), { encoding: 'latin1' })
      return writePickle(value as SessionData, { origin })
    })
    const loaded = picklesOf(python3 as string).load(written)
    const read = written.map((bytes) => taggedNode(readPickle(bytes).root))
    loaded.forEach((outcome, index) => {
      expect(read[index]).toEqual(normalized(taggedOf(outcome)))
    })
  })
})

function rewrite(pickle: string): Uint8Array {
  const { origin, value } = readPickle(bytesOf(pickle))
  return writePickle(value as SessionData, { origin })
}

interface Change {
  key: string
  kind: 'set' | 'add' | 'remove'
  written: Uint8Array
}

function changeOne(pickle: Uint8Array, index: number): Change {
  const { origin, value } = readPickle(pickle)
  const data = value as SessionData
  const keys = Object.keys(data)
  const kind = (['set', 'add', 'remove'] as const)[index % 3] as Change['kind']
  const key = kind === 'add' ? 'added' : (keys[index % keys.length] as string)
  if (kind === 'remove') delete data[key]
  else data[key] = 'changed by Node'
  return { key, kind, written: writePickle(data, { origin }) }
}

function taggedOf(outcome: Loaded): Tagged {
  if ('raises' in outcome) throw new Error(`Python refuses what we wrote: ${outcome.raises}`)
  return outcome.value
}

function expectSame(loaded: Loaded[], made: RandomPickle[]): void {
  expect(loaded.length).toBe(made.length)
  loaded.forEach((outcome, index) => {
    const { pickle, protocol, value } = made[index] as RandomPickle
    expect(taggedOf(outcome), `protocol ${protocol} ${pickle}`).toEqual(value)
  })
}
