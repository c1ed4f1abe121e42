/**
 * Node joins a Django that knows nothing of it, by Django's own cookie: the admin of the current release and of 4.2, over its table in
 * SQLite and PostgreSQL, as JSON and as pickles. CSRF secrets and messages are in the session too.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { djangoSession } from '../../src/server/codecs/django-session.js'
import { djangoSigned } from '../../src/server/codecs/django-signed.js'
import { createSessions, type Sessions } from '../../src/server/core/sessions.js'
import { type DjangoUserOptions, djangoLogin, djangoUser } from '../../src/server/django/user.js'
import { djangoStore } from '../../src/server/stores/django.js'
import { defineSession } from '../../src/shared/define-session.js'
import { hasPostgres, postgresHint } from '../setup/postgres.js'
import type { DjangoDatabase } from './django.suite.js'
import { openDjangoPostgres, openDjangoSqlite } from './django-databases.js'
import { CookieJar } from './django-site.js'
import { findOlderPackages, findPython, pythonProgram } from './find-python.js'
import { type PythonServer, startPythonServer } from './python-server.js'

const secretKey = 'the secret key of a plain Django, of fifty bytes !!'
const settings = {
  CSRF_USE_SESSIONS: true,
  MESSAGE_STORAGE: 'django.contrib.messages.storage.session.SessionStorage',
}

interface SiteSession {
  cart?: string[]
  [key: string]: unknown
}

interface Seen {
  user: string | null
  /** As Python prints each value. */
  session: Record<string, string>
  messages: string[]
}

interface SuiteOptions {
  open: () => Promise<DjangoDatabase>
  serializer: 'json' | 'pickle'
  packages: string | undefined
}

/** A visitor who fills in Django's forms. */
class Visitor extends CookieJar {
  readonly site: string

  constructor(site: string) {
    super()
    this.site = site
  }

  /** The token in a page's form. */
  async token(path: string): Promise<string> {
    const page = await (await this.fetch(this.site + path)).text()
    return /name="csrfmiddlewaretoken" value="(\w+)"/.exec(page)?.[1] ?? ''
  }

  async post(path: string, fields: Record<string, string>, token?: string): Promise<number> {
    const csrfmiddlewaretoken = token ?? (await this.token(path))
    const body = new URLSearchParams({ ...fields, csrfmiddlewaretoken })
    return (await this.fetch(this.site + path, { method: 'POST', body })).status
  }

  async signIn(_site = this.site, username = 'dave', password = 'first'): Promise<void> {
    const status = await this.post('/admin/login/?next=/admin/', { username, password })
    if (status !== 302) throw new Error(`the admin answered the sign-in with ${status}`)
  }

  async call<Answer>(path: string, body?: object): Promise<Answer> {
    const init = body && { method: 'POST', body: JSON.stringify(body) }
    return (await (await this.fetch(this.site + path, init)).json()) as Answer
  }

  whoami(): Promise<Seen> {
    return this.call<Seen>('/whoami')
  }

  /** Sends what `make` gives, and takes the session cookie's own lifetime from the answer: seconds, or until the browser closes. */
  async keptFor(path: string, body: object): Promise<number | 'browser'> {
    const response = await this.fetch(this.site + path, { method: 'POST', body: JSON.stringify(body) })
    return lifetimeIn(response.headers.getSetCookie())
  }

  /** 200, or 302 to the page for signing in. */
  async admin(): Promise<number> {
    return (await this.fetch(`${this.site}/admin/`)).status
  }
}

/** How long a browser keeps the session cookie that was set. */
function lifetimeIn(setCookies: readonly string[]): number | 'browser' {
  const setCookie = setCookies.find((text) => text.startsWith('sessionid=')) ?? ''
  expect(setCookie).not.toBe('')
  const [, seconds] = /; Max-Age=(\d+)/i.exec(setCookie) ?? []
  if (seconds === undefined) expect(setCookie).not.toMatch(/expires/i)
  return seconds === undefined ? 'browser' : Number(seconds)
}

/** What `set_expiry` is called with, and how long a browser then keeps the cookie. */
const expiries: readonly [python: string, seconds: number | 'browser'][] = [
  ['0', 'browser'],
  ['300', 300],
  ['datetime.timedelta(hours=2)', 7200],
  ['datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3)', 259_200],
  ['None', 1_209_600],
]

/** Seconds until a time grow fewer while the test runs. */
function expectKept(actual: number | 'browser', expected: number | 'browser', isTime: boolean): void {
  if (!isTime || actual === 'browser' || expected === 'browser') return void expect(actual).toBe(expected)
  expect(actual).toBeLessThanOrEqual(expected)
  expect(actual).toBeGreaterThan(expected - 600)
}

interface Both {
  visitor: () => Visitor
  /** One change in Node, with the cookies that it sets. */
  changeInNode: (change: (data: SiteSession) => void) => Promise<string[]>
}

/** Tests that both sides keep the lifetime that one of them has given a session. */
function expiryTests({ visitor, changeInNode }: Both): void {
  test.each(expiries)('Django calls set_expiry(%s), and a change of Node keeps that', async (expiry, seconds) => {
    const isTime = expiry.startsWith('datetime')
    await visitor().call('/expiry', { expiry: '77' })
    expectKept(await visitor().keptFor('/expiry', { expiry }), seconds, isTime)
    const before = await visitor().call<{ own: string }>('/lifetime')
    expectKept(lifetimeIn(await changeInNode((data) => Object.assign(data, { cart: ['tea'] }))), seconds, isTime)
    const after = await visitor().call<{ own: string; browser: boolean; age: number }>('/lifetime')
    expect(after.own).toBe(before.own)
    expect(after.browser).toBe(seconds === 'browser')
    expectKept(after.age, seconds === 'browser' ? 1_209_600 : seconds, isTime)
  })

  const inNode = (): [unknown, number | 'browser'][] => [
    [0, 'browser'],
    [300, 300],
    [new Date(Date.now() + 259_200_000).toISOString(), 259_200],
    [null, 1_209_600],
    [undefined, 1_209_600],
  ]
  test.each(inNode())('Node sets _session_expiry to %j, and a change of Django keeps that', async (expiry, seconds) => {
    const isTime = typeof expiry === 'string'
    await visitor().call('/session', { cart: "['tea']" })
    const setCookies = await changeInNode((data) => Object.assign(data, { _session_expiry: expiry, cart: ['milk'] }))
    expectKept(lifetimeIn(setCookies), seconds, isTime)
    expectKept(await visitor().keptFor('/session', { cart: "['salt']" }), seconds, isTime)
  })
}

function suite(title: string, { open, serializer, packages }: SuiteOptions): void {
  describe(title, () => {
    let database: DjangoDatabase
    let site: PythonServer
    let node: Sessions<SiteSession>
    let asUser: DjangoUserOptions
    let visitor: Visitor

    beforeAll(async () => {
      database = await open()
      const users = ['dave', 'eve'].map((username) => ({ username, password: 'first' }))
      const options = { secretKey, serializer, database: database.settings, users, settings }
      site = await startPythonServer(pythonProgram('admin_site.py'), { options, packages })
      node = createSessions<SiteSession>({
        session: defineSession<SiteSession>({ name: 'sessionid' }),
        codecs: [djangoSession()],
        store: djangoStore({ execute: database.execute, secretKey, serializer }),
        maxAge: '14d',
        secure: false,
        expose: false,
      })
      asUser = { secretKey, user: async (id) => (await query('SELECT * FROM auth_user WHERE id = ?', Number(id)))[0] }
    }, 60_000)

    afterAll(async () => {
      await site?.close()
      await database?.close()
    })

    beforeEach(async () => {
      visitor = new Visitor(site.url)
    })

    const query = async (sql: string, parameter: unknown) =>
      database.execute(database.name === 'SQLite' ? sql : sql.replace('?', '$1'), [parameter] as never)
    const hasRow = async (key: string | undefined): Promise<boolean> =>
      (await query('SELECT 1 FROM django_session WHERE session_key = ?', key)).length > 0
    const load = (who: CookieJar = visitor) => node.load({ headers: { cookie: who.header } })
    const changeInNode = async (change: (data: SiteSession) => void): Promise<string[]> => {
      const session = await load()
      change(session.data)
      const cookies = await node.commit(session)
      visitor.take(cookies)
      return cookies
    }

    test('the admin signs in, Node sees who it is and changes data, and the user stays signed in', async () => {
      await visitor.signIn()
      const session = await load()
      expect(session).toMatchObject({ isNew: false, codec: 'djangoSession', id: visitor.get('sessionid') })
      expect(await djangoUser(session, asUser)).toMatchObject({ id: '1', user: { username: 'dave' } })
      const [setCookie] = await changeInNode((data) => {
        data.cart = ['tea']
      })
      expect(setCookie).toBe(`sessionid=${session.id}; Max-Age=1209600; HttpOnly; Path=/; SameSite=Lax`)
      expect(await visitor.whoami()).toMatchObject({ user: 'dave', session: { cart: "['tea']" } })
      expect(await visitor.admin()).toBe(200)
    })

    test('what Django wrote keeps value and type under a change of Node', async () => {
      const values = { price: '1.0', large: '2 ** 70', text: "'\\u20ac'", list: '[1, None, {}]' }
      const more = { when: 'datetime.timedelta(days=1, microseconds=5)', pair: "(1.5, b'x')", set: '{1}' }
      await visitor.call('/session', serializer === 'json' ? values : { ...values, ...more })
      const before = (await visitor.whoami()).session
      expect(before.price).toBe('1.0')
      await changeInNode((data) => {
        data.cart = ['tea']
      })
      expect((await visitor.whoami()).session).toEqual({ ...before, cart: "['tea']" })
    })

    test('a sign-in in Node is one for the admin: with a new key, for the data of the visitor', async () => {
      await visitor.call('/session', { cart: "['milk']" })
      const before = visitor.get('sessionid')
      const session = await load()
      const [row] = await query('SELECT id, password FROM auth_user WHERE username = ?', 'eve')
      Object.assign(session.data, await djangoLogin(row as { id: number; password: string }, { secretKey }))
      session.regenerate()
      visitor.take(await node.commit(session))
      expect(visitor.get('sessionid')).toMatch(/^[a-z0-9]{32}$/)
      expect(visitor.get('sessionid')).not.toBe(before)
      expect(await hasRow(before)).toBe(false)
      expect(await visitor.admin()).toBe(200)
      expect(await visitor.whoami()).toMatchObject({ user: 'eve', session: { cart: "['milk']" } })
    })

    test('a visitor of Node signs in with Django, which changes the key: the old one is no session here', async () => {
      await changeInNode((data) => {
        data.cart = ['salt']
      })
      const before = new CookieJar()
      before.set('sessionid', visitor.get('sessionid') ?? '')
      await visitor.signIn()
      expect(visitor.get('sessionid')).not.toBe(before.get('sessionid'))
      expect((await load()).data).toMatchObject({ cart: ['salt'], _auth_user_id: '1' })
      const replayed = await load(before)
      expect(replayed).toMatchObject({ isNew: true, data: {} })
      expect(replayed.rejected?.code).toBe('ERR_SESSION_EXPIRED')
    })

    test('a key that nobody issued is taken over by neither side', async () => {
      for (const change of [
        () => changeInNode((data) => Object.assign(data, { cart: ['tea'] })),
        () => visitor.call('/session', { cart: "['tea']" }),
      ]) {
        visitor.set('sessionid', 'k'.repeat(32))
        await change()
        expect(visitor.get('sessionid')).toMatch(/^(?!k{32})[a-z0-9]{32}$/)
        expect(await hasRow('k'.repeat(32))).toBe(false)
      }
    })

    test('a password that is changed in the admin: the user goes on under a new key, other sessions end', async () => {
      const elsewhere = new Visitor(site.url)
      await elsewhere.signIn()
      await visitor.signIn()
      await changeInNode((data) => {
        data.cart = ['tea']
      })
      const before = visitor.get('sessionid')
      const passwords = { old_password: 'first', new_password1: 'mint-and-sage-7', new_password2: 'mint-and-sage-7' }
      expect(await visitor.post('/admin/password_change/', passwords)).toBe(302)
      expect(visitor.get('sessionid')).not.toBe(before)
      expect(await djangoUser(await load(), asUser)).toMatchObject({ user: { username: 'dave' } })
      expect((await load()).data.cart).toEqual(['tea'])
      expect(await djangoUser(await load(elsewhere), asUser)).toBeNull()
      expect((await elsewhere.whoami()).user).toBeNull()
      await visitor.call('/password', { username: 'dave', password: 'first' })
      expect(await djangoUser(await load(), asUser)).toBeNull()
    })

    test('signing out in the admin ends it in Node', async () => {
      await visitor.signIn()
      const before = new CookieJar()
      before.set('sessionid', visitor.get('sessionid') ?? '')
      expect(await visitor.post('/admin/logout/', {}, await visitor.token('/admin/password_change/'))).toBe(200)
      expect(await djangoUser(await load(), asUser)).toBeNull()
      expect(await load(before)).toMatchObject({ isNew: true, data: {} })
    })

    test('signing out in Node ends it in the admin', async () => {
      await visitor.signIn()
      const before = visitor.get('sessionid') ?? ''
      visitor.take(await node.destroy(await load()))
      expect(visitor.get('sessionid')).toBeUndefined()
      expect(await hasRow(before)).toBe(false)
      visitor.set('sessionid', before)
      expect(await visitor.admin()).toBe(302)
    })

    expiryTests({ visitor: () => visitor, changeInNode })

    test('a row expires when Django says, whatever Node changes in it', async () => {
      await visitor.call('/expiry', { expiry: '300' })
      await changeInNode((data) => Object.assign(data, { cart: ['tea'] }))
      const { expiresAt } = await load()
      expect(Math.abs((expiresAt?.getTime() ?? 0) - Date.now() - 300_000)).toBeLessThan(120_000)
    })

    test('messages of Django survive a change of Node, and are shown once', async () => {
      await visitor.call('/message', { text: 'Saved <b>é</b>' })
      const session = await load()
      session.flash('success', 'of Node')
      visitor.take(await node.commit(session))
      expect((await visitor.whoami()).messages).toEqual(['Saved <b>é</b>'])
      const again = await load()
      expect(again.flash('success')).toEqual(['of Node'])
      visitor.take(await node.commit(again))
      expect((await visitor.whoami()).messages).toEqual([])
    })

    test("the token of Django's form stays valid under a change of Node, and those of Node beside it", async () => {
      const token = await visitor.token('/admin/login/')
      const session = await load()
      const own = session.csrfToken()
      session.data.cart = ['tea']
      visitor.take(await node.commit(session))
      const fields = { username: 'dave', password: 'first' }
      expect(await visitor.post('/admin/login/?next=/admin/', fields, 'x'.repeat(64))).toBe(403)
      expect((await load()).verifyCsrf(own)).toBe(true)
      expect(await visitor.post('/admin/login/?next=/admin/', fields, token)).toBe(302)
      expect(await visitor.admin()).toBe(200)
    })
  })
}

/** The same for sessions in signed cookies, which need no table. */
function signedSuite(title: string, serializer: 'json' | 'pickle', packages: string | undefined): void {
  describe(title, () => {
    let database: DjangoDatabase
    let site: PythonServer
    let visitor: Visitor
    const node = createSessions<SiteSession>({
      session: defineSession<SiteSession>({ name: 'sessionid' }),
      codecs: [djangoSigned({ secretKey, serializer })],
      maxAge: '14d',
      secure: false,
      expose: serializer === 'json',
    })

    beforeAll(async () => {
      database = await openDjangoSqlite()
      const engine = { SESSION_ENGINE: 'django.contrib.sessions.backends.signed_cookies' }
      const options = { secretKey, serializer, database: database.settings, settings: engine }
      site = await startPythonServer(pythonProgram('admin_site.py'), { options, packages })
    }, 60_000)

    afterAll(async () => {
      await site?.close()
      await database?.close()
    })

    beforeEach(() => {
      visitor = new Visitor(site.url)
    })

    expiryTests({
      visitor: () => visitor,
      async changeInNode(change) {
        const session = await node.load({ headers: { cookie: visitor.header } })
        expect(session.isNew).toBe(false)
        change(session.data)
        const cookies = await node.commit(session)
        visitor.take(cookies)
        return cookies
      },
    })
  })
}

if (findPython() === undefined) {
  console.warn('skipping the admin of Django: no Python packages; node scripts/python-env.mjs installs them')
  test.skip('needs Python', () => {})
} else {
  const older = findOlderPackages('django-4.2')
  if (!older) console.warn('skipping the admin of Django 4.2: node scripts/python-env.mjs installs it')
  if (!hasPostgres()) console.warn(`skipping the admin of Django over PostgreSQL: ${postgresHint}`)
  const releases = [
    { release: 'the current Django', packages: undefined },
    ...(older ? [{ release: 'Django 4.2', packages: older }] : []),
  ]
  const databases = [openDjangoSqlite, ...(hasPostgres() ? [openDjangoPostgres] : [])]
  for (const { release, packages } of releases) {
    for (const serializer of ['json', 'pickle'] as const) {
      signedSuite(`${release} with signed cookies, ${serializer}`, serializer, packages)
    }
    for (const open of databases) {
      for (const serializer of ['json', 'pickle'] as const) {
        const database = open === openDjangoSqlite ? 'SQLite' : 'PostgreSQL'
        suite(`the admin of ${release}, ${serializer} in ${database}`, { open, serializer, packages })
      }
    }
  }
}
