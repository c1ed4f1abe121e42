import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { copyOf, equalValues } from '../../../src/server/values.js'
import { runs } from '../../random.js'

class Point {
  readonly x: number
  constructor(x: number) {
    this.x = x
  }
}
class Other extends Point {}
const bytes = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes)
const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])

describe('equal', () => {
  test('any JSON value and its copy', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => equalValues(value, structuredClone(value))))
  })

  test.each<[unknown, unknown]>([
    [Number.NaN, Number.NaN],
    [5n, 5n],
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
    [{ a: undefined }, {}],
    [{}, { a: undefined }],
    [
      { a: 1, b: undefined },
      { c: undefined, a: 1 },
    ],
    [{ a: 1 }, Object.assign(Object.create(null), { a: 1 })],
    [new Date(5), new Date(5)],
    [new Date(Number.NaN), new Date(Number.NaN)],
    [bytes(1, 2), bytes(1, 2)],
    [bytes(1, 2), Buffer.from([1, 2])],
    [new Map([['a', [1, [2]]]]), new Map([['a', [1, [2]]]])],
    [new Set([1, 'a']), new Set([1, 'a'])],
    [/a/g, /a/g],
    [new Point(1), new Point(1)],
    [nested(60), nested(60)],
  ])('%# %o', (a, b) => {
    expect(equalValues(a, b)).toBe(true)
    expect(equalValues(b, a)).toBe(true)
  })
})

describe('different', () => {
  test('any two JSON values, unless they are written alike', () => {
    const sorted = (value: unknown): string => {
      if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : JSON.stringify(value)
      if (Array.isArray(value)) return `[${value.map(sorted)}]`
      const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${sorted(member)}`)
      return `{${members.sort()}}`
    }
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 2 }), fc.jsonValue({ maxDepth: 2 }), (a, b) => {
        expect(equalValues(a, b)).toBe(sorted(a) === sorted(b))
      }),
      { numRuns: runs(300) },
    )
  })

  test.each<[unknown, unknown]>([
    [0, -0],
    [1, '1'],
    [1, 1n],
    [null, undefined],
    [null, {}],
    [[], {}],
    [[1], [1, undefined]],
    [
      [1, 2],
      [2, 1],
    ],
    [{ a: 1 }, { a: 1, b: null }],
    [
      { a: 1, b: undefined },
      { a: 1, b: 1 },
    ],
    [{ a: null }, { b: null }],
    [{ a: null }, { a: undefined }],
    [{ toString: 1 }, {}],
    [{}, JSON.parse('{"__proto__":{}}')],
    [{ a: { b: [{ c: 1 }] } }, { a: { b: [{ c: 2 }] } }],
    [new Date(5), new Date(6)],
    [new Date(5), 5],
    [new Date(5), {}],
    [{}, new Date(5)],
    [bytes(1), bytes(2)],
    [bytes(1), [1]],
    [[1], bytes(1)],
    [new Map([['a', 1]]), new Map([['a', 2]])],
    [new Map([['a', 1]]), new Map([['b', 1]])],
    [new Map(), new Set()],
    [new Map(), {}],
    [new Set([1]), new Set([2])],
    [new Point(1), new Point(2)],
    [new Point(1), new Other(1)],
    [new Point(1), { x: 1 }],
    [/a/, /b/],
    [/a/g, /a/i],
    [nested(200), nested(200)],
  ])('%# %o %o', (a, b) => {
    expect(equalValues(a, b)).toBe(false)
    expect(equalValues(b, a)).toBe(false)
  })

  test('lists of four billion holes, and what is shared 2^60 times, take no time', () => {
    const holes = (last: unknown): unknown[] => {
      const list = new Array<unknown>(2 ** 32 - 1)
      list[2 ** 32 - 2] = last
      return list
    }
    expect(equalValues(holes(1), holes(1))).toBe(true)
    expect(equalValues(holes(1), holes(2))).toBe(false)
    expect(equalValues(holes(1), new Array(2 ** 32 - 1))).toBe(false)
    expect(equalValues(copyOf(holes({ a: 1 })), holes({ a: 1 }))).toBe(true)
    const doubled = (last: unknown): unknown => {
      let value = last
      for (let level = 0; level < 60; level++) value = [value, value]
      return value
    }
    expect(equalValues(doubled(1), doubled(1))).toBe(true)
    expect(equalValues(doubled(1), doubled(2))).toBe(false)
    expect(equalValues(copyOf(doubled(1)), doubled(1))).toBe(true)
  })

  test('long lists are compared to their last item', () => {
    for (const length of [100_000, 100_001]) {
      const list = new Array(length).fill(0)
      expect(equalValues(list, list.with(-1, 1))).toBe(false)
      expect(equalValues(list, [...list])).toBe(true)
      expect(copyOf(list)).toEqual(list)
    }
  })

  test('a circle ends, and equals another of its form', () => {
    const circle = (): unknown => {
      const value: { self?: unknown } = {}
      value.self = value
      return value
    }
    expect(equalValues(circle(), circle())).toBe(true)
    expect(equalValues(circle(), { self: { self: { self: null } } })).toBe(false)
  })
})
