/** Values that another realm made, as a `vm` context or a test runner does: plain data like any other. */
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { nextSessions } from '../../src/server/adapters/next.js'
import {
  beaker,
  beakerJwt,
  compact,
  djangoSigned,
  jwe,
  jwt,
  memoryStore,
  type SessionCodec,
} from '../../src/server/index.js'
import { copyOf, equalValues, mergeByKey } from '../../src/server/values.js'
import { isPlainObject } from '../../src/shared/types.js'
import { SECRET, serve } from './server.helpers.js'

const foreign = <Value>(source: string): Value => runInNewContext(`(${source})`) as Value
const CART = '{ items: [{ id: 1, tags: ["a"] }], none: null, bare: Object.assign(Object.create(null), { x: 1.5 }) }'
const cart = (): object => ({ items: [{ id: 1, tags: ['a'] }], none: null, bare: { x: 1.5 } })

test.each<[string, unknown, boolean]>([
  ['an object literal', {}, true],
  ['an object without a prototype', Object.create(null), true],
  ['an object literal of another realm', foreign('{ a: 1 }'), true],
  ['JSON of another realm', foreign('JSON.parse("{}")'), true],
  ['an object with a method of its own', foreign('{ isPrototypeOf: 1 }'), true],
  ['an array', [], false],
  ['an array of another realm', foreign('[]'), false],
  ['an instance of a class', new (class A {})(), false],
  ['an instance of a class of another realm', foreign('new (class A {})()'), false],
  ['an instance of a class that extends null', Object.create(class A extends null {}.prototype), false],
  ['an object that inherits from a literal', Object.create({ a: 1 }), false],
  ['an object that inherits from a bare object', Object.create(Object.create(null)), false],
  ['a date', foreign('new Date(0)'), false],
  ['a Map', foreign('new Map()'), false],
  ['a function', foreign('() => {}'), false],
  ['a text', 'a', false],
  ['null', null, false],
])('isPlainObject: %s', (_, value, expected) => {
  expect(isPlainObject(value)).toBe(expected)
})

describe('is written and read', () => {
  test.each<[string, () => SessionCodec]>([
    ['beakerJwt', () => beakerJwt({ secrets: SECRET })],
    ['beakerJwt with plain claims', () => beakerJwt({ secrets: SECRET, compress: false })],
    ['jwt', () => jwt({ secrets: SECRET })],
    ['beaker with pickle', () => beaker({ validateKey: SECRET })],
    ['beaker with JSON', () => beaker({ validateKey: SECRET, serializer: 'json' })],
    ['djangoSigned', () => djangoSigned({ secretKey: SECRET })],
    ['djangoSigned with pickle', () => djangoSigned({ secretKey: SECRET, serializer: 'pickle' })],
    ['compact', () => compact({ secrets: SECRET })],
    ['jwe', () => jwe({ secrets: SECRET })],
    ['jwe with claims', () => jwe({ secrets: SECRET, payload: 'claims' })],
  ])('by %s', async (_, codec) => {
    const { sessions, browser, visit } = serve({ codecs: [codec()] })
    await visit((data) => {
      data.cart = foreign(CART)
    })
    expect((await sessions.load(browser.cookie)).data).toEqual({ cart: cart() })
    expect(
      await visit((data) => {
        data.cart = foreign(CART)
      }),
      'equal data is not written',
    ).toEqual([])
  })

  test('by a store', async () => {
    const { sessions, browser, visit } = serve({ store: memoryStore(), codecs: [jwt({ secrets: SECRET })] })
    await visit((data) => {
      data.cart = foreign(CART)
    })
    expect((await sessions.load(browser.cookie)).data).toEqual({ cart: cart() })
  })

  test('as a flash message', async () => {
    const session = await serve().sessions.load(null)
    session.flash('info', foreign(CART))
    expect(session.flash('info')).toEqual([cart()])
    expect(() => session.flash('info', foreign('{ at: new Date(0) }'))).toThrow(TypeError)
  })

  test('but JSON has no date, wherever it comes from', async () => {
    const { visit } = serve({ codecs: [jwt({ secrets: SECRET })] })
    await expect(
      visit((data) => {
        data.at = foreign('new Date(0)')
      }),
    ).rejects.toThrow("JSON can't hold a Date")
  })
})

test('is read only in a server component', async () => {
  const cookies = { getAll: () => [], set: () => {} }
  const { read, change } = nextSessions(
    serve().sessions,
    async () => cookies,
    async () => new Headers(),
  )
  await change((session) => {
    session.data.cart = foreign(CART)
  })
  const { data } = (await read()) as unknown as { data: { cart: { items: unknown[] } } }
  expect(data.cart).toEqual(cart())
  expect(() => data.cart.items.push(2)).toThrow('server action')
  expect(() => Object.assign(data.cart, { none: 1 })).toThrow('server action')
})

describe('values', () => {
  const all = '{ at: new Date(5), bytes: new Uint8Array([1]), map: new Map([["a", 1]]), set: new Set([1]), re: /a/g }'

  test('are equal to those of this realm, and told apart by what is in them', () => {
    const here = { at: new Date(5), bytes: Uint8Array.of(1), map: new Map([['a', 1]]), set: new Set([1]), re: /a/g }
    expect(equalValues(foreign(all), here)).toBe(true)
    expect(equalValues(here, foreign(all))).toBe(true)
    for (const [key, other] of Object.entries({
      at: 'new Date(6)',
      bytes: 'new Uint8Array([2])',
      map: 'new Map([["a", 2]])',
      set: 'new Set([2])',
      re: '/a/i',
    })) {
      expect(equalValues({ ...foreign<object>(all), [key]: foreign(other) }, here), key).toBe(false)
    }
  })

  test('are copied, and merged', () => {
    const value = foreign<{ at: Date; bytes: Uint8Array; map: Map<string, number>; set: Set<number> }>(all)
    const copy = copyOf(value)
    value.at.setTime(6)
    value.bytes[0] = 2
    value.map.set('a', 2)
    value.set.add(2)
    expect(equalValues(copy, foreign(all))).toBe(true)
    const { data, clashes } = mergeByKey({
      base: { a: copy },
      mine: { a: foreign(all), b: 1 },
      theirs: { a: foreign(all) },
    })
    expect(clashes).toEqual([])
    expect(equalValues(data, { a: foreign(all), b: 1 })).toBe(true)
  })
})
