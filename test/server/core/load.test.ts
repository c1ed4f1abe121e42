import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createSessions, expressSessions, SessionError, type Sessions } from '../../../src/server/index.js'
import { defineSession } from '../../../src/shared/define-session.js'
import { dave, expectWithout, NAME, OLD_SECRET, rejection, SECRET, START, serve, textCodec } from '../server.helpers.js'

describe('what it loads from', () => {
  test('a Request, an IncomingMessage, a Cookie header', async () => {
    const { sessions, browser, visit } = serve()
    await visit(dave)
    const request = new Request('http://localhost', { headers: { cookie: browser.cookie } })
    const incoming = new IncomingMessage(new Socket())
    incoming.headers.cookie = browser.cookie
    for (const source of [request, incoming, { headers: { cookie: browser.cookie } }, browser.cookie]) {
      const session = await sessions.load(source)
      expect(session.data).toEqual({ user: 'dave' })
      expect(session.isNew).toBe(false)
    }
  })

  test.each([null, undefined, '', 'other=1', { headers: {} }, new Request('http://localhost')])(
    'nothing in %o',
    async (source) => {
      const { id, data, isNew, rejected, codec, keyIndex, claims, expiresAt, createdAt, accessedAt, isDestroyed } =
        await serve().sessions.load(source)
      expect(id).toMatch(/^[0-9a-f]{32}$/)
      expect(data).toEqual({})
      expect({ isNew, rejected, codec, keyIndex, claims, expiresAt, isDestroyed }).toEqual({
        isNew: true,
        isDestroyed: false,
      })
      expect(createdAt).toEqual(new Date(START))
      expect(accessedAt).toEqual(new Date(START))
    },
  )

  test('anything else is a TypeError', async () => {
    await expect(serve().sessions.load({} as '')).rejects.toThrow(TypeError)
  })

  test('ids are random', async () => {
    const { sessions } = serve()
    const ids = await Promise.all(Array.from({ length: 100 }, async () => (await sessions.load(null)).id))
    expect(new Set(ids).size).toBe(100)
  })
})

describe('one request', () => {
  test('has one session, however often it is asked for', async () => {
    const { sessions, browser, visit, events } = serve()
    await visit(dave)
    events.length = 0
    const request = new Request('http://localhost', { headers: { cookie: browser.cookie } })
    const [first, second] = await Promise.all([sessions.load(request), sessions.load(request)])
    expect(first).toBe(second)
    expect(await sessions.load(request)).toBe(first)
    expect(events.map(({ type }) => type)).toEqual(['read'])
  })

  test('has a session for each server', async () => {
    const request = new Request('http://localhost')
    expect(await serve().sessions.load(request)).not.toBe(await serve().sessions.load(request))
  })

  test('a header and another request make another session', async () => {
    const { sessions } = serve()
    expect(await sessions.load('')).not.toBe(await sessions.load(''))
    expect(await sessions.load({ headers: {} })).not.toBe(await sessions.load({ headers: {} }))
  })
})

describe('what it tells', () => {
  test('id, times, codec, key and claims of the cookie', async () => {
    const { sessions, browser, clock } = serve({ secrets: [OLD_SECRET], idleTimeout: 1800, absoluteTimeout: 86_400 })
    const written = await sessions.load(null)
    dave(written.data)
    browser.take(await sessions.commit(written))
    clock.pass(100)
    const rotated = serve({ secrets: [SECRET, OLD_SECRET], idleTimeout: 1800, absoluteTimeout: 86_400 }, { clock })
    const session = await rotated.sessions.load(browser.cookie)
    expect(session.id).toBe(written.id)
    expect(session.createdAt).toEqual(new Date(START))
    expect(session.accessedAt).toEqual(new Date(START))
    expect(session.expiresAt).toEqual(new Date(START + 1_800_000))
    expect(session.codec).toBe('beakerJwt')
    expect(session.keyIndex).toBe(1)
    expect(Object.keys(session.claims ?? {})).toEqual(['bsZ'])
    expect(JSON.stringify(session)).toBe('{"user":"dave"}')
  })

  test('why a cookie did not become a session', async () => {
    const { sessions } = serve()
    for (const [value, code] of [
      ['swordfish', 'ERR_SESSION_UNSUPPORTED'],
      ['swordfish.a.b', 'ERR_SESSION_MALFORMED'],
      ['eyJhbGciOiJub25lIn0.eyJ1c2VyIjoiZGF2ZSJ9.', 'ERR_SESSION_ALGORITHM'],
      ['eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoiZGF2ZSJ9.AAAA', 'ERR_SESSION_SIGNATURE'],
      ['x'.repeat(16 * 1024 + 1), 'ERR_SESSION_LIMIT'],
    ] as const) {
      const { rejected, isNew, data } = await sessions.load(`${NAME}=${value}`)
      expect(rejected?.code).toBe(code)
      expect(rejected).toBeInstanceOf(SessionError)
      expect({ isNew, data }).toEqual({ isNew: true, data: {} })
      expectWithout(rejected, ['swordfish', 'eyJ', SECRET, 'xxxx'])
    }
  })

  test('an empty cookie is none', async () => {
    expect((await serve().sessions.load(`${NAME}=`)).rejected).toBeUndefined()
  })
})

describe('timeouts', () => {
  test('end the session, which is then a fresh one', async () => {
    const { sessions, browser, clock, visit } = serve({ idleTimeout: 1800, absoluteTimeout: 3600 })
    await visit(dave)
    clock.pass(1800)
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
    clock.pass(0.001)
    const fresh = await sessions.load(browser.cookie)
    expect(fresh.rejected?.code).toBe('ERR_SESSION_EXPIRED')
    expect(fresh).toMatchObject({ isNew: true, data: {} })
  })

  test('use keeps it alive until the absolute timeout', async () => {
    const { sessions, browser, clock, visit } = serve({ idleTimeout: 1800, absoluteTimeout: 3600 })
    await visit(dave)
    clock.pass(1800)
    await visit()
    clock.pass(1800)
    await visit()
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
    clock.pass(0.001)
    expect((await sessions.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_EXPIRED')
  })

  test('a session of the future is refused', async () => {
    const { browser, clock, visit } = serve({ idleTimeout: 1800 })
    clock.pass(301)
    await visit(dave)
    const { rejected } = await serve({ idleTimeout: 1800 }).sessions.load(browser.cookie)
    expect(rejected?.code).toBe('ERR_SESSION_NOT_YET_VALID')
  })
})

describe('trouble of the server', () => {
  test.each(['ERR_SESSION_STORE', 'ERR_SESSION_KEYS'] as const)(
    '%s rejects, and makes no empty session',
    async (code) => {
      const down = textCodec('down', { fails: new SessionError(code, 'It is down') })
      const { sessions, events } = serve({ codecs: [down, textCodec('up')], expose: false })
      await rejection(code, sessions.load(`${NAME}=text~up~{}`))
      await rejection(code, sessions.load(new Request('http://localhost', { headers: { cookie: `${NAME}=text~up~` } })))
      expect(events).toEqual([])
    },
  )

  test('a codec with a bug rejects its cookie and not the request', async () => {
    const broken = textCodec('broken', { fails: new RangeError('a bug') })
    const { sessions } = serve({ codecs: [broken], expose: false })
    expect((await sessions.load(`${NAME}=text~broken~{}`)).rejected?.code).toBe('ERR_SESSION_MALFORMED')
  })
})

describe('readOnly', () => {
  test('has no commit and no destroy, and needs no codec that signs', async () => {
    const { browser, visit } = serve()
    await visit(dave)
    const reader = createSessions({
      session: defineSession({ idleTimeout: false }),
      secrets: [SECRET],
      expose: true,
      readOnly: true,
    })
    expect(Object.keys(reader)).toEqual(['name', 'warnings', 'load', 'ready', 'reload', 'jwks'])
    expect((await reader.load(browser.cookie)).data).toEqual({ user: 'dave' })
    expect(() => expressSessions(reader as unknown as Sessions)).toThrow(/read only/)
    expect(() => expressSessions({ secrets: [SECRET] } as unknown as Sessions)).toThrow(/takes what createSessions/)
    const { sign: _, ...verifier } = textCodec('verifier')
    expect(() => createSessions({ codecs: [verifier], expose: ['user'], readOnly: true })).not.toThrow()
    expect(() => createSessions({ codecs: [verifier], expose: false })).toThrow(/cannot sign/)
  })
})
