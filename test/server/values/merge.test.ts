import { describe, expect, test } from 'vitest'
import { copyOf, mergeByKey } from '../../../src/server/values.js'

describe('mergeByKey', () => {
  test.each<[string, object, object, object, object, string[]]>([
    ['nothing changed', { a: 1 }, { a: 1 }, { a: 1 }, { a: 1 }, []],
    ['only mine', { a: 1 }, { a: 2, b: 1 }, { a: 1 }, { a: 2, b: 1 }, []],
    ['only theirs', { a: 1 }, { a: 1 }, { a: 2, b: 1 }, { a: 2, b: 1 }, []],
    ['different keys', { a: 1, b: 1 }, { a: 2, b: 1 }, { a: 1, b: 2, c: 1 }, { a: 2, b: 2, c: 1 }, []],
    ['the same change', { a: 1 }, { a: 2 }, { a: 2 }, { a: 2 }, []],
    ['the same key', { a: 1 }, { a: 2 }, { a: 3 }, { a: 2 }, ['a']],
    ['the same new key', {}, { a: [1] }, { a: [2] }, { a: [1] }, ['a']],
    ['I delete', { a: 1, b: 1 }, { b: 1 }, { a: 1, b: 2 }, { b: 2 }, []],
    ['they delete', { a: 1, b: 1 }, { a: 1, b: 2 }, { b: 1 }, { b: 2 }, []],
    ['both delete', { a: 1 }, {}, {}, {}, []],
    ['I delete what they change', { a: 1 }, {}, { a: 2 }, {}, ['a']],
    ['I change what they delete', { a: 1 }, { a: 2 }, {}, { a: 2 }, ['a']],
    ['undefined is deleted', { a: 1 }, { a: undefined }, { a: 1 }, {}, []],
    [
      'inside one object it is a clash',
      { a: { x: 1, y: 1 } },
      { a: { x: 2, y: 1 } },
      { a: { x: 1, y: 2 } },
      { a: { x: 2, y: 1 } },
      ['a'],
    ],
  ])('%s', (_, base, mine, theirs, data, clashes) => {
    const given = structuredClone([base, mine, theirs])
    expect(mergeByKey({ base: { ...base }, mine: { ...mine }, theirs: { ...theirs } })).toEqual({ data, clashes })
    expect([base, mine, theirs]).toEqual(given)
    expect(Object.keys(mergeByKey({ base: { ...base }, mine: { ...mine }, theirs: { ...theirs } }).data)).toEqual(
      expect.arrayContaining(Object.keys(data)),
    )
  })

  test('names of Object.prototype are keys like any other', () => {
    const mine = JSON.parse('{"__proto__":{"admin":true},"toString":1}')
    const { data } = mergeByKey({ base: {}, mine, theirs: { a: 1 } })
    expect(Object.entries(data)).toEqual([['a', 1], ...Object.entries(mine)])
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype)
  })
})

describe('copyOf', () => {
  class Id {
    bytes = new Uint8Array([1, 2])
  }

  test('equals, and shares nothing that can be changed', () => {
    const value = {
      list: [{ a: 1 }],
      at: new Date(5),
      bytes: new Uint8Array([1]),
      map: new Map([['k', { a: 1 }]]),
      set: new Set([[1]]),
      id: new Id(),
      none: null,
      bare: Object.assign(Object.create(null), { a: 1 }),
    }
    const copy = copyOf(value)
    expect(copy).toEqual(value)
    expect(copy.id).toBeInstanceOf(Id)
    value.list[0] = { a: 2 }
    value.at.setTime(6)
    value.bytes[0] = 2
    ;(value.map.get('k') as { a: number }).a = 2
    value.id.bytes[0] = 9
    expect([copy.list, copy.at, copy.bytes, copy.map.get('k'), copy.id.bytes]).toEqual([
      [{ a: 1 }],
      new Date(5),
      new Uint8Array([1]),
      { a: 1 },
      new Uint8Array([1, 2]),
    ])
  })

  test('ends in a circle, and keeps __proto__ a key', () => {
    const circle: Record<string, unknown> = {}
    circle.self = circle
    expect(copyOf(circle)).toHaveProperty('self.self.self')
    const copy = copyOf(JSON.parse('{"__proto__":{"x":1}}'))
    expect([Object.keys(copy), Object.getPrototypeOf(copy)]).toEqual([['__proto__'], Object.prototype])
  })
})
