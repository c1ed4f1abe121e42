/**
 * The suite that every codec passes: docs/writing-a-codec.md says what it asks for and how to use it elsewhere.
 * It signs with secrets of its own and looks at a codec from outside only.
 */
import { inspect, isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type KeyInput, keyThumbprint, type SessionCodec, type SessionData } from '../../src/server/index.js'
import {
  deepFreeze,
  expectClean,
  expectRefused,
  facts,
  failure,
  half,
  later,
  pick,
  pool,
  secret,
  session,
  sign,
  signed,
} from './codec-checks.js'
import { codecRefusals } from './codec-refusals.js'
import { samples } from './codec-samples.js'
import { codecSurvival } from './codec-survival.js'
import { codecWritten } from './codec-written.js'

export interface CodecContractOptions {
  /** For the test report. */
  name: string
  /** A codec with these secrets of 40 characters; the first signs, all verify. */
  create(options: { secrets: readonly string[] }): SessionCodec
  /** The key that `create` makes of a secret. Default: its bytes. */
  keyOf?(secret: string): KeyInput
  /** Which facts about a session the format keeps, times to the second. Default: id, createdAt, accessedAt. */
  keeps?: readonly ('id' | 'createdAt' | 'accessedAt' | 'expiresAt')[]
  /** Whether a value is good under the one cookie name only that it was signed for. Default false. */
  bindsName?: boolean
  /** Whether there may be several secrets. Default true. */
  rotates?: boolean
  /** The same codec with its option `maxInflated`, if it has one. */
  limited?(options: { secrets: readonly string[]; maxInflated: number }): SessionCodec
  /** Whether -0 stays what it is. Default true. */
  minusZero?: boolean
  /** Further sessions that this format can hold. */
  samples?: Readonly<Record<string, SessionData>>
  /** Values that another system makes with this secret, with what only that system writes. */
  made?(secret: string): Readonly<Record<string, string>>
  /** Each key of a value as the format has it, type and all. Default: what `verify` reads. */
  members?(value: string, secret: string): Record<string, string>
}

/** Where every value ends up in a browser: RFC 6265 §4.1.1, cookie-octet. */
const COOKIE_BYTES = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/
const rich = samples['all that JSON knows'] as SessionData

/**
 * Defines the tests of a codec.
 *
 * @example
 * codecContract({ name: 'beakerJwt', create: ({ secrets }) => beakerJwt({ secrets }) })
 */
export function codecContract(options: CodecContractOptions): void {
  const { name, create, keeps = ['id', 'createdAt', 'accessedAt'], bindsName = false, rotates = true } = options
  const codec = create({ secrets: [secret] })
  const everySample = { ...samples, ...options.samples }

  describe(`the codec contract: ${name}`, () => {
    test('is a plain object that says what it is', () => {
      expect(codec.name).toMatch(/\S/)
      expect(codec.family).toMatch(/\S/)
      expect(typeof codec.readable).toBe('boolean')
      expect(typeof codec.sign).toBe('function')
    })

    describe('round trip', () => {
      test.each(Object.entries(everySample))('%s', async (_, data) => {
        const value = await signed(codec, { data })
        expect(value).toMatch(COOKIE_BYTES)
        expect(codec.matches(value)).toBe(true)
        const record = await codec.verify(value, session)
        expect(isDeepStrictEqual(record.data, data), inspect(record.data)).toBe(true)
        expect(pick(record, keeps)).toEqual(pick(facts, keeps))
        expect(record.keyIndex ?? 0).toBe(0)
      })

      test('leaves what it was given as it was', async () => {
        const data = deepFreeze(structuredClone(rich))
        const value = await signed(codec, { data })
        const record = deepFreeze(await codec.verify(value, session))
        await signed(codec, { ...record, data })
      })

      test('keys of the prototype pollute nothing', () => {
        expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
      })
    })

    test('every session keeps its id, if the codec says so', async () => {
      for (const data of codec.keepsId ? [{}, rich] : []) {
        expect(await codec.verify(await signed(codec, { data }), session)).toMatchObject({ id: facts.id })
      }
    })

    test('keys that are derived are one for each secret, for each label', async () => {
      const several = create({ secrets: rotates ? pool.slice(0, 3) : [secret] })
      const macs = new Set<string>()
      for (const label of several.deriveKeys ? ['one', 'two'] : []) {
        const keys = (await several.deriveKeys?.(label)) ?? []
        expect(keys).toHaveLength(rotates ? 3 : 1)
        const [again] = (await create({ secrets: [secret] }).deriveKeys?.(label)) ?? []
        expect(await again?.sign('text')).toEqual(await keys[0]?.sign('text'))
        for (const key of keys) macs.add(Buffer.from(await key.sign('text')).toString('hex'))
      }
      expect(macs.size).toBe(several.deriveKeys ? (rotates ? 6 : 2) : 0)
    })

    test('keys have thumbprints, in their order and the same for every codec', async () => {
      const { keyOf = (text: string) => new TextEncoder().encode(text) } = options
      const secrets = rotates ? pool.slice(0, 3) : [secret]
      const thumbprints = await create({ secrets }).thumbprints?.()
      const expected = await Promise.all(secrets.map((text) => keyThumbprint(keyOf(text))))
      expect(thumbprints?.slice(0, secrets.length) ?? expected).toEqual(expected)
    })

    codecRefusals(create, { rotates })
    codecWritten(codec, {
      minusZero: options.minusZero ?? true,
      ...(options.limited && {
        limited: (maxInflated: number) =>
          (options.limited as NonNullable<typeof options.limited>)({ secrets: [secret], maxInflated }),
      }),
    })
    codecSurvival(codec, {
      samples: everySample,
      made: options.made?.(secret) ?? {},
      ...(options.members && { members: (value) => options.members?.(value, secret) ?? {} }),
    })

    test('what no format holds is refused with its path, and not printed', async () => {
      for (const bad of [() => 'swordfish', Symbol('swordfish')]) {
        const error = await failure(() => signed(codec, { data: { user: { roles: ['a', bad] } } }))
        expect(error).toMatchObject({ code: 'ERR_SESSION_UNWRITABLE', path: 'user.roles.1' })
        expectClean(error, '')
      }
    })

    test('a key that is no data is refused with what to use instead', async () => {
      for (const [key, instead] of Object.entries(codec.meta ?? {})) {
        const error = await failure(() => signed(codec, { data: { [key]: 'swordfish' } }))
        expect(error).toBeInstanceOf(TypeError)
        expect((error as Error).message).toContain(key)
        expect((error as Error).message).toContain(instead)
      }
    })

    test(
      bindsName ? 'a value is good under its own cookie name only' : 'a value is good under any cookie name',
      async () => {
        const value = await signed(codec, { data: { user: 'dave' } })
        const elsewhere = { ...session, cookieName: 'another' }
        if (bindsName) await expectRefused(codec, value, elsewhere, value)
        else expect((await codec.verify(value, elsewhere)).data).toEqual({ user: 'dave' })
      },
    )

    if (keeps.includes('expiresAt')) {
      test('a value whose own end has passed is refused, and is known as verified', async () => {
        const value = await signed(codec, { data: { user: 'dave' }, expiresAt: later(60) })
        expect((await codec.verify(value, session)).expiresAt).toEqual(later(60))
        const error = await failure(() => codec.verify(value, { ...session, now: later(86_400) }))
        expect(error).toMatchObject({ code: 'ERR_SESSION_EXPIRED', verified: true })
      })
    }

    describe('the public half', () => {
      test('never verifies as a session', async () => {
        const value = await publicValue()
        if (value === undefined) expect(codec.readable).toBe(false)
        else await expectRefused(codec, value, session, value)
      })

      test("is no other cookie's half, and a session is no half", async () => {
        const value = await publicValue()
        if (value !== undefined) {
          expect((await codec.verify(value, half)).data).toEqual({ user: 'dave' })
          await expectRefused(codec, value, { ...half, cookieName: 'another' }, value)
        }
        const authority = await signed(codec, { data: { user: 'dave' } })
        await expectRefused(codec, authority, half, authority)
      })

      /** A codec that browsers can't read is never asked for one, and may refuse. */
      async function publicValue(): Promise<string | undefined> {
        try {
          return await sign(
            codec,
            { data: { user: 'dave' }, createdAt: facts.createdAt, accessedAt: facts.accessedAt },
            half,
          )
        } catch (error) {
          if (codec.readable) throw error
          return undefined
        }
      }
    })
  })
}
