/**
 * Django's own view signs in, django-session-jwt issues the token, and Node takes part: with the public key alone, and in the
 * server-side session.
 */
import { createHash, createHmac, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { djangoJwt } from '../../src/server/codecs/django-jwt.js'
import { createSessions, type Sessions } from '../../src/server/core/sessions.js'
import type { ReadOnlySessions } from '../../src/server/core/verify-sessions.js'
import { type DjangoUserOptions, djangoUser } from '../../src/server/django/user.js'
import { djangoStore } from '../../src/server/stores/django.js'
import { defineSession } from '../../src/shared/define-session.js'
import { hasPostgres, postgresHint } from '../setup/postgres.js'
import type { DjangoDatabase } from './django.suite.js'
import { openDjangoPostgres, openDjangoSqlite } from './django-databases.js'
import { CookieJar, startDjangoSite } from './django-site.js'
import { findOlderPackages, findPython } from './find-python.js'
import type { PythonServer } from './python-server.js'

interface SiteSession {
  username?: string
  email?: string
  user_id?: number
  cart?: string[]
  [key: string]: unknown
}

const SECRET = 'the secret key of the Django site, of fifty bytes'
const OLD_SECRET = 'the secret key that the Django site had once before'
const session = defineSession<SiteSession>({
  name: 'sessionid',
  sessionField: 'sk',
  fields: { user_id: 'user_id', username: 'u', email: 'e' },
})

interface OlderDjango {
  name: string
  /** Where it is, for PYTHONPATH. */
  packages: string
  /** Of before 3.1, which can't read what Node writes. */
  readsOurs: boolean
}

function suite(kind: string, open: () => Promise<DjangoDatabase>, older?: OlderDjango): void {
  const name = older ? `${kind}, ${older.name}` : kind
  describe(`a Django site over ${name}`, () => {
    const { packages, readsOurs = true } = older ?? {}
    /** What such a Django can't read need not be tested with it. */
    const testOfOurs = readsOurs ? test : () => {}
    const folder = mkdtempSync(join(tmpdir(), 'sessionglass-site-'))
    const keys = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    })
    let database: DjangoDatabase
    let site: PythonServer
    let jar: CookieJar
    /** A service that has the public key and nothing else. */
    let verifying: ReadOnlySessions<SiteSession>
    /** A service that is moving off Django, beside it. */
    let node: Sessions<SiteSession>
    let asUser: DjangoUserOptions

    beforeAll(async () => {
      const files = [join(folder, 'private.pem'), join(folder, 'public.pem')] as const
      writeFileSync(files[0], keys.privateKey)
      writeFileSync(files[1], keys.publicKey)
      database = await open()
      site = await startDjangoSite({
        secretKey: SECRET,
        fallbacks: [OLD_SECRET],
        database: database.settings,
        jwt: { KEY: files },
        users: [{ username: 'dave', password: 'first', email: 'dave@example.org' }],
        ...(packages !== undefined && { packages }),
      })
      const { fields = {} } = session
      verifying = createSessions({
        session,
        codecs: [djangoJwt({ keys: keys.publicKey, fields })],
        expose: false,
        readOnly: true,
      })
      node = createSessions({
        session,
        codecs: [djangoJwt({ keys: keys.privateKey, fields, expires: '1h' })],
        store: djangoStore({ execute: database.execute, secretKey: SECRET, secretKeyFallbacks: [OLD_SECRET] }),
        expose: true,
        secure: false,
      })
      asUser = {
        secretKey: SECRET,
        secretKeyFallbacks: [OLD_SECRET],
        user: async (id) => (await query('SELECT * FROM auth_user WHERE id = ?', [Number(id)]))[0],
      }
    }, 60_000)

    afterAll(async () => {
      await site?.close()
      await database?.close()
      rmSync(folder, { recursive: true, force: true })
    })

    beforeEach(async () => {
      jar = new CookieJar()
      await signIn()
    })

    const signIn = async (password = 'first'): Promise<void> => jar.signIn(site.url, 'dave', password)
    const seenByDjango = async (): Promise<{ user: string | null; session: Record<string, unknown> }> =>
      (await jar.fetch(`${site.url}/whoami`)).json()
    const query = async (sql: string, params: unknown[]) =>
      database.execute(database.name === 'SQLite' ? sql : sql.replace('?', '$1').replace('?', '$2'), params as never)
    const load = () => node.load({ headers: { cookie: jar.header } })

    test('its rows are of the format of its release', async () => {
      const [row] = await query('SELECT session_data FROM django_session WHERE session_key = ?', [(await load()).id])
      expect(String(row?.session_data).includes(':')).toBe(readsOurs)
    })

    test('the claims are verified with the public key alone', async () => {
      const seen = await verifying.load({ headers: { cookie: jar.header } })
      expect(seen.rejected).toBeUndefined()
      expect(seen.data).toEqual({
        user_id: 1,
        username: 'dave',
        u: 'dave',
        email: 'dave@example.org',
        e: 'dave@example.org',
      })
      expect(seen.id).toMatch(/^[a-z0-9]{32}$/)
      expect(seen.claims).toMatchObject({ sk: seen.id, u: 'dave' })
    })

    testOfOurs('what Node changes in the server-side session, Django sees', async () => {
      const found = await load()
      expect(found.data._auth_user_id).toBe('1')
      found.data.cart = ['tea']
      jar.take(await node.commit(found))
      expect(await seenByDjango()).toMatchObject({ user: 'dave', session: { cart: ['tea'] } })
    })

    test('what Django changes, Node sees, and the claims stay those of the user', async () => {
      await jar.fetch(`${site.url}/session`, { method: 'POST', body: '{"cart": ["milk", "bread"]}' })
      const found = await load()
      expect(found.data.cart).toEqual(['milk', 'bread'])
      expect(found.claims).toMatchObject({ u: 'dave', e: 'dave@example.org' })
    })

    testOfOurs('Django takes the token that Node issued anew', async () => {
      const found = await load()
      found.regenerate()
      const before = jar.get('sessionid')
      jar.take(await node.commit(found))
      expect(jar.get('sessionid')).not.toBe(before)
      expect((await seenByDjango()).user).toBe('dave')
      // What the id was before is nobody's session any more.
      const other = new CookieJar()
      other.set('sessionid', before ?? '')
      expect(await (await other.fetch(`${site.url}/whoami`)).json()).toMatchObject({ user: null })
    })

    test('sign out in Django is sign out in Node', async () => {
      const before = jar.header
      await jar.signOut(site.url)
      expect((await load()).isNew).toBe(true)
      const replayed = await node.load({ headers: { cookie: before } })
      expect(replayed).toMatchObject({ isNew: true, data: {} })
      expect(replayed.rejected?.code).toBe('ERR_SESSION_EXPIRED')
    })

    test('sign out in Node is sign out in Django', async () => {
      const before = jar.get('sessionid') ?? ''
      jar.take(await node.destroy(await load()))
      expect(jar.get('sessionid')).toBeUndefined()
      jar.set('sessionid', before)
      expect((await seenByDjango()).user).toBeNull()
    })

    test('Node lists where a user is signed in, and signs out the others: real Django sees them signed out', async () => {
      const sessions = node.with({ owner: ({ _auth_user_id }) => _auth_user_id as string })
      const others = [new CookieJar(), new CookieJar()]
      for (const other of others) await other.signIn(site.url, 'dave', 'first')
      const current = await sessions.load({ headers: { cookie: jar.header } })
      const before = await sessions.listSessions('1', { current })
      expect(before.sessions.length).toBeGreaterThanOrEqual(3)
      expect(before.sessions[0]).toMatchObject({ isCurrent: true, data: { _auth_user_id: '1' } })
      expect((await sessions.listSessions('2')).sessions).toEqual([])
      expect(await sessions.endSessions('2')).toBe(0)
      const ended = await sessions.endSessions('1', { except: current })
      expect(ended).toBe(before.sessions.length - 1)
      for (const other of others) {
        expect(await (await other.fetch(`${site.url}/whoami`)).json()).toMatchObject({ user: null })
      }
      expect((await seenByDjango()).user).toBe('dave')
      const [only] = (await sessions.listSessions('1')).sessions
      expect(await sessions.endSession('1', only?.handle as string)).toBe(true)
      expect((await seenByDjango()).user).toBeNull()
    })

    test('of a session that is gone Django signs the claims again; in Node they are nobody’s', async () => {
      const before = jar.get('sessionid') ?? ''
      const gone = await load()
      await node.destroy(gone)
      jar.set('sessionid', before)
      const replayed = await load()
      expect(replayed).toMatchObject({ isNew: true, data: {} })
      expect(await node.commit(replayed)).toEqual([])
      expect((await seenByDjango()).user).toBeNull()
      const again = await verifying.load({ headers: { cookie: jar.header } })
      expect(again.data.username).toBe('dave')
      expect(again.id).not.toBe(gone.id)
      expect((await load()).data._auth_user_id).toBeUndefined()
    })

    test('a changed password ends the sessions in Node too', async () => {
      expect(await djangoUser(await load(), asUser)).toMatchObject({ id: '1', user: { username: 'dave' } })
      await changePassword('second')
      expect(await djangoUser(await load(), asUser)).toBeNull()
      await signIn('second')
      expect(await djangoUser(await load(), asUser)).toMatchObject({ id: '1' })
      await changePassword('first')
    })

    test('a row that was tampered with is no session, and the row stays', async () => {
      const { id } = await load()
      const [row] = await query('SELECT session_data FROM django_session WHERE session_key = ?', [id])
      const data = String(row?.session_data)
      await query('UPDATE django_session SET session_data = ? WHERE session_key = ?', [`${data.slice(0, -3)}AAA`, id])
      const found = await load()
      expect(found.isNew).toBe(true)
      expect(found.rejected?.code).toBe('ERR_SESSION_SIGNATURE')
    })

    testOfOurs('a row that the secret of before signed is read, and signed anew with the next change', async () => {
      const { id } = await load()
      const [row] = await query('SELECT session_data FROM django_session WHERE session_key = ?', [id])
      const signed = signRow(String(row?.session_data), OLD_SECRET)
      await query('UPDATE django_session SET session_data = ? WHERE session_key = ?', [signed, id])
      const found = await load()
      expect(found.data._auth_user_id).toBe('1')
      found.data.cart = ['salt']
      jar.take(await node.commit(found))
      const [written] = await query('SELECT session_data FROM django_session WHERE session_key = ?', [id])
      expect(written?.session_data).toBe(signRow(String(written?.session_data), SECRET))
      expect(await seenByDjango()).toMatchObject({ user: 'dave', session: { cart: ['salt'] } })
    })

    async function changePassword(password: string): Promise<void> {
      const body = JSON.stringify({ username: 'dave', password })
      await fetch(`${site.url}/password`, { method: 'POST', body })
    }
  })
}

/** The row with another signature: FORMATS §8. */
function signRow(row: string, secret: string): string {
  const signed = row.slice(0, row.lastIndexOf(':'))
  const key = `django.contrib.sessions.SessionStoresigner${secret}`
  const mac = createHmac('sha256', createHash('sha256').update(key).digest()).update(signed)
  return `${signed}:${mac.digest('base64url')}`
}

if (findPython() === undefined) {
  console.warn('skipping the Django site: no Python packages; node scripts/python-env.mjs installs them')
  test.skip('needs Python', () => {})
} else {
  const missing = 'no such packages; node scripts/python-env.mjs installs them or says what they need'
  const [older, oldest] = (['older-django', 'oldest-django'] as const).map((name): OlderDjango | undefined => {
    const packages = findOlderPackages(name)
    if (!packages) console.warn(`skipping the Django site with ${name}: ${missing}`)
    return packages ? { name, packages, readsOurs: name === 'older-django' } : undefined
  })
  suite('SQLite', openDjangoSqlite)
  if (older) suite('SQLite', openDjangoSqlite, older)
  // No release of psycopg2 is for this Django and this Python.
  if (oldest) suite('SQLite', openDjangoSqlite, oldest)
  if (hasPostgres()) {
    suite('PostgreSQL', openDjangoPostgres)
    if (older) suite('PostgreSQL', openDjangoPostgres, older)
  } else console.warn(`skipping the Django site over PostgreSQL: ${postgresHint}`)
}
