/** Encrypted sessions as an application uses them: with a public cookie of the same secret, rotation, tenants, chunks and tokens. */
import { createHmac, hkdfSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { TOLERANCE } from '../../../src/client/candidates.js'
import { getSession } from '../../../src/client/index.js'
import { beakerJwt, createSessions, defineSession, jwe, jwt, type SessionsOptions } from '../../../src/server/index.js'
import { decodeJwt } from '../../../src/shared/decode.js'
import {
  expiredOf,
  type Fixture,
  NAME,
  namesOf,
  OLD_SECRET,
  SECRET,
  START,
  serve,
  testBrowser,
  testClock,
} from '../server.helpers.js'

const PUBLIC = `${NAME}.public`
const signIn = (data: object): unknown => Object.assign(data, { user: 'dave', role: 'admin' })

function shop(options: Partial<SessionsOptions> = {}, beside: Parameters<typeof serve>[1] = {}): Fixture {
  return serve({ codecs: [jwe({ secrets: [SECRET] })], expose: ['user'], idleTimeout: 3600, ...options }, beside)
}

/** The key of the public cookie as FORMATS §12 says. */
function publicSignature(signingInput: string, secret: string, name = NAME): string {
  const derived = Buffer.from(hkdfSync('sha256', secret, '', 'sessionglass jwe 1 HS256 public', 32))
  const key = createHmac('sha256', derived).update(`sessionglass public half of ${name}\x01`).digest()
  return createHmac('sha256', key).update(signingInput).digest('base64url')
}

function splitSignature(value: string): [signingInput: string, signature: string] {
  const at = value.lastIndexOf('.')
  return [value.slice(0, at), value.slice(at + 1)]
}

test.each(['bson', 'claims'] as const)(
  'a sealed session and a readable public cookie in one line, with %s',
  async (payload) => {
    const { browser, visit, sessions } = shop({ codecs: [jwe({ secrets: SECRET, payload })] })
    const written = await visit(signIn)
    expect(namesOf(written).sort()).toEqual([NAME, PUBLIC])
    expect(written.find((cookie) => cookie.startsWith(`${NAME}=`))).toContain('HttpOnly')
    expect(written.find((cookie) => cookie.startsWith(`${PUBLIC}=`))).not.toContain('HttpOnly')

    // What a page sees: the public cookie alone, and that without the session's id.
    const shown = `${PUBLIC}=${browser.cookies.get(PUBLIC)}`
    expect(getSession(NAME, { cookie: shown, now: new Date(0) })).toEqual({ user: 'dave' })
    expect(decodeJwt(browser.cookies.get(PUBLIC) as string).meta.id).toBeUndefined()
    expect(getSession(NAME, { cookie: `${NAME}=${browser.cookies.get(NAME)}` })).toBeNull()

    const [input, signature] = splitSignature(browser.cookies.get(PUBLIC) as string)
    expect(signature).toBe(publicSignature(input, SECRET))
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave', role: 'admin' })
    expect(await visit()).toEqual([])
  },
)

test('the public cookie is never the session', async () => {
  const { browser, visit, sessions } = shop({ codecs: [jwe({ secrets: SECRET }), beakerJwt({ secrets: SECRET })] })
  await visit(signIn)
  const session = await sessions.load(`${NAME}=${browser.cookies.get(PUBLIC)}`)
  expect(session.data).toEqual({})
  expect(session.rejected?.code).toBe('ERR_SESSION_SIGNATURE')
})

test('both cookies move to the new secret with the next visit', async () => {
  const old = shop({ codecs: [jwe({ secrets: [OLD_SECRET] })] })
  await old.visit(signIn)
  const before = new Map(old.browser.cookies)
  const { browser, visit, sessions } = shop({ codecs: [jwe({ secrets: [SECRET, OLD_SECRET] })] }, old)
  expect((await sessions.load(browser.cookie)).data).toMatchObject({ user: 'dave' })
  expect(namesOf(await visit()).sort()).toEqual([NAME, PUBLIC])
  const [input, signature] = splitSignature(browser.cookies.get(PUBLIC) as string)
  expect(signature).toBe(publicSignature(input, SECRET))
  const after = shop({ codecs: [jwe({ secrets: [SECRET] })] }, { browser, clock: old.clock })
  expect((await after.sessions.load(browser.cookie)).data).toMatchObject({ user: 'dave' })
  expect(await after.visit()).toEqual([])
  // An old public cookie alone is written again, not trusted.
  browser.cookies.set(PUBLIC, before.get(PUBLIC) as string)
  expect(namesOf(await after.visit())).toEqual([PUBLIC])
})

test('a public cookie that says something else, or is of another tenant, is written again', async () => {
  const browser = testBrowser()
  const { visit, sessions, clock } = shop({ tenant: 'a' }, { browser })
  await visit(signIn)
  const other = shop({ tenant: 'b' }, { clock })
  await other.visit((data) => Object.assign(data, { user: 'dave' }))
  browser.cookies.set(PUBLIC, other.browser.cookies.get(PUBLIC) as string)
  expect(namesOf(await visit())).toEqual([PUBLIC])
  const session = await sessions.load(other.browser.cookie)
  expect(session.rejected?.code).toBe('ERR_SESSION_SIGNATURE')
})

test('it goes when nothing is shown any more', async () => {
  const { visit } = shop()
  await visit(signIn)
  expect(expiredOf(await visit((data) => delete data.user))).toEqual([PUBLIC])
})

test('a codec of the list that browsers can read signs it instead, as before', async () => {
  const { browser, visit } = shop({ codecs: [jwe({ secrets: SECRET }), jwt({ secrets: SECRET })] })
  await visit(signIn)
  const [input, signature] = splitSignature(browser.cookies.get(PUBLIC) as string)
  expect(signature).not.toBe(publicSignature(input, SECRET))
  expect(getSession(NAME, { cookie: browser.cookie, now: new Date(0) })).toEqual({ user: 'dave' })
})

test('secrets of a function: the public cookie follows them, too', async () => {
  let secrets = [OLD_SECRET]
  const { browser, visit, sessions } = shop({ codecs: [jwe({ secrets: () => secrets })] })
  await visit(signIn)
  const [input, signature] = splitSignature(browser.cookies.get(PUBLIC) as string)
  expect(signature).toBe(publicSignature(input, OLD_SECRET))
  secrets = [SECRET, OLD_SECRET]
  await sessions.reload()
  expect(namesOf(await visit()).sort()).toEqual([NAME, PUBLIC])
  const [newInput, newSignature] = splitSignature(browser.cookies.get(PUBLIC) as string)
  expect(newSignature).toBe(publicSignature(newInput, SECRET))
  secrets = [SECRET]
  await sessions.reload()
  expect(await visit()).toEqual([])
  // What the removed secret verified is forgotten.
  browser.cookies.set(PUBLIC, `${input}.${signature}`)
  expect(namesOf(await visit())).toEqual([PUBLIC])
})

test('a session of another tenant is none, and the codec needs no warning', async () => {
  const sessions = createSessions({ codecs: [jwe({ secrets: SECRET })], expose: false })
  const [a, b] = ['a', 'b'].map((tenant) => sessions.with({ tenant })) as [typeof sessions, typeof sessions]
  const session = await a.load('')
  signIn(session.data)
  const cookie = (await a.commit(session)).map((text) => text.split(';')[0]).join('; ')
  expect((await a.load(cookie)).data).toMatchObject({ user: 'dave' })
  for (const stranger of [b, sessions]) {
    expect((await stranger.load(cookie)).rejected?.code).toBe('ERR_SESSION_SIGNATURE')
    expect(stranger.warnings.filter((text) => text.includes('tenant'))).toEqual([])
  }
})

test('a large session is split over several cookies, and comes back whole', async () => {
  const text = 'swordfish '.repeat(500)
  const { browser, visit, sessions } = shop()
  const written = await visit((data) => Object.assign(data, { user: 'dave', text }))
  expect(namesOf(written).sort()).toEqual([NAME, `${NAME}.1`, PUBLIC])
  expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave', text })
  const one = shop({ codecs: [jwe({ secrets: SECRET, chunks: false })] })
  await expect(one.visit((data) => Object.assign(data, { text }))).rejects.toMatchObject({
    code: 'ERR_SESSION_TOO_LARGE',
  })
})

test('tokens against cross-site requests need no secret in the session', async () => {
  const { browser, visit, sessions } = shop()
  await visit(signIn)
  const session = await sessions.load(browser.cookie)
  const token = session.csrfToken()
  expect((await sessions.load(browser.cookie)).verifyCsrf(token)).toBe(true)
  expect(Object.keys(session.data).sort()).toEqual(['role', 'user'])
})

test('a lost update is seen: two requests that start from one cookie', async () => {
  const { browser, sessions, visit, events } = shop({ expose: false })
  await visit(signIn)
  const [first, second] = [await sessions.load(browser.cookie), await sessions.load(browser.cookie)]
  Object.assign(first.data, { first: 1 })
  Object.assign(second.data, { second: 2 })
  browser.take(await sessions.commit(first))
  browser.take(await sessions.commit(second))
  expect((await sessions.load(browser.cookie)).data).toMatchObject({ first: 1, second: 2 })
  expect(events.map(({ type }) => type)).not.toContain('rejected')
})

test('timeouts count from its own times', async () => {
  const clock = testClock()
  const { browser, visit, sessions } = shop({ idleTimeout: 60 } as never, { clock })
  await visit(signIn)
  clock.pass(59)
  expect((await sessions.load(browser.cookie)).data).toMatchObject({ user: 'dave' })
  clock.pass(2)
  expect((await sessions.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_EXPIRED')
})

test.each(['bson', 'claims'] as const)(
  "a page shows the session until the codec's own `expires` and no longer, with %s",
  async (payload) => {
    const session = defineSession({ name: NAME, idleTimeout: '1h', expose: ['user'] })
    const clock = testClock(START)
    const browser = testBrowser()
    const sessions = createSessions({ session, codecs: [jwe({ secrets: SECRET, payload, expires: '10m' })], clock })
    const written = await sessions.load(browser.cookie)
    signIn(written.data)
    browser.take(await sessions.commit(written))
    const shownAt = (seconds: number) =>
      getSession(session, { cookie: browser.cookie, now: new Date(START + seconds * 1000) })
    expect(shownAt(599.999 + TOLERANCE)).toEqual({ user: 'dave' })
    expect(shownAt(600 + TOLERANCE)).toBeNull()
    clock.pass(599.999)
    expect((await sessions.load(browser.cookie)).data).toMatchObject({ user: 'dave' })
    // It is no change: only what is due is written.
    const again = await sessions.load(browser.cookie)
    browser.take(await sessions.commit(again))
    expect(shownAt(1199)).toEqual({ user: 'dave' })
    const unchanged = await sessions.load(browser.cookie)
    expect(await sessions.commit(unchanged)).toEqual([])
    clock.pass(600)
    expect((await sessions.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_EXPIRED')
    expect(shownAt(1200 + TOLERANCE)).toBeNull()
  },
)

test("the end that a session asked for counts, and not the codec's", async () => {
  const session = defineSession({ name: NAME, idleTimeout: '1h', expose: ['user'] })
  const browser = testBrowser()
  const sessions = createSessions({
    session,
    codecs: [jwe({ secrets: SECRET, expires: '10m' })],
    clock: testClock(START),
  })
  const written = await sessions.load(browser.cookie)
  signIn(written.data)
  written.remember('30d')
  browser.take(await sessions.commit(written))
  const shownAt = (seconds: number) =>
    getSession(session, { cookie: browser.cookie, now: new Date(START + seconds * 1000) })
  expect(shownAt(86_400)).toEqual({ user: 'dave' })
  expect(await sessions.commit(await sessions.load(browser.cookie))).toEqual([])
})

test('of the timeouts and the option `expires` the earlier one is what a page sees', async () => {
  const session = defineSession({ name: NAME, idleTimeout: '5m', expose: ['user'] })
  const clock = testClock(START)
  const browser = testBrowser()
  const sessions = createSessions({ session, codecs: [jwe({ secrets: SECRET, expires: '10m' })], clock })
  const written = await sessions.load(browser.cookie)
  signIn(written.data)
  browser.take(await sessions.commit(written))
  const shownAt = (seconds: number) =>
    getSession(session, { cookie: browser.cookie, now: new Date(START + seconds * 1000) })
  expect(shownAt(299.999 + TOLERANCE)).toEqual({ user: 'dave' })
  expect(shownAt(300.001 + TOLERANCE)).toBeNull()
})

test("keys that are data in another format are no mistake of the application's: that codec keeps the session", async () => {
  for (const key of ['exp', '_writes']) {
    const { browser, visit, clock } = serve({ codecs: [beakerJwt({ secrets: SECRET })] })
    await visit((data) => Object.assign(data, { user: 'dave', [key]: 5 }))
    const codecs = [jwe({ secrets: SECRET }), beakerJwt({ secrets: SECRET })]
    const next = serve({ codecs, expose: false }, { browser, clock })
    await next.visit((data) => Object.assign(data, { user: 'eve' }))
    expect(next.events).toContainEqual(
      expect.objectContaining({ type: 'kept', code: 'ERR_SESSION_UNWRITABLE', path: key }),
    )
    expect((await next.sessions.load(browser.cookie)).data).toEqual({ user: 'eve', [key]: 5 })
  }
})
