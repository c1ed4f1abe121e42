/** How far a visitor's clock may be wrong, at the limit and past it. docs/security.md has the table. */
import { expect, test } from 'vitest'
import { getSession, inspectSession } from '../../src/client/index.js'
import { whyInvalid } from '../../src/client/inspect.js'
import { defineSession } from '../../src/shared/define-session.js'

const at = (milliseconds: number): Date => new Date(1_700_000_000_000 + milliseconds)
const now = +at(0)

test('30 seconds are for the benefit of the session', () => {
  const jwt = (meta: object) => whyInvalid({ data: {}, meta }, defineSession({}), now, 30_000)
  expect(jwt({ expiresAt: at(-29_999) })).toBeUndefined()
  expect(jwt({ expiresAt: at(-30_000) })).toBe('exp')
  expect(jwt({ notBefore: at(30_000) })).toBeUndefined()
  expect(jwt({ notBefore: at(30_001) })).toBe('nbf')
  const definition = defineSession({ idleTimeout: 1, absoluteTimeout: 2 })
  const beaker = (meta: object) => whyInvalid({ data: {}, meta }, definition, now, 30_000)
  expect(beaker({ accessedAt: at(-31_000) })).toBeUndefined()
  expect(beaker({ accessedAt: at(-31_001) })).toBe('idle')
  expect(beaker({ createdAt: at(-32_000) })).toBeUndefined()
  expect(beaker({ createdAt: at(-32_001) })).toBe('absolute')
})

test('an option of the reader moves them', () => {
  const definition = defineSession({ name: 's' })
  const claims = btoa(JSON.stringify({ user: 'dave', exp: now / 1_000 })).replace(/=+$/, '')
  const cookie = `s=e30.${claims}.c2ln`
  for (const [clockTolerance, last] of [
    [undefined, 29_999],
    [0, -1],
    [5, 4_999],
  ] as const) {
    const read = (late: number) => getSession(definition, { cookie, now: at(late), clockTolerance })
    expect([read(last), read(last + 1)]).toEqual([{ user: 'dave' }, null])
    expect(inspectSession(definition, { cookie, now: at(last + 1), clockTolerance }).over).toBe('exp')
    expect(inspectSession(definition, { cookie, now: at(last), clockTolerance }).over).toBeUndefined()
  }
})
