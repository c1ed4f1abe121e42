/** Copies of data that was read once: equal to it, and nothing of it. */
import { ObjectId } from 'bson'
import { expect, test } from 'vitest'
import { createCopies } from '../../../src/server/values/copy-data.js'
import { equalValues } from '../../../src/server/values/equal-values.js'
import type { SessionData } from '../../../src/shared/types.js'

const data = (): SessionData => ({
  text: 'ada',
  number: -0,
  big: 2n ** 60n,
  nothing: null,
  time: new Date('2026-01-02T03:04:05.678Z'),
  bytes: Uint8Array.of(1, 2, 3),
  list: [1, [2, { three: [new Date(0)] }], null],
  inner: { deep: { deeper: {} } },
})

/** Every object in a value, the value among them. */
function objectsIn(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return []
  return [value, ...Object.values(value).flatMap(objectsIn)]
}

test('a copy is equal, with the keys in their order', () => {
  const copy = createCopies(data())?.()
  expect(copy).toStrictEqual(data())
  expect(Object.keys(copy ?? {})).toEqual(Object.keys(data()))
  expect(equalValues(copy, data())).toBe(true)
})

test('no object is shared with the data, nor between copies', () => {
  const original = data()
  const copies = createCopies(original) as () => SessionData
  const all = [original, copies(), copies()].map(objectsIn)
  expect(all.map((objects) => objects.length)).toEqual([11, 11, 11])
  expect(new Set(all.flat()).size).toBe(33)
})

test('what is done to one copy shows in no other', () => {
  const copies = createCopies(data()) as () => SessionData
  const first = copies() as { list: unknown[]; time: Date; bytes: Uint8Array }
  first.list.push(1)
  first.time.setTime(0)
  first.bytes[0] = 9
  expect(copies()).toStrictEqual(data())
})

test('__proto__ stays a key like any other', () => {
  const evil = JSON.parse('{"__proto__":{"admin":true},"inner":{"__proto__":[1]}}') as SessionData
  const copy = createCopies(evil)?.() as SessionData
  expect(JSON.stringify(copy)).toBe('{"__proto__":{"admin":true},"inner":{"__proto__":[1]}}')
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
  expect((copy as { admin?: boolean }).admin).toBeUndefined()
  expect(Object.getOwnPropertyDescriptor(copy, '__proto__')?.value).not.toBe(
    Object.getOwnPropertyDescriptor(evil, '__proto__')?.value,
  )
})

test.each<[string, unknown]>([
  ['an ObjectId', new ObjectId()],
  ['a Map', new Map()],
  ['a Buffer', Buffer.from('a')],
  ['an object without a prototype', Object.create(null)],
])('data with %s has to be read again', (_, value) => {
  expect(createCopies({ value })).toBeUndefined()
  expect(createCopies({ list: [{ value }] })).toBeUndefined()
})
