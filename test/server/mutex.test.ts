import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { createMutex } from '../../src/server/mutex.js'

test('runs at once what need not wait', () => {
  const mutex = createMutex<string>()
  expect(mutex('a', () => 1)).toBe(1)
  expect(mutex('a', () => mutex('a', () => 2))).toBe(2)
  expect(() =>
    mutex('a', () => {
      throw new Error('no')
    }),
  ).toThrow('no')
  expect(mutex('a', () => 3)).toBe(3)
})

test('runs one task at a time, whatever becomes of it', async () => {
  const mutex = createMutex<string>()
  const seen: string[] = []
  const task = (name: string, fails = false) =>
    mutex('key', async () => {
      seen.push(`${name} begins`)
      await Promise.resolve()
      seen.push(`${name} ends`)
      if (fails) throw new Error(name)
      return name
    })
  const results = await Promise.allSettled([task('a'), task('b', true), task('c'), mutex('key', () => seen.push('d'))])
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends', 'd'])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  // Nothing is left waiting.
  expect(mutex('key', () => 'at once')).toBe('at once')
})

test('other keys do not wait, and objects are keys', async () => {
  const mutex = createMutex<object>()
  const first = {}
  const seen: string[] = []
  const slow = mutex(first, async () => {
    await new Promise((resolve) => setTimeout(resolve, 1))
    seen.push('first')
  })
  expect(mutex({}, () => seen.push('second'))).toBe(1)
  await slow
  expect(seen).toEqual(['second', 'first'])
})

test('waits for a promise of another realm', async () => {
  const mutex = createMutex<string>()
  const seen: string[] = []
  const slow = mutex('a', () => runInNewContext('Promise.resolve(0).then(end)', { end: () => seen.push('first') }))
  await Promise.all([slow, mutex('a', () => seen.push('second'))])
  expect(seen).toEqual(['first', 'second'])
})

test('tells whether a task of a key is under way', async () => {
  const mutex = createMutex<string>()
  const task = mutex('a', () => Promise.resolve())
  expect([mutex.isRunning('a'), mutex.isRunning('b')]).toEqual([true, false])
  await task
  await Promise.resolve()
  expect(mutex.isRunning('a')).toBe(false)
})
