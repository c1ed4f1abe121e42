/** Long names beside short ones, and which names can't be had (FORMATS §6.2). */
import { describe, expect, test } from 'vitest'
import { jwt } from '../../src/server/codecs/jwt.js'
import { verifySessions } from '../../src/server/core/verify-sessions.js'
import { defineSession, expandFields, type SessionFields } from '../../src/shared/define-session.js'

describe('expandFields', () => {
  test('adds long names, keeps the short ones, and changes nothing it was given', () => {
    const data = { u: 7, other: 1 }
    const list = { user_id: 'u', absent: 'x' }
    expect(expandFields(data, list)).toStrictEqual({ u: 7, other: 1, user_id: 7 })
    expect(data).toStrictEqual({ u: 7, other: 1 })
    expect(expandFields({ u: undefined }, list)).toStrictEqual({ u: undefined, user_id: undefined })
  })

  test('the short name is what counts, as in Python', () => {
    expect(expandFields({ u: 7, user_id: 'forged' }, { user_id: 'u' })).toStrictEqual({ u: 7, user_id: 7 })
  })

  test('values are the same ones, and no prototype is touched', () => {
    const deep = { a: [1] }
    const proto = JSON.parse('{"__proto__":"u"}') as Record<string, string>
    const data = expandFields({ u: deep }, proto)
    expect(Object.getOwnPropertyDescriptor(data, '__proto__')?.value).toBe(deep)
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype)
    // only own members are claims
    expect(expandFields({}, { a: 'toString', b: '__proto__' })).toStrictEqual({})
  })
})

describe('defineSession', () => {
  const define = (fields: unknown, sessionField?: unknown) => () =>
    defineSession({ fields, ...(sessionField === undefined ? {} : { sessionField }) } as never)

  test('keeps a frozen copy, and the default of the session field', () => {
    const fields = { user_id: 'u' }
    const definition = defineSession({ fields })
    fields.user_id = 'changed'
    expect(definition).toMatchObject({ fields: { user_id: 'u' }, sessionField: 'sk' })
    expect(Object.isFrozen(definition.fields)).toBe(true)
    expect(defineSession({ idleTimeout: false })).toStrictEqual({ name: 'beaker.session.id', '~': false })
    expect(defineSession({ sessionField: 'sid' })).toMatchObject({ fields: {}, sessionField: 'sid' })
    expect(define({ same: 'same' })).not.toThrow()
  })

  test('refuses a list, and takes null for none', () => {
    expect(define(['a'])).toThrow(TypeError)
    expect(define(['a'])).toThrow(/^fields /)
    expect(define(null)()).toStrictEqual(defineSession({}))
  })
})

describe('the server refuses at its start', () => {
  const start = (fields: unknown, sessionField?: unknown) => () => {
    const session = defineSession({ fields, ...(sessionField === undefined ? {} : { sessionField }) } as {
      fields: SessionFields
    })
    verifySessions({ session, codecs: [jwt({ secrets: ['x'.padStart(32, 'y')] })] })
  }

  test('not what has one meaning', () => {
    expect(start({ user_id: 'u', same: 'same' })).not.toThrow()
    expect(start(undefined, 'sid')).not.toThrow()
  })

  test.each([
    ['two long names of one short name', { a: 'x', b: 'x' }],
    ['a long name that is the short name of another', { a: 'b', b: 'c' }],
    ['the session field', { id: 'sk' }],
    ['the session field as long name', { sk: 's' }],
    ['a claim about the token', { expires: 'exp' }],
    ['a long name that is a claim about the token', { jti: 'j' }],
    ['no text', { a: 1 }],
    ['an empty name', { a: '' }],
    ['an empty long name', { '': 'a' }],
  ])('%s', (_, fields) => {
    expect(start(fields)).toThrow(TypeError)
    expect(start(fields)).toThrow(/^fields /)
  })

  test.each([[''], ['exp'], [5], [null]])('the session field %j', (sessionField) => {
    expect(start({ a: 'b' }, sessionField)).toThrow(/^sessionField /)
    expect(start(undefined, sessionField)).toThrow(/^sessionField /)
  })
})
