import { describe, expect, test } from 'vitest'
import { createMetaGuard, refuseMeta } from '../../../src/server/codecs/codec.js'
import { equalValues } from '../../../src/server/values.js'

const META = { _id: 'session.id', exp: 'session.expiresAt' }
const guards = createMetaGuard(META)

describe.each(['guard', 'guardCopy'] as const)('%s', (name) => {
  const guard = guards[name].bind(guards)
  const data = (): Record<string, unknown> => guard<Record<string, unknown>>({ user: 'dave' })

  test.each(Object.entries(META))('assigning %s throws and names %s', (key, instead) => {
    expect(() => {
      data()[key] = 'x'
    }).toThrow(new TypeError(`"${key}" is not session data: use ${instead}`))
    expect(() => Object.assign(data(), { [key]: 'x' })).toThrow(TypeError)
  })

  test('leaves the data as it was', () => {
    const guarded = data()
    expect(Object.keys(guarded)).toEqual(['user'])
    expect(JSON.stringify(guarded)).toBe('{"user":"dave"}')
    expect({ ...guarded }).toStrictEqual({ user: 'dave' })
    expect(structuredClone(guarded)).toStrictEqual({ user: 'dave' })
    expect(Object.getPrototypeOf(guarded)).toBe(Object.prototype)
    expect(equalValues(guarded, { user: 'dave' })).toBe(true)
    expect(guarded._id).toBeUndefined()
  })

  test('says nothing of the same names deeper inside', () => {
    expect(() => Object.assign(data(), { inner: { _id: 1, exp: 2 } })).not.toThrow()
  })

  test('works twice on the same object, and on data that can not be changed', () => {
    const guarded = data()
    expect(guards.guard(guarded)).toBe(guarded)
    expect(guard(guarded)).toStrictEqual(guarded)
    const frozen = Object.freeze({ a: 1 })
    expect(guards.guard(frozen)).toBe(frozen)
    expect(guard(frozen)).toStrictEqual({ a: 1 })
  })

  test('leaves a meta key that is there, and __proto__ as the key it is', () => {
    const odd = guard(JSON.parse('{"_id":1,"__proto__":{"admin":true},"user":"dave"}'))
    expect(JSON.stringify(odd)).toBe('{"_id":1,"__proto__":{"admin":true},"user":"dave"}')
    expect(Object.getPrototypeOf(odd)).toBe(Object.prototype)
    expect(() => {
      odd._id = 2
    }).not.toThrow()
    expect(() => {
      odd.exp = 2
    }).toThrow(TypeError)
  })

  test('keeps the prototype of data that has one', () => {
    class Cart {
      items = 1
    }
    expect(guard(new Cart())).toBeInstanceOf(Cart)
    expect(() => Object.assign(guard(new Cart()), { exp: 1 })).toThrow(TypeError)
  })

  test('a codec without such names has no guard', () => {
    const none = createMetaGuard(undefined)
    const free = none[name]<Record<string, unknown>>({})
    free._id = 1
    expect(free).toEqual({ _id: 1 })
  })
})

describe('the check at writing', () => {
  const data = (): Record<string, unknown> => guards.guard<Record<string, unknown>>({ user: 'dave' })

  test('refuses a key that came in another way', () => {
    expect(() => refuseMeta({ user: 'dave', exp: 5 }, META)).toThrow(/"exp" is not session data/)
    expect(() => refuseMeta(JSON.parse('{"_id":null}'), META)).toThrow(TypeError)
  })

  test('lets guarded data, undefined and inherited keys pass', () => {
    expect(() => refuseMeta(data(), META)).not.toThrow()
    expect(() => refuseMeta({ _id: undefined }, META)).not.toThrow()
    expect(() => refuseMeta(Object.create({ _id: 1 }), META)).not.toThrow()
    expect(() => refuseMeta({}, { constructor: 'x', toString: 'y' })).not.toThrow()
  })
})
