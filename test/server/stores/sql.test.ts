/** The queue of a connection, and names of tables. */
import { expect, test } from 'vitest'
import { createQueue, quoteTable } from '../../../src/server/stores/sql.js'

test('a queue runs at once what need not wait', () => {
  const queue = createQueue()
  expect(queue(() => 1)).toBe(1)
  expect(queue(() => queue(() => 2))).toBe(2)
  expect(() =>
    queue(() => {
      throw new Error('no')
    }),
  ).toThrow('no')
  expect(queue(() => 3)).toBe(3)
})

test('a queue runs one task at a time, whatever becomes of it', async () => {
  const queue = createQueue()
  const seen: string[] = []
  const task = (name: string, fails = false) =>
    queue(async () => {
      seen.push(`${name} begins`)
      await Promise.resolve()
      seen.push(`${name} ends`)
      if (fails) throw new Error(name)
      return name
    })
  const results = await Promise.allSettled([task('a'), task('b', true), task('c'), queue(() => seen.push('d'))])
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends', 'd'])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  // Nobody is left waiting.
  expect(queue(() => 'at once')).toBe('at once')
})

test('a name is quoted, and what is none throws', () => {
  expect(quoteTable('django_session', 'table')).toBe('"django_session"')
  expect(quoteTable('app.Session$1', 'table')).toBe('"app"."Session$1"')
  for (const name of ['', '1a', 'a"', 'a.', '.a', 'a b', 'é', 'a;', 'a\n', 'a.b.c', 'x'.repeat(64)]) {
    expect(() => quoteTable(name, 'table'), name).toThrow('"table"')
  }
  expect(quoteTable('x'.repeat(63), 'table')).toHaveLength(65)
})
