/** Schemas of the packages that applications use, by the Standard Schema that all of them are: types, refusals, transforms. */
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { getSession } from '../../src/client/index.js'
import {
  beakerJwt,
  createSessions,
  defineSession,
  type ReadOnlySessions,
  type Sessions,
  type StandardSchema,
  verifySessions,
} from '../../src/server/index.js'
import { SECRET, testBrowser } from '../server/server.helpers.js'

interface Stored {
  user: string
  since?: string | undefined
  login_expires?: number | undefined
}

const schemas: Record<string, StandardSchema<Stored, { user: string; since?: Date | undefined }>> = {
  zod: z.object({
    user: z.string().min(2),
    since: z.iso
      .datetime()
      .transform((text) => new Date(text))
      .optional(),
  }),
  'zod, async': z
    .object({
      user: z.string().min(2),
      since: z.iso
        .datetime()
        .transform(async (text) => new Date(text))
        .optional(),
    })
    .refine(async () => true),
  valibot: v.object({
    user: v.pipe(v.string(), v.minLength(2)),
    since: v.optional(
      v.pipe(
        v.string(),
        v.isoTimestamp(),
        v.transform((text) => new Date(text)),
      ),
    ),
  }),
  'valibot, async': v.objectAsync({
    user: v.pipeAsync(
      v.string(),
      v.checkAsync(async (text) => text.length >= 2),
    ),
    since: v.optional(
      v.pipe(
        v.string(),
        v.isoTimestamp(),
        v.transform((text) => new Date(text)),
      ),
    ),
  }),
  arktype: type({ user: 'string >= 2', 'since?': 'string.date.iso.parse', '+': 'ignore' }),
}

describe.each(Object.entries(schemas))('%s', (_, schema) => {
  const session = defineSession({ schema, expose: ['user'] })
  const sessions = createSessions({ session, secrets: [SECRET] })

  test('what it makes is in `parsed`, and what is stored stays as it was, with keys that it does not know', async () => {
    const browser = testBrowser()
    const first = await sessions.load(browser.cookie)
    expect(first.parsed).toBeUndefined()
    Object.assign(first.data, { user: 'dave', since: '2026-11-30T12:00:00Z', login_expires: 1_800_000_000 })
    browser.take(await sessions.commit(first))
    expect(first.parsed).toMatchObject({ user: 'dave', since: new Date('2026-11-30T12:00:00Z') })

    const again = await sessions.load(browser.cookie)
    expect(again.data).toEqual({ user: 'dave', since: '2026-11-30T12:00:00Z', login_expires: 1_800_000_000 })
    expect(again.parsed?.since).toEqual(new Date('2026-11-30T12:00:00Z'))
    expect(await sessions.commit(again)).toEqual([])
    expect(getSession(session, { cookie: browser.cookie })).toEqual({ user: 'dave' })
  })

  test('what it refuses is not written, and the error has paths alone', async () => {
    const browser = testBrowser()
    const loaded = await sessions.load(browser.cookie)
    loaded.data.user = 'x'
    const error = await sessions.commit(loaded).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_SESSION_SCHEMA', issues: [{ path: 'user' }], path: 'user' })
    expect(loaded.parsed).toBeUndefined()
    loaded.data.user = 'dave'
    browser.take(await sessions.commit(loaded))
    expect((await sessions.load(browser.cookie)).parsed?.user).toBe('dave')
  })
})

test('the types are those of the schema, and the list of what the page may see is checked', async () => {
  const schema = z.object({ user: z.string(), since: z.iso.datetime().transform((text) => new Date(text)) })
  type In = { user: string; since: string }
  type Out = { user: string; since: Date }
  const listed = defineSession({ schema, name: 'app', expose: ['user'] })
  const sessions = createSessions({ session: listed, secrets: [SECRET] })
  expectTypeOf(sessions).toEqualTypeOf<Sessions<In, Out>>()
  const session = await sessions.load('')
  expectTypeOf(session.data).toEqualTypeOf<Partial<In>>()
  expectTypeOf(session.parsed).toEqualTypeOf<Out | undefined>()
  expectTypeOf(getSession(listed)).toEqualTypeOf<Readonly<Partial<Pick<In, 'user'>>> | null>()
  expectTypeOf((await sessions.with({ tenant: 'a' }).load('')).parsed).toEqualTypeOf<Out | undefined>()

  const all = defineSession({ schema, expose: true })
  expectTypeOf(getSession(all)).toEqualTypeOf<Readonly<Partial<In>> | null>()
  const nothing = defineSession({ schema, expose: false })
  expectTypeOf(getSession(nothing)).toEqualTypeOf<Readonly<Partial<Record<never, never>>> | null>()
  const later = defineSession({
    schema,
    version: 2,
    migrate: (old, version) => ({ user: `${old.name} ${version}`, since: '' }),
  })
  expectTypeOf(createSessions({ session: later, secrets: [SECRET], expose: ['user'] })).toEqualTypeOf<
    Sessions<In, Out>
  >()
  expectTypeOf(verifySessions({ session: later, codecs: [beakerJwt({ secrets: [SECRET] })] })).toEqualTypeOf<
    ReadOnlySessions<In, Out>
  >()
  expectTypeOf(createSessions({ session: later, secrets: [SECRET], readOnly: true, expose: false })).toEqualTypeOf<
    ReadOnlySessions<In, Out>
  >()

  // @ts-expect-error no such key in the schema
  defineSession({ schema, expose: ['password'] })
  // @ts-expect-error what migrate returns is of the schema's type
  defineSession({ schema, version: 2, migrate: () => ({ user: 1, since: '' }) })
  // @ts-expect-error a definition is no options: its timeouts are in milliseconds
  expect(() => defineSession({ ...listed, schema })).toThrow()
  // @ts-expect-error no such key
  session.data.password
})

test('a definition for the page has no schema, and shares its options and its type', async () => {
  const schema = v.object({ user: v.string(), theme: v.optional(v.string(), 'light') })
  const options = { name: 'app', idleTimeout: '30m', expose: ['theme'] } as const
  const forPage = defineSession<v.InferInput<typeof schema>>()(options)
  const forServer = defineSession({ ...options, schema })
  const { schema: given, ...others } = forServer
  expect(given).toBe(schema)
  expect(others).toStrictEqual({ ...forPage })
  expect(Object.isFrozen(schema)).toBe(false)
  expectTypeOf(getSession(forPage)).toEqualTypeOf<ReturnType<typeof getSession<{ theme?: string | undefined }>>>()
  const browser = testBrowser()
  const sessions = createSessions({ session: forServer, secrets: [SECRET] })
  const session = await sessions.load('')
  session.data.user = 'dave'
  session.data.theme = 'dark'
  browser.take(await sessions.commit(session))
  expect(getSession(forPage, { cookie: browser.cookie })).toEqual({ theme: 'dark' })
})
