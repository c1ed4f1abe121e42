/** The part of the contract suite about what must come back: untouched keys as they were, and changes seen. */
import { inspect, isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { SessionCodec, SessionData } from '../../src/server/index.js'
import { session, sign, signed } from './codec-checks.js'
import { changes, samples } from './codec-samples.js'

const rich = samples['all that JSON knows'] as SessionData

export interface SurvivalOptions {
  samples: Readonly<Record<string, SessionData>>
  /** Values of another system. */
  made: Readonly<Record<string, string>>
  /** Each key of a value as the format has it. */
  members?(value: string): Record<string, string>
}

/** Defines the tests of what a codec keeps. */
export function codecSurvival(codec: SessionCodec, options: SurvivalOptions): void {
  describe('what is not touched survives', () => {
    const values: [string, () => string | Promise<string>][] = [
      ...Object.entries(options.samples).map(([title, data]): [string, () => Promise<string>] => [
        title,
        () => signed(codec, { data }),
      ]),
      ...Object.entries(options.made).map(([title, value]): [string, () => string] => [title, () => value]),
    ]

    test.each(values)('unchanged: %s', async (_, make) => {
      const value = await make()
      const record = await codec.verify(value, session)
      expect(codec.changed?.(record) ?? false).toBe(false)
      const copy = { ...record, data: structuredClone(record.data) }
      if (isDeepStrictEqual(copy.data, record.data)) expect(codec.changed?.(copy) ?? false).toBe(false)
      const again = await sign(codec, record, session)
      expect(Object.entries(await membersOf(again))).toEqual(Object.entries(await membersOf(value)))
    })

    test.each(values)('beside a new key: %s', async (_, make) => {
      const value = await make()
      const record = await codec.verify(value, session)
      const data = { ...record.data, 'a new key': 'swordfish' }
      const { 'a new key': added, ...others } = await membersOf(await sign(codec, { ...record, data }, session))
      expect(added).toBeDefined()
      expect(others).toEqual(await membersOf(value))
    })

    test.each(values.filter(([title]) => title !== 'an empty session'))('beside a deleted key: %s', async (_, make) => {
      const value = await make()
      const record = await codec.verify(value, session)
      const [gone, ...kept] = Object.keys(record.data) as [string, ...string[]]
      const data = Object.fromEntries(kept.map((key) => [key, record.data[key]]))
      const { [gone]: _gone, ...others } = await membersOf(value)
      expect(await membersOf(await sign(codec, { ...record, data }, session))).toEqual(others)
    })
  })

  describe('changed', () => {
    test.each(Object.entries(changes))('%s', async (_, change) => {
      const record = await codec.verify(await signed(codec, { data: rich }), session)
      const data = structuredClone(rich)
      change(data)
      expect(codec.changed?.({ ...record, data }) ?? true).toBe(true)
      expect((await codec.verify(await sign(codec, { ...record, data }, session), session)).data).toEqual(data)
    })
  })

  async function membersOf(value: string): Promise<Record<string, string>> {
    if (options.members) return options.members(value)
    const { data } = await codec.verify(value, session)
    return Object.fromEntries(Object.entries(data).map(([key, member]) => [key, inspect(member, { depth: 99 })]))
  }
}
