/** `djangoLogin` and `sessionCookie`: a test starts signed in, and the real Django agrees (FORMATS §6.2 and §8). */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { djangoUser } from '../../src/server/django/user.js'
import { createSessions, defineSession, djangoJwt, djangoSigned } from '../../src/server/index.js'
import { djangoStore } from '../../src/server/stores/django.js'
import { djangoLogin, sessionCookie } from '../../src/server/testing.js'
import { type DjangoDatabase, secretKey } from './django.suite.js'
import { openDjangoSqlite } from './django-databases.js'
import { describeWithPython } from './peer.js'

const jwtKey = 'the key of django-session-jwt in this test'

describeWithPython(
  'tests of an application beside Django',
  (peer) => {
    let database: DjangoDatabase
    let user: { id: string; password: string }
    beforeAll(async () => {
      database = await openDjangoSqlite()
      await peer.call('configure', { database: database.settings, secret: secretKey })
      const id = await peer.call<{ $int: string }>('make_user', { name: 'dave', password: 'first' })
      const [row] = await database.execute('SELECT password FROM auth_user WHERE id = ?', [id.$int])
      user = { id: id.$int, password: String(row?.password) }
    })
    afterAll(() => database?.close())

    test('with djangoJwt and its table', async () => {
      const sessions = createSessions({
        session: defineSession({ name: 'sessionid' }),
        codecs: [djangoJwt({ key: jwtKey })],
        store: djangoStore({ execute: database.execute, secretKey }),
        expose: false,
      })
      const data = { ...(await djangoLogin(user, { secretKey })), cart: ['apple'] }
      const { header, cookie } = await sessionCookie(sessions, data)
      expect(cookie).toMatchObject({ name: 'sessionid', httpOnly: true })
      const session = await sessions.load(header)
      expect(session.data).toEqual(data)
      expect(await peer.call('signed_in', { key: session.id })).toBe('dave')
      expect(await djangoUser(session, { secretKey, user: () => user })).toMatchObject({ id: user.id })
    })

    test('with signed cookies', async () => {
      const codecs = [djangoSigned({ secretKey })]
      const sessions = createSessions({ session: defineSession({ name: 'sessionid' }), codecs, expose: false })
      const data = await djangoLogin(user, { secretKey })
      const { cookie } = await sessionCookie(sessions, data as unknown as Record<string, unknown>)
      expect(await peer.call('read_cookie', { value: cookie.value })).toEqual({ $dict: Object.entries(data) })
    })

    test('a user with another password now is not signed in', async () => {
      const store = djangoStore({ execute: database.execute, secretKey })
      const key = 'a'.repeat(32)
      await store.set(key, { data: { ...(await djangoLogin({ ...user, password: 'other' }, { secretKey })) } })
      expect(await peer.call('signed_in', { key })).toBeNull()
    })

    test('a weak secret is refused', async () => {
      await expect(djangoLogin(user, { secretKey: 'short' })).rejects.toThrow('"secretKey"')
    })
  },
  { program: 'django_peer.py' },
)
