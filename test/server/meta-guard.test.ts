import { describe, expect, test } from 'vitest'
import { equalValues } from '../../src/server/equal-values.js'
import { createMetaGuard, refuseMeta } from '../../src/server/meta-guard.js'

const META = { _id: 'session.id', exp: 'session.expiresAt' }
const guard = createMetaGuard(META)
const data = (): Record<string, unknown> => guard<Record<string, unknown>>({ user: 'dave' })

describe('the guard', () => {
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
    expect(guard(guarded)).toBe(guarded)
    const frozen = Object.freeze({ a: 1 })
    expect(guard(frozen)).toBe(frozen)
  })

  test('a codec without such names has no guard', () => {
    const free = createMetaGuard(undefined)<Record<string, unknown>>({})
    free._id = 1
    expect(free).toEqual({ _id: 1 })
  })
})

describe('the check at writing', () => {
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
