/** The part of the contract suite about what must come back: untouched keys as they were, and changes seen. */
import { inspect, isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  createSessions,
  defineSession,
  type SessionCodec,
  type SessionData,
  type StandardSchema,
} from '../../src/server/index.js'
import { pick, session, sign, signed } from './codec-checks.js'
import { changes, samples } from './codec-samples.js'

const rich = samples['all that JSON knows'] as SessionData

export interface SurvivalOptions {
  samples: Readonly<Record<string, SessionData>>
  /** Values of another system. */
  made: Readonly<Record<string, string>>
  /** Each key of a value as the format has it. */
  members?(value: string): Record<string, string>
}

/** Turns every text around, and forgets all else. It changes what it was given, too. */
export const turnedAround: StandardSchema<SessionData> = {
  '~standard': {
    version: 1,
    vendor: 'contract',
    async validate(given) {
      const data = given as SessionData
      for (const [key, value] of Object.entries(data)) {
        if (typeof value === 'string') data[key] = [...value].reverse().join('')
        else if (typeof value === 'object' && value !== null && Object.isExtensible(value))
          Object.assign(value, { 0: 'eve' })
        if (typeof value !== 'string') delete data[key]
      }
      return { value: data }
    },
  },
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

    test.each(codec.bareId ? [] : values)('under a schema that makes something else of it: %s', async (_, make) => {
      const value = await make()
      const sessions = createSessions({
        session: defineSession({ name: session.cookieName, idleTimeout: false, schema: turnedAround }),
        codecs: [codec],
        expose: false,
        clock: () => session.now,
      })
      const loaded = await sessions.load({ token: value })
      loaded.data['a new key'] = 'swordfish'
      await sessions.commit(loaded)
      const { 'a new key': added, ...others } = await membersOf(loaded.token as string)
      expect(added).toBeDefined()
      // The times are those of this write.
      const keys = Object.keys((await codec.verify(value, session)).data)
      expect(pick(others, keys)).toEqual(pick(await membersOf(value), keys))
      expect(loaded.parsed).toMatchObject({ 'a new key': 'hsifdrows' })
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
