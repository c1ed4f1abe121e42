/** What both sides agree on, and which option a mistake names. */
import { describe, expect, test } from 'vitest'
import { defineSession, type SessionOptions } from '../../src/shared/define-session.js'

const define = (options: object) => () => defineSession(options as SessionOptions)

/** Two weeks in milliseconds, and that nobody asked for them. */
/** The mark of a definition tells whether its idle timeout is the default. */
const byDefault = { '~': '2w', idleTimeout: 1_209_600_000 }
const given = { '~': false }

test('the default is the name of Beaker, and an end after two weeks without a request', () => {
  for (const definition of [defineSession({}), defineSession({ expose: undefined } as never)])
    expect(definition).toStrictEqual({ name: 'beaker.session.id', ...byDefault })
})

test('timeouts are milliseconds, and there only where they were given', () => {
  const options = { name: 'sid', idleTimeout: '30m', absoluteTimeout: 86_400 } as const
  expect(defineSession(options)).toStrictEqual({
    name: 'sid',
    ...given,
    idleTimeout: 1_800_000,
    absoluteTimeout: 86_400_000,
  })
  expect(defineSession({ idleTimeout: 0.5 })).toStrictEqual({ name: 'beaker.session.id', ...given, idleTimeout: 500 })
  expect(define({ idleTimeout: undefined })()).toStrictEqual({ name: 'beaker.session.id', ...byDefault })
  expect(defineSession({ absoluteTimeout: '1d' })).toStrictEqual({
    name: 'beaker.session.id',
    ...given,
    absoluteTimeout: 86_400_000,
  })
  expect(defineSession({ idleTimeout: '14d' })).toMatchObject(given)
})

test('a definition is frozen, and a copy of the options', () => {
  const options = { name: 'sid' }
  const definition = defineSession(options)
  options.name = 'other'
  expect(definition.name).toBe('sid')
  expect(Object.isFrozen(definition)).toBe(true)
})

test('what a page may see is kept, and a list stays as it is', () => {
  for (const expose of [true, false, ['user']]) {
    expect(defineSession({ expose })).toStrictEqual({ name: 'beaker.session.id', ...byDefault, expose })
  }
  expect(defineSession({})).not.toHaveProperty('expose')
  expect(Object.isFrozen(defineSession({ expose: ['user'] }).expose)).toBe(true)
})

test('without options it is the function again, which infers a type from a list', () => {
  expect(defineSession<{ user: string }>()({ name: 'sid', expose: ['user'] })).toStrictEqual(
    defineSession({ name: 'sid', expose: ['user'] }),
  )
})

describe('names', () => {
  test('any token (RFC 6265 §4.1.1)', () => {
    for (const name of ["!#$%&'*+-.^_`|~", 'aZ09', '__Host-sid', '__proto__', 'x'.repeat(300)]) {
      expect(defineSession({ name }).name).toBe(name)
    }
  })

  test('any separator, control character or character beyond ASCII is refused', () => {
    const bad = Array.from({ length: 300 }, (_, code) => String.fromCharCode(code)).filter(
      (c) => !/[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(c),
    )
    expect(bad.length).toBe(300 - 77)
    for (const character of bad) {
      for (const name of [character, `a${character}`, `${character}a`]) expect(define({ name })).toThrow(/^name /)
    }
  })

  test.each([[''], [null], [1], [['sid']], [{}], [Symbol('sid')]])('%s is none', (name) => {
    expect(define({ name })).toThrow(TypeError)
    expect(define({ name })).toThrow(/^name /)
  })
})

describe.each(['idleTimeout', 'absoluteTimeout'])('%s', (option) => {
  test.each([[0], ['0s'], [-1], ['30'], ['soon'], [Number.NaN], [Number.POSITIVE_INFINITY], [null], [true], [[]]])(
    '%s is a TypeError that names it',
    (value) => {
      expect(define({ [option]: value })).toThrow(TypeError)
      expect(define({ [option]: value })).toThrow(new RegExp(`^${option} `))
    },
  )
})
