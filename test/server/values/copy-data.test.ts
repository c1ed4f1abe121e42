/** Data that is read often: equal each time, and nothing of it twice. */
import { ObjectId } from 'bson'
import { expect, test } from 'vitest'
import { equalValues, readOften } from '../../../src/server/values.js'
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

/** What calls give that read with `read`, and how often that was asked. */
function calls(count: number, read: () => SessionData, first?: SessionData): { given: SessionData[]; reads: number } {
  let reads = 0
  const again = readOften(() => {
    reads++
    return read()
  }, first)
  return { given: Array.from({ length: count }, again), reads }
}

test('each call gives equal data, with the keys in their order', () => {
  for (const given of calls(4, data).given) {
    expect(given).toStrictEqual(data())
    expect(Object.keys(given)).toEqual(Object.keys(data()))
    expect(equalValues(given, data())).toBe(true)
  }
})

test('is read twice at most; what was read before is given away first', () => {
  expect([0, 1, 2, 3, 9].map((count) => calls(count, data).reads)).toEqual([0, 1, 2, 2, 2])
  const first = data()
  const { given, reads } = calls(9, data, first)
  expect(reads).toBe(1)
  expect(given[0]).toBe(first)
})

test('no object is in what two calls give', () => {
  const all = calls(4, data, data()).given.map(objectsIn)
  expect(all.map((objects) => objects.length)).toEqual([11, 11, 11, 11])
  expect(new Set(all.flat()).size).toBe(44)
})

test('what is done to one shows in no other', () => {
  const again = readOften(data)
  for (let count = 0; count < 4; count++) {
    const given = again() as { list: unknown[]; time: Date; bytes: Uint8Array }
    expect(given).toStrictEqual(data())
    given.list.push(1)
    given.time.setTime(0)
    given.bytes[0] = 9
  }
})

test('__proto__ stays a key like any other', () => {
  const evil = JSON.parse('{"__proto__":{"admin":true},"inner":{"__proto__":[1]}}') as SessionData
  const copy = calls(2, () => evil).given[1] as SessionData
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
])('data with %s is read each time', (_, value) => {
  expect(calls(5, () => ({ value })).reads).toBe(6)
  expect(calls(5, () => ({ list: [{ value }] })).reads).toBe(6)
})
