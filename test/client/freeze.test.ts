/** What a page shares can't be changed by one part of it for all the others. */
import { describe, expect, test } from 'vitest'
import { getSession, inspectSession } from '../../src/client/index.js'
import { lightBsonTypes } from '../../src/shared/bson/decimal.js'
import { deepFreeze } from '../../src/shared/types.js'
import { bsZ, tokenOf } from '../shared/shared.helpers.js'

type Nested = Record<string, Record<string, unknown>>

describe('deepFreeze', () => {
  test('plain objects and arrays at every level, and gives the same value', () => {
    const value = { a: { b: [{ c: {} }, []] } }
    expect(deepFreeze(value)).toBe(value)
    for (const object of [value, value.a, value.a.b, value.a.b[0], (value.a.b[0] as Nested).c, value.a.b[1]]) {
      expect(Object.isFrozen(object)).toBe(true)
    }
  })

  test('an own __proto__ too, and no prototype', () => {
    const value = JSON.parse('{"__proto__":{"a":{}},"constructor":{"prototype":{}}}')
    deepFreeze(value)
    const own = Object.getOwnPropertyDescriptor(value, '__proto__')?.value
    for (const object of [value, own, own.a, value.constructor.prototype]) expect(Object.isFrozen(object)).toBe(true)
    expect(Object.isFrozen(Object.prototype)).toBe(false)
    expect(Object.isFrozen(Array.prototype)).toBe(false)
  })

  test('bytes, dates, maps, sets and values of classes stay as they are', () => {
    const inside = { map: new Map(), set: new Set(), at: new Date(0), bytes: new Uint8Array(2), url: new URL('x:') }
    deepFreeze(inside)
    for (const value of Object.values(inside)) expect(Object.isFrozen(value)).toBe(false)
    inside.bytes[0] = 7
    expect(inside.bytes[0]).toBe(7)
  })

  test('other values as they are', () => {
    for (const value of [undefined, null, 0, '', 'text', true, 1n]) expect(deepFreeze(value)).toBe(value)
  })
})

describe('a session', () => {
  const bson = `s=${tokenOf({
    bsZ: bsZ({
      user: { roles: ['admin'] },
      at: new Date(1_000),
      bytes: Uint8Array.of(1, 2),
      code: lightBsonTypes.code('f()'),
    }),
  })}`

  test.each([
    ['claims', `s=${tokenOf({ user: { roles: ['admin'] } })}`],
    ['BSON', bson],
  ])('of %s can not be changed at any level', (_, cookie) => {
    const session = getSession<Nested>('s', { cookie }) as Nested
    const roles = session.user?.roles as string[]
    expect(() => {
      session.other = {}
    }).toThrow(TypeError)
    expect(() => delete session.user).toThrow(TypeError)
    expect(() => {
      ;(session.user as Nested).name = {}
    }).toThrow(TypeError)
    expect(() => roles.push('root')).toThrow(TypeError)
    expect(getSession('s', { cookie })).toMatchObject({ user: { roles: ['admin'] } })
  })

  test('dates and bytes of it work', () => {
    const session = getSession<{ at: Date; bytes: Uint8Array }>('s', { cookie: bson })
    expect(session?.at?.toISOString()).toBe('1970-01-01T00:00:01.000Z')
    expect(Object.isFrozen(session?.bytes)).toBe(false)
    expect([...(session?.bytes ?? [])]).toEqual([1, 2])
  })

  test('header, claims and meta of an inspection are frozen too; the inspection itself is the own of each caller', () => {
    const first = inspectSession('s', { cookie: `s=${tokenOf({ a: { b: 1 }, jti: 'x' }, '{"alg":"x","k":[1]}')}` })
    for (const object of [first.data, first.header, first.header?.k, first.claims, first.claims?.a, first.meta]) {
      expect(Object.isFrozen(object)).toBe(true)
    }
    expect(Object.isFrozen(first)).toBe(false)
  })
})
