/** The user of a Django session: what the hash of the password must fit, and who is nobody. */
import { readFileSync } from 'node:fs'
import { describe, expect, test, vi } from 'vitest'
import { type DjangoUserOptions, djangoUser } from '../../../src/server/django/user.js'

interface AuthHash {
  kind: string
  SECRET_KEY: string
  password_field: string
  hash: string
  legacy_hash_pre_3_1: string
}

const { cases } = JSON.parse(
  readFileSync(new URL('../../vectors/django_session_table.json', import.meta.url), 'utf8'),
) as {
  cases: AuthHash[]
}
const vectors = cases.filter(({ kind }) => kind === 'auth_hash')
const [{ SECRET_KEY: secretKey, password_field: password, hash, legacy_hash_pre_3_1: legacyHash }] = vectors as [
  AuthHash,
]
const backend = 'django.contrib.auth.backends.ModelBackend'
const other = 'another-secret-key-0123456789-abcdefghijklmno'

const sessionOf = (more: object = {}) => ({
  data: { _auth_user_id: '1', _auth_user_backend: backend, _auth_user_hash: hash, ...more } as Record<string, unknown>,
})
const find = async (
  session: { data: object },
  options: Partial<DjangoUserOptions<object>> = {},
  row: object | null | undefined = { id: 1, password, is_active: true },
) => djangoUser(session, { secretKey, user: () => row, ...options })

test.each(vectors)('$password_field has the hash that Django makes', async (vector) => {
  const row = { password: vector.password_field }
  for (const value of [vector.hash, vector.legacy_hash_pre_3_1]) {
    const session = sessionOf({ _auth_user_hash: value })
    expect(await find(session, {}, row)).toEqual({ id: '1', backend, user: row })
    expect(session.data._auth_user_hash).toBe(value)
  }
})

test('the user is asked for by the text of the key, and comes back', async () => {
  const user = vi.fn(async (id: string) => ({ id, secret: password, enabled: 1 }))
  const options = { user, passwordField: 'secret', activeField: 'enabled' }
  expect(await find(sessionOf({ _auth_user_id: '42' }), options)).toMatchObject({ id: '42', user: { id: '42' } })
  expect(await find(sessionOf({ _auth_user_id: 42 }), options)).toMatchObject({ id: '42' })
  expect(user.mock.calls).toEqual([['42'], ['42']])
})

describe('nobody', () => {
  test.each([
    ['no id', { _auth_user_id: undefined }],
    ['an id that is none', { _auth_user_id: { $gt: '' } }],
    ['no backend', { _auth_user_backend: undefined }],
    ['no hash', { _auth_user_hash: undefined }],
    ['an empty hash', { _auth_user_hash: '' }],
    ['a list', { _auth_user_hash: [hash] }],
    ['upper case', { _auth_user_hash: hash.toUpperCase() }],
    ['a digit less', { _auth_user_hash: hash.slice(1) }],
    ['a line more', { _auth_user_hash: `${hash}\n` }],
  ])('%s: the database is not even asked', async (_, more) => {
    const user = vi.fn(() => ({ password }))
    expect(await find(sessionOf(more), { user })).toBeNull()
    expect(user).not.toHaveBeenCalled()
  })

  test.each([
    ['another hash', { _auth_user_hash: hash.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) }, {}],
    ['the hash of another secret', {}, { secretKey: other }],
    ['the older hash, where Django takes it no more', { _auth_user_hash: legacyHash }, { legacy: false }],
    ['a backend that is not in use', {}, { backends: ['app.Backend'] }],
  ])('%s', async (_, more, options) => {
    const session = sessionOf(more)
    const before = { ...session.data }
    expect(await find(session, options)).toBeNull()
    expect(session.data).toEqual(before)
  })

  test.each([
    ['another password', { password: `${password}x`, is_active: true }],
    ['no such user', null],
    ['no such user', undefined],
    ['not active', { password, is_active: false }],
    ['not active in SQLite', { password, is_active: 0 }],
    ['null for active', { password, is_active: null }],
  ])('%s', async (_, row) => {
    expect(await djangoUser(sessionOf(), { secretKey, user: () => row })).toBeNull()
  })
})

test('a user whose table knows no active ones, or says 1, is active', async () => {
  for (const row of [{ password }, { password, is_active: 1 }, { password, is_active: 1n }]) {
    expect(await find(sessionOf(), {}, row)).not.toBeNull()
  }
})

test('the hash of a fallback is replaced by that of today, in its own kind', async () => {
  const options = { secretKey: other, secretKeyFallbacks: ['third-secret-key-0123456789-abcdefghijklmno', secretKey] }
  const session = sessionOf()
  expect(await find(session, options)).not.toBeNull()
  expect(session.data._auth_user_hash).toMatch(/^[0-9a-f]{64}$/)
  expect(session.data._auth_user_hash).not.toBe(hash)
  expect(await find(session, { secretKey: other })).not.toBeNull()
  const older = sessionOf({ _auth_user_hash: legacyHash })
  expect(await find(older, options)).not.toBeNull()
  expect(older.data._auth_user_hash).toMatch(/^[0-9a-f]{40}$/)
  expect(await find(older, { secretKey: other })).not.toBeNull()
})

test('backends are those of the list', async () => {
  expect(await find(sessionOf(), { backends: ['x', backend] })).not.toBeNull()
})

test('a mistake is named, and shows no secret', async () => {
  const wrong: [object, string, object?][] = [
    [{ secretKey: 'short' }, '"secretKey"'],
    [{ secretKeyFallbacks: ['short'] }, '"secretKeyFallbacks"'],
    [{ user: undefined }, '"user"'],
    [{ passwordField: 'pass_word' }, '"passwordField"'],
    [{}, '"passwordField"', { password: 5 }],
  ]
  for (const [options, name, row] of wrong) {
    const error = await find(sessionOf(), options, row).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(TypeError)
    expect((error as Error).message).toContain(name)
    expect((error as Error).message).not.toMatch(/short|pbkdf2|vector/)
  }
  expect(await find(sessionOf(), { secretKey: 'short', allowWeakSecrets: true })).toBeNull()
})

test('a database that is down is no signed-out user', async () => {
  const user = (): never => {
    throw new Error('down')
  }
  await expect(find(sessionOf(), { user })).rejects.toThrow('down')
})
