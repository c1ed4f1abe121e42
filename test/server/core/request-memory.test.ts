/** What is kept of a request, wherever it can be kept. */
import { expect, test } from 'vitest'
import { createRequestMemory } from '../../../src/server/core/http.js'

const request = () => ({ headers: { cookie: 'a=b' } })

test.each<[string, () => object]>([
  ['an object', request],
  ['a Request', () => new Request('https://example.org/')],
  ['a frozen object', () => Object.freeze(request())],
  ['a proxy that takes nothing', () => new Proxy(request(), { defineProperty: () => false })],
])('%s keeps one value for each memory', (_, create) => {
  const [memory, other] = [createRequestMemory<number>(), createRequestMemory<number>()]
  const [first, second] = [create(), create()]
  expect(memory.of(first)).toBeUndefined()
  memory.keep(first, 1)
  memory.keep(second, 2)
  other.keep(first, 3)
  expect([memory.of(first), memory.of(second), other.of(first), other.of(second)]).toEqual([1, 2, 3, undefined])
  memory.keep(first, 4)
  expect(memory.of(first)).toBe(4)
})

test('nothing shows at the request, and nothing goes along to a copy or to what inherits from it', () => {
  const memory = createRequestMemory<number>()
  const kept = request()
  memory.keep(kept, 1)
  expect(Reflect.ownKeys({ ...kept })).toEqual(['headers'])
  expect(kept).toStrictEqual(request())
  expect([{ ...kept }, Object.create(kept), structuredClone(kept)].map((copy) => memory.of(copy))).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})
