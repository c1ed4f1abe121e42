/** How far a visitor's clock may be wrong, at the limit and past it. docs/security.md has the table. */
import { expect, test } from 'vitest'
import { whyInvalid } from '../../src/client/inspect.js'
import { defineSession } from '../../src/shared/define-session.js'

const at = (milliseconds: number): Date => new Date(1_700_000_000_000 + milliseconds)
const now = +at(0)

test('30 seconds are for the benefit of the session', () => {
  const jwt = (meta: object) => whyInvalid({ meta }, defineSession({}), now)
  expect(jwt({ expiresAt: at(-29_999) })).toBeUndefined()
  expect(jwt({ expiresAt: at(-30_000) })).toBe('exp')
  expect(jwt({ notBefore: at(30_000) })).toBeUndefined()
  expect(jwt({ notBefore: at(30_001) })).toBe('nbf')
  const definition = defineSession({ idleTimeout: 1, absoluteTimeout: 2 })
  const beaker = (meta: object) => whyInvalid({ meta }, definition, now)
  expect(beaker({ accessedAt: at(-31_000) })).toBeUndefined()
  expect(beaker({ accessedAt: at(-31_001) })).toBe('idle')
  expect(beaker({ createdAt: at(-32_000) })).toBeUndefined()
  expect(beaker({ createdAt: at(-32_001) })).toBe('absolute')
})
