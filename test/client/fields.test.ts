/** Short names of claims on the wire and long ones in the page: `defineSession({ fields })` (FORMATS §6.2). */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { getSession, inspectSession } from '../../src/client/index.js'
import { defineSession, type SessionOptions } from '../../src/shared/define-session.js'
import { differences, type Tagged, without } from '../interop/tagged.js'
import { bsZ, tokenOf } from '../shared/shared.helpers.js'

interface AppSession {
  user_id: number
  name?: string
}

const NOW = new Date(1_700_000_000_000)
const options: SessionOptions = { name: 'sessionid', idleTimeout: false, fields: { user_id: 'u', name: 'n' } }
const definition = defineSession<AppSession>(options)
const claims = { sk: 'k'.repeat(32), iat: 1_700_000_000, exp: 1_700_003_600, u: 7, n: 'Dave', extra: true }
const read = (value: string, session = definition) => getSession(session, { cookie: `sessionid=${value}`, now: NOW })

test('long names and short ones; the key of the session on the server is its id', () => {
  const session = read(tokenOf(claims))
  expect(session).toStrictEqual({ u: 7, n: 'Dave', extra: true, user_id: 7, name: 'Dave' })
  expect(session?.user_id).toBe(7)
  expect(Object.isFrozen(session)).toBe(true)
  const {
    meta,
    data,
    claims: payload,
  } = inspectSession(definition, { cookie: `sessionid=${tokenOf(claims)}`, now: NOW })
  expect(meta).toStrictEqual({
    id: claims.sk,
    createdAt: new Date(1_700_000_000_000),
    expiresAt: new Date(1_700_003_600_000),
  })
  expect(data).toBe(session)
  expect(payload).toEqual(claims)
})

test('a claim that is absent has no long name, as for an anonymous user', () => {
  expect(read(tokenOf({ sk: 'x', iat: 1, exp: 1_700_003_600, z: 1 }))).toStrictEqual({ z: 1 })
  expect(read(tokenOf({ u: null }))).toStrictEqual({ u: null, user_id: null })
})

test('it is over as any other', () => {
  expect(read(tokenOf({ ...claims, exp: 1_699_999_000 }))).toBeNull()
})

test('another name for the session field, and fields without one that is text', () => {
  const other = defineSession<AppSession>({ ...options, sessionField: 'sid' })
  expect(inspectSession(other, { cookie: `sessionid=${tokenOf({ sid: 'x', sk: 'y' })}` })).toMatchObject({
    data: { sk: 'y' },
    meta: { id: 'x' },
  })
  expect(read(tokenOf({ sk: 5, u: 7 }))).toStrictEqual({ sk: 5, u: 7, user_id: 7 })
  const only = defineSession({ name: 'sessionid', sessionField: 'sk' })
  expect(getSession(only, { cookie: `sessionid=${tokenOf({ sk: 'x', u: 7 })}` })).toStrictEqual({ u: 7 })
})

test('other formats and other definitions are as ever', () => {
  const beaker = tokenOf({ bsZ: bsZ({ sk: 'x', u: 7, _accessed_time: 1, _creation_time: 1 }) })
  expect(read(beaker)).toStrictEqual({ sk: 'x', u: 7 })
  expect(getSession('sessionid', { cookie: `sessionid=${tokenOf({ sk: 'x', u: 7 })}` })).toStrictEqual({
    sk: 'x',
    u: 7,
  })
  expect(read('garbage')).toBeNull()
})

describe('the same object', () => {
  test('for every definition that says the same, and not for another', () => {
    const value = tokenOf({ sk: 'x', u: 7 })
    const session = read(value)
    expect(read(value)).toBe(session)
    expect(read(value, defineSession<AppSession>({ ...options, idleTimeout: '5m' }))).toBe(session)
    const other = defineSession<AppSession>({ ...options, fields: { id: 'u' } })
    expect(read(value, other)).toStrictEqual({ u: 7, id: 7 })
    // one beside the other, as two parts of a page have them
    expect(read(value)).toBe(session)
    expect(read(value, other)).toBe(read(value, other))
  })
})

test('names that mean something to objects', () => {
  const fields = JSON.parse('{"__proto__":"p","constructor":"c","toString":"t"}') as Record<string, string>
  const session = read(
    tokenOf({ p: { polluted: true }, c: 1 }),
    defineSession<AppSession>({ name: 'sessionid', fields }),
  )
  expect(Object.keys(session ?? {})).toEqual(['p', 'c', '__proto__', 'constructor'])
  expect(Object.getPrototypeOf(session)).toBe(Object.prototype)
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
})

describe('what django-session-jwt wrote, as it reads that itself', () => {
  const { cases, FIELDS } = JSON.parse(
    readFileSync(new URL('../vectors/django_session_jwt.json', import.meta.url), 'utf8'),
  ) as {
    cases: { name: string; cookie: string; kind: string; verified?: Tagged }[]
    FIELDS: [string, string, string][]
  }
  const django = defineSession({
    name: 'sessionid',
    fields: Object.fromEntries(FIELDS.map(([, short, long]) => [long, short])),
  })
  const good = cases.filter(({ kind, name, verified }) => verified && (kind === 'create' || name === 'good'))

  test.each(good.map((one) => [one.name, one] as const))('%s', (_, { cookie, verified }) => {
    const { data, meta } = inspectSession(django, { cookie: `sessionid=${cookie}`, now: NOW })
    expect(differences(without(verified as Tagged, ['sk', 'iat', 'exp']), data)).toEqual([])
    expect(meta).toMatchObject({ createdAt: new Date(1_700_000_000_000), expiresAt: new Date(1_700_028_800_000) })
    expect(meta?.id).toMatch(/^s{32}$|^overridden$/)
  })

  test('there are some', () => expect(good.length).toBeGreaterThan(3))
})
