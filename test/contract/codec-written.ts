/** The part of the contract suite about whatever a codec writes: it can be read, or it is refused. */
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SessionCodec } from '../../src/server/index.js'
import { runs } from '../random.js'
import { session, sign, signed } from './codec-checks.js'
import { BOOM, buildSession, canonical, punch, recipes, unlessRefused } from './written.js'

export interface WrittenOptions {
  /** The same codec with another limit of bytes, if it has one. */
  limited?(maxInflated: number): SessionCodec
  /** Whether -0 stays what it is. */
  minusZero: boolean
}

/** Bytes; what is written by default, too much for it, and the sizes of sessions in between. */
const SIZES = [undefined, 1, 30, 120, 400, 2000, 45_000, 1_048_576, 1_200_000]

/** Defines the tests of what a codec writes. */
export function codecWritten(codec: SessionCodec, { limited, minusZero }: WrittenOptions): void {
  const text = (data: unknown): string => canonical(data, { minusZero })
  const codecOf = (size: number | undefined): SessionCodec => (size === undefined || !limited ? codec : limited(size))

  describe('whatever is written can be read', () => {
    test('random sessions with random limits, new and written again', async () => {
      await fc.assert(
        fc.asyncProperty(recipes, fc.constantFrom(...SIZES), fc.array(fc.nat({ max: 4 })), async (made, size, gone) => {
          const data = buildSession(made)
          const writer = codecOf(size)
          const value = await unlessRefused(() => signed(writer, { data }))
          if (value === undefined) return
          const record = await writer.verify(value, session)
          expect(text(record.data)).toBe(text(data))
          for (const index of gone) punch(record.data, index)
          const again = await unlessRefused(() => sign(writer, record, session))
          if (again !== undefined) expect(text((await writer.verify(again, session)).data)).toBe(text(record.data))
        }),
        { numRuns: runs(100) },
      )
    })

    test('a list with a hole, over and over', async () => {
      let record = await codec.verify(await signed(codec, { data: { cart: ['a', 'b', { c: 1.5 }, 'd'] } }), session)
      for (const index of [0, 3, 2, 1]) {
        delete (record.data.cart as unknown[])[index]
        record = await codec.verify(await sign(codec, record, session), session)
        expect((record.data.cart as unknown[])[index]).toBeNull()
      }
      expect(record.data).toEqual({ cart: [null, null, null, null] })
    })

    test('what a value of the application throws is that very error', async () => {
      for (const data of [
        {
          get user() {
            return boom()
          },
        },
        new Proxy({ user: 'dave' }, { get: boom }),
      ]) {
        const error = await signed(codec, { data: { deep: data } }).catch((error: unknown) => error)
        expect(error, inspect(error)).toBe(BOOM)
      }
    })
  })
}

function boom(): never {
  throw BOOM
}
