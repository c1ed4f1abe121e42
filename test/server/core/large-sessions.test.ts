/** Sessions that take several cookies, through load, commit and destroy. */
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { encodeBase62 } from '../../../src/server/django/signer.js'
import { beaker, beakerJwt, compact, djangoSigned, type SessionCodec } from '../../../src/server/index.js'
import { dave, expiredOf, NAME, namesOf, rejection, SECRET, serve, testBrowser } from '../server.helpers.js'

const codec = compact({ secrets: SECRET })
/** Bytes that do not compress: as BSON they take 5/4 as many characters. */
const noise = (count: number): Uint8Array => new Uint8Array(randomBytes(count))
const contentOf = (cookie: string): string => cookie.slice(cookie.indexOf('=') + 1, cookie.indexOf(';'))

describe('many values in a short cookie, which each request reads again', () => {
  const validateKey = SECRET
  const codecs: [string, SessionCodec, (items: number) => number][] = [
    // The dict, the list, and what a codec adds: an id and two times.
    ['beaker, JSON', beaker({ validateKey, serializer: 'json' }), (items) => items + 5],
    ['djangoSigned, JSON', djangoSigned({ secretKey: SECRET }), (items) => items + 2],
  ]

  test.each(codecs)('%s: 10 000 are written and read, one more is refused', async (_, codec, valuesOf) => {
    const { sessions, browser, visit } = serve({ codecs: [codec] })
    const most = 10_000 - valuesOf(0)
    const [cookie = ''] = await visit((data) => Object.assign(data, { list: new Array(most).fill(0) }))
    expect(cookie.length).toBeLessThan(500)
    const session = await sessions.load(browser.cookie)
    expect(session.data.list).toHaveLength(most)
    ;(session.data.list as number[]).push(0)
    await rejection('ERR_SESSION_LIMIT', sessions.commit(session))
    expect((await sessions.load(browser.cookie)).data.list).toHaveLength(most)
  })

  test('of a pickle, too', async () => {
    const { sessions, visit, browser } = serve({
      codecs: [djangoSigned({ secretKey: SECRET, serializer: 'pickle' })],
      expose: false,
    })
    await visit((data) => Object.assign(data, { list: new Array(9900).fill(0) }))
    const session = await sessions.load(browser.cookie)
    expect(session.data.list).toHaveLength(9900)
    session.data.list = new Array(10_000).fill(0)
    await rejection('ERR_SESSION_LIMIT', sessions.commit(session))
  })

  test('of another program they are refused, and stay', async () => {
    const now = new Date()
    const text = deflateSync(JSON.stringify({ list: new Array(300_000).fill(0) })).toString('base64url')
    const time = encodeBase62(Math.floor(now.getTime() / 1000))
    const key = createHash('sha256').update(`django.contrib.sessions.backends.signed_cookiessigner${SECRET}`).digest()
    const mac = createHmac('sha256', key).update(`.${text}:${time}`).digest('base64url')
    const { sessions } = serve({ codecs: [djangoSigned({ secretKey: SECRET })], clock: () => now })
    const session = await sessions.load(`${NAME}=.${text}:${time}:${mac}`)
    expect(session.rejected).toMatchObject({ code: 'ERR_SESSION_LIMIT', verified: true })
  })
})

describe('a large session', () => {
  test.each([
    [2000, [NAME]],
    [4000, [NAME, `${NAME}.1`]],
    [6400, [NAME, `${NAME}.1`]],
  ])('%d bytes go out as %j and come back', async (count, names) => {
    const { sessions, browser, visit } = serve({ codecs: [codec] })
    const blob = noise(count)
    const cookies = await visit((data) => Object.assign(data, { user: 'dave', blob }))
    expect(namesOf(cookies)).toEqual(names)
    for (const cookie of cookies) {
      expect(cookie.slice(0, cookie.indexOf(';')).length - 1).toBeLessThanOrEqual(4096)
      expect(cookie).toMatch(/; Path=\/; SameSite=Lax; Secure$/)
    }
    expect(browser.cookie.length).toBeLessThanOrEqual(8192)
    const session = await sessions.load(browser.cookie)
    expect(session.data).toEqual({ user: 'dave', blob })
    expect(await sessions.commit(session)).toEqual([])
  })

  test('three cookies and more, where the header may be longer', async () => {
    const { sessions, browser, visit } = serve({ codecs: [codec], headerBudget: 16_384, expose: false })
    const blob = noise(9000)
    const cookies = await visit((data) => Object.assign(data, { blob }))
    expect(namesOf(cookies)).toEqual([NAME, `${NAME}.1`, `${NAME}.2`])
    for (const cookie of cookies) expect(cookie).toContain('; HttpOnly; ')
    expect((await sessions.load(browser.cookie)).data).toEqual({ blob })
  })

  test('is too large past the budget, and says by which keys', async () => {
    const { sessions, browser, visit } = serve({ codecs: [codec] })
    await visit(dave)
    const session = await sessions.load(browser.cookie)
    Object.assign(session.data, { blob: noise(6600), small: 1 })
    const headers = new Headers()
    const error = await rejection('ERR_SESSION_TOO_LARGE', sessions.commit(session, headers))
    expect(error.largest?.[0]).toMatchObject({ key: 'blob' })
    expect([...headers]).toEqual([])
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
  })

  test.each([
    ['a codec without chunks', [compact({ secrets: SECRET, chunks: false })], {}],
    ['one cookie by the options', [codec], { chunks: 1 }],
    ['a Python format', [beakerJwt({ secrets: SECRET })], {}],
  ])('is refused with %s, naming the biggest keys', async (_, codecs, options) => {
    const { sessions } = serve({ codecs, ...options })
    const session = await sessions.load(null)
    session.data.blob = noise(4000)
    const error = await rejection('ERR_SESSION_TOO_LARGE', sessions.commit(session))
    expect(error.largest).toMatchObject([{ key: 'blob' }])
  })
})

describe('pieces that are left over', () => {
  test('expire when the session gets shorter', async () => {
    const { sessions, browser, visit } = serve({ codecs: [codec] })
    await visit((data) => Object.assign(data, { blob: noise(5000) }))
    const cookies = await visit((data) => Object.assign(data, { blob: 'short' }))
    expect(namesOf(cookies)).toEqual([NAME, `${NAME}.1`])
    expect(expiredOf(cookies)).toEqual([`${NAME}.1`])
    expect([...browser.cookies.keys()]).toEqual([NAME])
    expect((await sessions.load(browser.cookie)).data).toEqual({ blob: 'short' })
  })

  test('of an earlier commit in the same response do too', async () => {
    const { sessions, browser } = serve({ codecs: [codec] })
    const headers = new Headers({ 'set-cookie': 'other=1' })
    const session = await sessions.load(null)
    session.data.blob = noise(5000)
    await sessions.commit(session, headers)
    session.data.blob = 'short'
    await sessions.commit(session, headers)
    const [other, ...ours] = headers.getSetCookie()
    expect(other).toBe('other=1')
    expect(namesOf(ours)).toEqual([NAME, `${NAME}.1`])
    expect(expiredOf(ours)).toEqual([`${NAME}.1`])
    browser.take(ours)
    expect((await sessions.load(browser.cookie)).data).toEqual({ blob: 'short' })
  })

  test('go with a move to a format that has none', async () => {
    const { browser, visit } = serve({ codecs: [codec] })
    await visit((data) => Object.assign(data, { text: 'é'.repeat(10), blob: noise(5000) }))
    const { sessions } = serve({ codecs: [beakerJwt({ secrets: SECRET }), codec] }, { browser })
    const session = await sessions.load(browser.cookie)
    delete session.data.blob
    const cookies = await sessions.commit(session)
    expect(expiredOf(cookies)).toEqual([`${NAME}.1`])
    browser.take(cookies)
    expect((await sessions.load(browser.cookie)).codec).toBe('beakerJwt')
  })

  test('and gaps among them hurt nothing, nor does a number beyond the range', async () => {
    const { sessions, browser, visit, events } = serve({ codecs: [codec] })
    await visit(dave)
    for (const stray of [
      `${NAME}.1=x`,
      `${NAME}.2=x`,
      `${NAME}.9=x`,
      `${NAME}.1=x; ${NAME}.2=x; ${NAME}.3=x; ${NAME}.4=x`,
    ]) {
      events.length = 0
      const session = await sessions.load(`${browser.cookie}; ${stray}`)
      expect(session.data).toEqual({ user: 'dave' })
      expect(events.map(({ type }) => type)).toEqual(['read'])
      session.data.user = 'eve'
      expect(expiredOf(await sessions.commit(session))).toEqual(
        [1, 2, 3].map((index) => `${NAME}.${index}`).filter((name) => stray.includes(`${name}=`)),
      )
    }
  })

  test('are left alone where no codec has chunks: they are somebody else’s', async () => {
    const { sessions, browser, visit } = serve()
    await visit(dave)
    const session = await sessions.load(`${browser.cookie}; ${NAME}.1=x`)
    session.data.user = 'eve'
    expect(namesOf(await sessions.commit(session))).toEqual([NAME])
    expect(namesOf(await sessions.destroy(session))).toEqual([NAME])
  })
})

describe('what other responses, places and attackers put beside a large session', () => {
  const big = { codecs: [codec], headerBudget: 16_384 }

  /** A browser with a session of so many bytes. */
  async function browserWith(bytes: number) {
    const fixture = serve(big)
    await fixture.visit((data) => Object.assign(data, { user: 'dave', blob: noise(bytes) }))
    return fixture
  }

  /** A request with these cookies finds the session, sets nothing if it only reads, and writes over it if it writes. */
  async function survives(
    header: string,
    leftOver: readonly string[],
    kept: readonly string[],
    rejected = 0,
  ): Promise<void> {
    const { sessions, events } = serve(big)
    const reading = await sessions.load(header)
    expect(reading.data.user).toBe('dave')
    const types = events.map(({ type }) => type).filter((type) => type !== 'shadowed')
    // Only another cookie of the session's own name is news; a piece is left over.
    expect(types).toEqual([...Array(rejected).fill('rejected'), 'read'])
    expect(await sessions.commit(reading)).toEqual([])
    const writing = await sessions.load(header)
    writing.data.csrf = 'x'
    const cookies = await sessions.commit(writing)
    expect(expiredOf(cookies).sort()).toEqual([...leftOver])
    expect(namesOf(cookies).filter((name) => !leftOver.includes(name))).toEqual([...kept])
    const browser = testBrowser()
    browser.take(cookies)
    expect((await sessions.load(browser.cookie)).data).toMatchObject({ user: 'dave', csrf: 'x' })
  }

  test('a session grows from two cookies to three, and a request beside it that writes two answers last', async () => {
    const { sessions, browser } = await browserWith(5000)
    expect([...browser.cookies.keys()]).toEqual([NAME, `${NAME}.1`])
    const [growing, other] = [await sessions.load(browser.cookie), await sessions.load(browser.cookie)]
    growing.data.blob = noise(9000)
    other.data.page = 1
    const [grown, answer] = [await sessions.commit(growing), await serve(big).sessions.commit(other)]
    browser.take(grown)
    browser.take(answer)
    expect([...browser.cookies.keys()]).toEqual([NAME, `${NAME}.1`, `${NAME}.2`])
    expect((await sessions.load(browser.cookie)).data.page).toBe(1)
    await survives(browser.cookie, [`${NAME}.2`], [NAME, `${NAME}.1`])
  })

  test('the same from one cookie to four', async () => {
    const [short, long] = [await browserWith(100), await browserWith(9000)]
    long.browser.cookies.set(NAME, short.browser.cookies.get(NAME) as string)
    await survives(
      `${long.browser.cookie}; ${NAME}.3=x`,
      [1, 2, 3].map((index) => `${NAME}.${index}`),
      [NAME],
    )
  })

  test.each([1, 2, 3])('a planted NAME.%i, behind or before', async (index) => {
    const { browser } = await browserWith(5000)
    const planted = `${NAME}.${index}=planted`
    const leftOver = index > 1 && index < 4 ? [`${NAME}.${index}`] : []
    for (const header of [`${browser.cookie}; ${planted}`, `${planted}; ${browser.cookie}`]) {
      await survives(header, leftOver, [NAME, `${NAME}.1`])
    }
  })

  test('a planted NAME, behind or before', async () => {
    const { browser } = await browserWith(5000)
    const first = browser.cookies.get(NAME) as string
    const join = `${NAME}=${first}; ${NAME}.1=${browser.cookies.get(`${NAME}.1`)}`
    // A short one behind ours is the likeliest, so it is tried first and told.
    for (const [value, rejected] of [
      ['planted', 1],
      ['~', 1],
      [first.slice(1), 1],
      ['x'.repeat(4079), 0],
    ] as const) {
      await survives(`${join}; ${NAME}=${value}`, [], [NAME, `${NAME}.1`], rejected)
      await survives(`${NAME}=${value}; ${join}`, [], [NAME, `${NAME}.1`])
    }
  })

  test('a piece of each of two sessions in two places, in any order: one of the two is found', async () => {
    const [here, there] = [await browserWith(5000), await browserWith(5000)]
    const pairs = [here, there].flatMap(({ browser }) => browser.cookie.split('; ')) as [string, string, string, string]
    const [a0, a1, b0, b1] = pairs
    for (const header of [
      [a0, a1, b0, b1],
      [a0, b1, b0, a1],
      [b0, a1, a0, b1],
    ]) {
      await survives(header.join('; '), [], [NAME, `${NAME}.1`])
    }
    await survives([b0, a0, a1].join('; '), [], [NAME, `${NAME}.1`])
  })

  test('two places: the pieces in the other one expire with a write', async () => {
    const { browser } = await browserWith(5000)
    const { sessions } = serve({ ...big, domain: 'example.org' })
    const session = await sessions.load(`${browser.cookie}; ${NAME}.1=planted`)
    session.data.csrf = 'x'
    const cookies = await sessions.commit(session)
    const elsewhere = cookies.filter((cookie) => !cookie.includes('Domain='))
    expect([namesOf(elsewhere), expiredOf(elsewhere)]).toEqual(Array(2).fill([NAME, `${NAME}.1`]))
  })

  test('pieces of which nothing verifies are told once', async () => {
    const { sessions, events } = serve(big)
    const session = await sessions.load(`${NAME}=${'x'.repeat(4079)}; ${NAME}.1=b; ${NAME}.2=c`)
    expect(session.rejected?.code).toBe('ERR_SESSION_UNSUPPORTED')
    expect(events.map(({ type }) => type)).toEqual(['rejected', 'rejected'])
  })
})

describe('pieces that do not belong together', () => {
  test('make no session: of two sessions, swapped, cut, or one missing', async () => {
    const big = async (): Promise<[string, string]> => {
      const { browser, visit } = serve({ codecs: [codec] })
      await visit((data) => Object.assign(data, { blob: noise(5000) }))
      return [browser.cookies.get(NAME) ?? '', browser.cookies.get(`${NAME}.1`) ?? '']
    }
    const [[a0, a1], [b0, b1]] = [await big(), await big()]
    const { sessions, events } = serve({ codecs: [codec] })
    expect((await sessions.load(`${NAME}=${a0}; ${NAME}.1=${a1}`)).isNew).toBe(false)
    expect((await sessions.load(`${NAME}.1=${b1}; ${NAME}=${b0}`)).isNew).toBe(false)
    for (const [first, second] of [
      [a0, b1],
      [b0, a1],
      [a1, a0],
      [a0, a1.slice(0, -1)],
      [a0.slice(1), a1],
      [a0, ''],
    ]) {
      events.length = 0
      const session = await sessions.load(`${NAME}=${first}; ${NAME}.1=${second}`)
      expect(session.isNew).toBe(true)
      expect(session.rejected?.verified ?? false).toBe(false)
    }
    const alone = await sessions.load(`${NAME}=${a0}`)
    expect(alone.rejected?.code).toBe('ERR_SESSION_SIGNATURE')
    expect(await sessions.commit(alone)).toEqual([])
  })

  test('a codec without chunks is never asked about a joined value', async () => {
    const token = beakerJwt({ secrets: SECRET })
    const { browser, visit, sessions } = serve({ codecs: [token, codec] })
    await visit(dave)
    const value = browser.cookies.get(NAME) ?? ''
    const session = await sessions.load(`${NAME}=${value.slice(0, 50)}; ${NAME}.1=${value.slice(50)}`)
    expect(session.isNew).toBe(true)
  })
})

describe('the end of a large session', () => {
  test('takes all pieces along', async () => {
    const { sessions, browser, visit } = serve({ codecs: [codec], expose: ['user'], headerBudget: 16_384 })
    await visit((data) => Object.assign(data, { user: 'dave', blob: noise(9000) }))
    expect(browser.cookies.size).toBe(4)
    const cookies = await sessions.destroy(await sessions.load(browser.cookie))
    expect(namesOf(cookies)).toEqual([NAME, `${NAME}.1`, `${NAME}.2`, `${NAME}.public`])
    expect(expiredOf(cookies)).toEqual(namesOf(cookies))
    browser.take(cookies)
    expect(browser.cookie).toBe('')
  })

  test('takes those along that this very response has set', async () => {
    const { sessions } = serve({ codecs: [codec] })
    const headers = new Headers()
    const session = await sessions.load(null)
    session.data.blob = noise(5000)
    await sessions.commit(session, headers)
    await sessions.destroy(session, headers)
    expect(expiredOf(headers.getSetCookie())).toEqual([NAME, `${NAME}.1`])
    expect(headers.getSetCookie()).toHaveLength(2)
  })

  test('by a timeout leaves them to destroy()', async () => {
    const { sessions, browser, clock, visit } = serve({ codecs: [codec], idleTimeout: 60 })
    await visit((data) => Object.assign(data, { blob: noise(5000) }))
    clock.pass(61)
    const session = await sessions.load(browser.cookie)
    expect(await sessions.commit(session)).toEqual([])
    expect(expiredOf(await sessions.destroy(session))).toEqual([NAME, `${NAME}.1`])
  })
})

test('a session whose pieces a page reads is whole there, by the same rule', async () => {
  const { browser, visit } = serve({ codecs: [codec] })
  const blob = noise(5000)
  const cookies = await visit((data) => Object.assign(data, { blob }))
  expect(cookies.map(contentOf).join('')).toBe([browser.cookies.get(NAME), browser.cookies.get(`${NAME}.1`)].join(''))
})
