/** The one error: its code, and how others tell it. */
import { describe, expect, test } from 'vitest'
import { asVerified, isSessionError, SessionError } from '../../src/shared/errors.js'

describe('SessionError', () => {
  test('name, code and message; nothing else where nothing was given', () => {
    const error = new SessionError('ERR_SESSION_LIMIT', 'too long')
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'SessionError', code: 'ERR_SESSION_LIMIT', message: 'too long' })
    for (const name of ['path', 'verified', 'largest', 'cause']) expect(name in error).toBe(false)
    expect(String(error)).toBe('SessionError: too long')
  })

  test('cause, path, verified and largest', () => {
    const cause = new Error('zlib')
    const options = { cause, path: 'user.roles.0', verified: true, largest: [{ key: 'cart', bytes: 3_000 }] }
    expect(new SessionError('ERR_SESSION_TOO_LARGE', 'x', options)).toMatchObject(options)
  })
})

describe('isSessionError', () => {
  test('ours, and those of another copy', () => {
    expect(isSessionError(new SessionError('ERR_SESSION_KEY', 'x'))).toBe(true)
    expect(isSessionError(Object.assign(new Error('x'), { name: 'SessionError', code: 'ERR_SESSION_NEW' }))).toBe(true)
  })

  test.each([
    [undefined],
    [null],
    ['SessionError'],
    [() => {}],
    [new Error('ERR_SESSION_KEY')],
    [Object.assign(new Error('x'), { code: 'ERR_SESSION_KEY' })],
    [Object.assign(new Error('x'), { name: 'SessionError' })],
    [{ name: 'SessionError', code: 7 }],
    [{ name: 'SessionError', code: 'ERR_OTHER' }],
    [{ name: 'SessionError', code: ['ERR_SESSION_KEY'] }],
  ])('not %s', (value) => expect(isSessionError(value)).toBe(false))
})

describe('asVerified', () => {
  test('marks a copy and keeps code, message and path', () => {
    const error = new SessionError('ERR_SESSION_BSON', 'cut', { path: 'a' })
    const verified = asVerified(error)
    expect(verified).toBeInstanceOf(SessionError)
    expect(verified).toMatchObject({
      code: 'ERR_SESSION_BSON',
      message: 'cut',
      path: 'a',
      verified: true,
      cause: error,
    })
    expect(error.verified).toBeUndefined()
    expect('path' in (asVerified(new SessionError('ERR_SESSION_BSON', 'cut')) as object)).toBe(false)
  })

  test('leaves what is marked already', () => {
    const marked = new SessionError('ERR_SESSION_BSON', 'cut', { verified: true })
    expect(asVerified(marked)).toBe(marked)
  })

  test('takes what is none of ours for a payload that can not be read', () => {
    for (const cause of [new TypeError('x'), 'text']) {
      expect(asVerified(cause)).toMatchObject({ code: 'ERR_SESSION_MALFORMED', verified: true, cause })
    }
  })
})
