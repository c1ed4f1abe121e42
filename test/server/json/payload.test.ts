import { describe, expect, test } from 'vitest'
import { createJsonPayload } from '../../../src/server/json/claims.js'
import { codeOf } from '../../shared/shared.helpers.js'

describe('the claims of a payload', () => {
  test('are equal each time and share nothing', () => {
    const payload = createJsonPayload('{"user":{"roles":["a"]},"big":12345678901234567890}')
    const first = payload.claims() as { user: { roles: string[] } }
    first.user.roles.push('b')
    expect(payload.claims()).toStrictEqual({ user: { roles: ['a'] }, big: 12345678901234567890n })
  })

  test('leave the root as it was read', () => {
    const payload = createJsonPayload('{"user":{"name":"ada"},"rate":1.0}')
    const claims = payload.claims() as { user: { name: string } }
    claims.user.name = 'eve'
    expect(payload.root().value).toStrictEqual({ user: { name: 'ada' }, rate: 1 })
    expect(payload.root().child?.('rate')?.raw).toBe('1.0')
    expect(payload.root()).toBe(payload.root())
  })

  test('are refused each time where they are none', () => {
    const payload = createJsonPayload('[1]')
    for (let time = 0; time < 2; time++) expect(codeOf(() => payload.claims())).toBe('ERR_SESSION_JSON')
  })
})
