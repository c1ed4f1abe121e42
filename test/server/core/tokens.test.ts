/** `load({ token })`: sessions that a client keeps itself and sends in a header, without any cookie. */
import { describe, expect, test } from 'vitest'
import {
  beaker,
  beakerJwt,
  bearerToken,
  compact,
  createSessions,
  djangoSession,
  djangoSigned,
  jwt,
  memoryStore,
  type Session,
  type SessionCodec,
  type SessionEvent,
  type Sessions,
  type SessionsOptions,
  verifySessions,
} from '../../../src/server/index.js'
import { encodeBase64Url } from '../../../src/shared/bytes.js'
import { OLD_SECRET, SECRET, START, testClock } from '../server.helpers.js'

function sessionsOf(options: Partial<SessionsOptions> = {}): Sessions {
  return createSessions({ codecs: [compact({ secrets: [SECRET] })], expose: ['user'], ...options } as SessionsOptions)
}

/** A client that keeps the token it was given last. */
async function request(
  sessions: Sessions,
  token: string | undefined,
  change: (data: Record<string, unknown>) => unknown = () => {},
): Promise<string | undefined> {
  const session = await sessions.load({ token })
  change(session.data)
  const headers = new Headers()
  expect(await sessions.commit(session, headers)).toEqual([])
  expect([...headers]).toEqual([])
  return session.token
}

const codecs: Record<string, () => SessionCodec> = {
  compact: () => compact({ secrets: [SECRET] }),
  beakerJwt: () => beakerJwt({ secrets: [SECRET] }),
  jwt: () => jwt({ secrets: [SECRET] }),
  beaker: () => beaker({ validateKey: SECRET }),
  djangoSigned: () => djangoSigned({ secretKey: SECRET }),
}

describe.each(Object.entries(codecs))('%s', (_, codec) => {
  test.each([false, true])('is written into the token and read from it; with a store: %s', async (hasStore) => {
    if (hasStore && codec().keepsId === false) return
    const sessions = sessionsOf({
      codecs: [codec()],
      expose: codec().readable ? ['user'] : false,
      ...(hasStore && { store: memoryStore() }),
    })
    const first = await request(sessions, undefined, (data) => Object.assign(data, { user: 'dave' }))
    const session = await sessions.load({ token: first })
    expect(session.data).toEqual({ user: 'dave' })
    expect(session.token).toBe(first)
    const second = await request(sessions, first, (data) => Object.assign(data, { visits: 2 }))
    expect((await sessions.load({ token: second })).data).toEqual({ user: 'dave', visits: 2 })
    // With a store the token is the same: only the row changed.
    expect(second === first).toBe(hasStore)
    expect(await sessions.destroy(session)).toEqual([])
    expect(session.token).toBeUndefined()
    if (hasStore) expect((await sessions.load({ token: second })).rejected?.code).toBe('ERR_SESSION_EXPIRED')
  })
})

describe('session.token', () => {
  test('is undefined while nothing was written, and for a session of a cookie', async () => {
    const sessions = sessionsOf()
    expect(await request(sessions, undefined)).toBeUndefined()
    expect(await request(sessions, '')).toBeUndefined()
    const ofCookie = await sessions.load('')
    ofCookie.data.user = 'dave'
    const [cookie = ''] = await sessions.commit(ofCookie)
    expect(ofCookie.token).toBeUndefined()
    // The value is the same in both.
    const value = cookie.slice(cookie.indexOf('=') + 1, cookie.indexOf(';'))
    expect((await sessions.load({ token: value })).data).toEqual({ user: 'dave' })
  })

  test('is undefined for an emptied session, and another one after regenerate()', async () => {
    const sessions = sessionsOf()
    const token = await request(sessions, undefined, (data) => Object.assign(data, { user: 'dave' }))
    expect(await request(sessions, token, (data) => delete data.user)).toBeUndefined()
    const session = await sessions.load({ token })
    const { id } = session
    session.regenerate()
    await sessions.commit(session)
    expect(session.token).not.toBe(token)
    expect((await sessions.load({ token: session.token ?? '' })).id).not.toBe(id)
  })

  test('is renewed when a touch is due, and moves to the first key', async () => {
    const clock = testClock()
    const sessions = sessionsOf({ codecs: [compact({ secrets: [OLD_SECRET] })], clock })
    const token = await request(sessions, undefined, (data) => Object.assign(data, { user: 'dave' }))
    expect(await request(sessions, token)).toBe(token)
    clock.pass(61)
    const renewed = await request(sessions, token)
    expect(renewed).not.toBe(token)
    expect((await sessions.load({ token: renewed })).accessedAt).toEqual(new Date(START + 61_000))
    const moved = sessions.with({ codecs: [compact({ secrets: [SECRET, OLD_SECRET] })] })
    expect((await moved.load({ token: await request(moved, renewed) })).keyIndex).toBe(0)
  })

  test('is one for each load, even of the same object', async () => {
    const sessions = sessionsOf()
    const source: { token?: string } = {}
    const load = (): Promise<Session> => sessions.load(source as { token: string | undefined })
    Object.assign(source, { token: undefined })
    const session = await load()
    session.data.user = 'dave'
    await sessions.commit(session)
    Object.assign(source, { token: session.token })
    expect((await load()).data).toEqual({ user: 'dave' })
  })
})

const REFUSED: [name: string, token: () => Promise<string | undefined>, code: string][] = [
  [
    'another key',
    () =>
      request(sessionsOf({ codecs: [compact({ secrets: [OLD_SECRET] })] }), undefined, (data) =>
        Object.assign(data, { user: 'eve' }),
      ),
    'ERR_SESSION_SIGNATURE',
  ],
  ['no codec reads it', async () => 'Bearer abc', 'ERR_SESSION_UNSUPPORTED'],
  ['too long', async () => `~${'a'.repeat(16_384)}`, 'ERR_SESSION_LIMIT'],
]

describe('what is refused', () => {
  test.each(REFUSED)('%s', async (_, token, code) => {
    const events: SessionEvent[] = []
    const sessions = sessionsOf({ on: (event) => events.push(event) })
    const session = await sessions.load({ token: await token() })
    expect(session).toMatchObject({ isNew: true, rejected: { code }, token: undefined, data: {} })
    expect(events).toMatchObject([{ type: 'rejected', code }])
    session.data.user = 'dave'
    expect(await sessions.commit(session)).toEqual([])
    expect((await sessions.load({ token: session.token ?? '' })).data).toEqual({ user: 'dave' })
  })

  test('a session that has no room in a header, with its largest keys', async () => {
    const sessions = sessionsOf({ codecs: [compact({ secrets: [SECRET] })] })
    const random = encodeBase64Url(crypto.getRandomValues(new Uint8Array(9000)))
    const session = await sessions.load({ token: undefined })
    session.data.big = random
    await expect(sessions.commit(session)).rejects.toMatchObject({
      code: 'ERR_SESSION_TOO_LARGE',
      message: expect.stringMatching(/^The token takes \d+ bytes as compact; there is room for 8192/),
      largest: [{ key: 'big' }],
    })
    session.data.big = random.slice(0, 6000)
    expect(await sessions.commit(session)).toEqual([])
    expect(session.token?.length).toBeGreaterThan(4096)
    expect((await sessions.load({ token: session.token ?? '' })).data).toEqual(session.data)
  })

  test('nothing for a public cookie, which there is not', async () => {
    const sessions = sessionsOf({ expose: ['user'] })
    const session = await sessions.load({ token: undefined })
    session.data.user = encodeBase64Url(crypto.getRandomValues(new Uint8Array(4000)))
    await sessions.commit(session)
    const again = await sessions.load({ token: session.token ?? '' })
    expect(await sessions.commit(again)).toEqual([])
    expect(again.token).toBe(session.token)
  })

  test('a token that is no text', async () => {
    await expect(sessionsOf().load({ token: 7 as unknown as string })).rejects.toThrow(/must be a text/)
  })

  test('a bare id of another session', async () => {
    const sessions = sessionsOf({ codecs: [djangoSession()], store: memoryStore(), expose: false })
    const session = await sessions.load({ token: 'a'.repeat(32) })
    expect(session).toMatchObject({ isNew: true, rejected: { code: 'ERR_SESSION_EXPIRED' } })
    session.data.user = 'dave'
    await sessions.commit(session)
    expect(session.token).toBe(session.id)
    expect(session.id).not.toBe('a'.repeat(32))
  })
})

test('sessions that only verify read a token', async () => {
  const token = await request(sessionsOf(), undefined, (data) => Object.assign(data, { user: 'dave' }))
  const verifier = verifySessions({ codecs: [compact({ secrets: [SECRET] })] })
  expect((await verifier.load({ token })).data).toEqual({ user: 'dave' })
})

test('a request with a token of some middleware is a request', async () => {
  const sessions = sessionsOf()
  const session = await sessions.load('')
  session.data.user = 'dave'
  const cookie = (await sessions.commit(session)).map((text) => text.split(';')[0]).join('; ')
  expect((await sessions.load({ token: 'abc', headers: { cookie } })).data).toEqual({ user: 'dave' })
})

test.each([
  ['Bearer abc', 'abc'],
  ['bearer   ~a!b ', '~a!b'],
  ['Bearer', undefined],
  ['Bearer a b', undefined],
  ['Basic abc', undefined],
  ['', undefined],
  [undefined, undefined],
])('bearerToken: %j', (header, token) => {
  expect(bearerToken({ headers: { authorization: header } })).toBe(token)
  expect(bearerToken(new Request('https://shop.example/', { headers: header ? { authorization: header } : {} }))).toBe(
    token,
  )
})
