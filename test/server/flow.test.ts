import { describe, expect, test } from 'vitest'
import { type Flow, run, wait } from '../../src/server/flow.js'

function* sum(...parts: (number | Promise<number>)[]): Flow<number> {
  let total = 0
  for (const part of parts) total += yield* wait(part)
  return total
}

describe('flow', () => {
  test('gives its result at once where nothing is a promise', () => {
    expect(run(sum(1, 2, 3))).toBe(6)
  })

  test('gives a promise from the first promise on', async () => {
    const result = run(sum(1, Promise.resolve(2), 3, Promise.resolve(4)))
    expect(result).toBeInstanceOf(Promise)
    expect(await result).toBe(10)
  })

  test('runs at once until the first promise', async () => {
    const seen: string[] = []
    function* flow(): Flow<void> {
      seen.push('before')
      yield* wait(Promise.resolve())
      seen.push('after')
    }
    const result = run(flow())
    expect(seen).toEqual(['before'])
    await result
    expect(seen).toEqual(['before', 'after'])
  })

  test('throws at once where nothing is a promise', () => {
    function* flow(): Flow<never> {
      yield* wait(undefined)
      throw new RangeError('at once')
    }
    expect(() => run(flow())).toThrow(new RangeError('at once'))
  })

  test('rejects from the first promise on', async () => {
    function* flow(): Flow<never> {
      yield* wait(Promise.resolve())
      throw new RangeError('later')
    }
    await expect(run(flow())).rejects.toThrow(new RangeError('later'))
  })

  test('a flow can catch what a promise rejects with, and go on', async () => {
    function* flow(): Flow<string> {
      try {
        yield* wait(Promise.reject(new RangeError('one')))
      } catch (error) {
        const more = yield* wait(Promise.resolve('two'))
        return `${(error as Error).message} ${more}`
      }
      return 'not caught'
    }
    expect(await run(flow())).toBe('one two')
  })

  test('what is not caught ends the flow and runs its finally', async () => {
    const seen: string[] = []
    function* flow(): Flow<void> {
      try {
        yield* wait(Promise.reject(new RangeError('one')))
        seen.push('never')
      } finally {
        seen.push('finally')
      }
    }
    await expect(run(flow())).rejects.toThrow('one')
    expect(seen).toEqual(['finally'])
  })

  test('waits for promises of other makes, and only for those', async () => {
    const withThen = (then: unknown): object => Object.fromEntries([['then', then]])
    const thenable = withThen((resolve: (value: number) => void) => resolve(5)) as Promise<number>
    expect(await run(sum(thenable))).toBe(5)
    function* flow(): Flow<object> {
      return yield* wait(withThen('a key'))
    }
    expect(run(flow())).toEqual(withThen('a key'))
  })
})
