/** The part of the contract suite about values that nobody with a key made, and about keys. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SessionCodec, SessionData } from '../../src/server/index.js'
import { expectRefused, half, pool, secret, session, signed } from './codec-checks.js'
import { samples, strangers } from './codec-samples.js'

const rich = samples['all that JSON knows'] as SessionData

/**
 * Defines the tests of what a codec refuses.
 *
 * @param options.rotates - whether it takes several secrets
 */
export function codecRefusals(
  create: (options: { secrets: readonly string[] }) => SessionCodec,
  { rotates }: { rotates: boolean },
): void {
  const codec = create({ secrets: [secret] })
  const other = create({ secrets: pool.slice(1, 2) })

  describe('a value that was tampered with is refused', () => {
    test('every bit of every character flipped', async () => {
      const value = await signed(codec, { data: { user: 'dave', text: 'swordfish' } })
      for (let at = 0; at < value.length; at++) {
        for (let bit = 1; bit < 128; bit *= 2) {
          const flipped = String.fromCharCode(value.charCodeAt(at) ^ bit)
          await expectRefused(codec, value.slice(0, at) + flipped + value.slice(at + 1), session, value)
        }
      }
    })

    test('cut at every length, at either end', async () => {
      const value = await signed(codec, { data: { user: 'dave' } })
      for (let length = 0; length < value.length; length++) {
        await expectRefused(codec, value.slice(0, length), session, value)
        await expectRefused(codec, value.slice(value.length - length), session, value)
      }
    })

    test('with a character more, anywhere', async () => {
      const value = await signed(codec, { data: { user: 'dave' } })
      for (let at = 0; at <= value.length; at++) {
        for (const more of ['=', 'A', '.', ' ', '"'])
          await expectRefused(codec, value.slice(0, at) + more + value.slice(at), session, value)
      }
    })

    test('two halves of good values', async () => {
      const first = await signed(codec, { data: { user: 'dave' } })
      const second = await signed(codec, { data: { user: 'eve' }, id: 'another' })
      for (let at = 1; at < Math.min(first.length, second.length); at++) {
        const mixed = first.slice(0, at) + second.slice(at)
        if (mixed !== first && mixed !== second) await expectRefused(codec, mixed, session, first)
      }
    })
  })

  describe('a value of somebody else is refused', () => {
    test.each(strangers.map((value) => [value.slice(0, 40), value]))('%j', async (_, value) => {
      for (const context of [session, half]) await expectRefused(codec, value, context)
    })

    test('random text', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.string({ unit: 'binary' }),
          async (text) => void (await expectRefused(codec, text, session)),
        ),
      )
    })

    test('of another secret', async () => {
      const value = await signed(other, { data: { user: 'dave' } })
      const { code } = await expectRefused(codec, value, session, value)
      expect(['ERR_SESSION_SIGNATURE', 'ERR_SESSION_KEY']).toContain(code)
    })
  })

  if (rotates) {
    test('the first secret of a random ring signs, and every one verifies at its place', async () => {
      const ring = fc.shuffledSubarray([...pool], { minLength: 1 })
      await fc.assert(
        fc.asyncProperty(ring, ring, async (before, after) => {
          const value = await signed(create({ secrets: before }), { data: rich })
          const rotated = create({ secrets: after })
          const place = after.indexOf(before[0] as string)
          if (place === -1) return void (await expectRefused(rotated, value, session, value))
          const record = await rotated.verify(value, session)
          expect(record.keyIndex ?? 0).toBe(place)
          const again = await signed(rotated, record)
          expect((await create({ secrets: after.slice(0, 1) }).verify(again, session)).data).toEqual(rich)
          expect((await rotated.verify(again, session)).keyIndex ?? 0).toBe(0)
        }),
        { numRuns: 30 },
      )
    })
  }
}
