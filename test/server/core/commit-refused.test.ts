import * as bson from 'bson'
import { describe, expect, test } from 'vitest'
import { bsonTypesOf } from '../../../src/server/bson-types.js'
import { beakerJwt, type SessionCodec, SessionError, type SessionErrorCode } from '../../../src/server/index.js'
import {
  dave,
  expectWithout,
  NAME,
  rejection,
  SECRET,
  serve,
  testBrowser,
  testClock,
  textCodec,
} from '../server.helpers.js'

const codesThatProtect: SessionErrorCode[] = [
  'ERR_SESSION_LIMIT',
  'ERR_SESSION_CLAIMS',
  'ERR_SESSION_BSON',
  'ERR_SESSION_NOT_YET_VALID',
]

/** The same text each time, of 64 characters in no order. */
function incompressible(length: number): string {
  let state = 1
  return Array.from({ length }, () => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223
    return String.fromCharCode(48 + (state >>> 26))
  }).join('')
}

describe('size', () => {
  /** Writes values of exactly this length. */
  const ofLength = (length: number, maxLength?: number): SessionCodec =>
    textCodec('text', { sign: async () => 'x'.repeat(length), ...(maxLength === undefined ? {} : { maxLength }) })
  const commit = (codec: SessionCodec, name: string) => serve({ codecs: [codec], expose: false, name }).visit(dave)

  test("a codec's own limit holds: 4064 characters, not 4065", async () => {
    expect(await commit(ofLength(4064, 4064), 'sid')).toHaveLength(1)
    const error = await rejection('ERR_SESSION_TOO_LARGE', commit(ofLength(4065, 4064), 'sid'))
    expect(error.message).toContain('4065')
  })

  test('the limit of browsers holds: 4096 bytes of name and value, not 4097', async () => {
    expect(await commit(ofLength(4093), 'sid')).toHaveLength(1)
    await rejection('ERR_SESSION_TOO_LARGE', commit(ofLength(4094), 'sid'))
    expect(await commit(ofLength(3096, 4064), 'n'.repeat(1000))).toHaveLength(1)
    await rejection('ERR_SESSION_TOO_LARGE', commit(ofLength(3097, 4064), 'n'.repeat(1000)))
  })

  test('beakerJwt writes 4064 characters and no more', async () => {
    const { visit } = serve({ codecs: [beakerJwt({ secrets: [SECRET], compress: false })] })
    const lengths: number[] = []
    // Four characters of base64url for three of text.
    for (let size = 2790; size < 2880; size++) {
      try {
        const [cookie = ''] = await visit((data) => Object.assign(data, { text: 'x'.repeat(size) }))
        lengths.push(cookie.slice(cookie.indexOf('=') + 1, cookie.indexOf(';')).length)
      } catch (error) {
        expect((error as SessionError).code).toBe('ERR_SESSION_TOO_LARGE')
      }
    }
    expect(Math.max(...lengths)).toBeGreaterThan(4060)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(4064)
    expect(lengths.length).toBeLessThan(90)
  })

  test('names the largest keys with their sizes, and no value; the old cookie stays', async () => {
    const { sessions, browser, visit, events } = serve()
    await visit(dave)
    const before = browser.cookie
    const session = await sessions.load(before)
    const noise = incompressible(4000)
    Object.assign(session.data, { noise, swordfish: 'swordfish-value'.repeat(9), a: 1, b: 2, c: 3, d: 4 })
    const headers = new Headers()
    const error = await rejection('ERR_SESSION_TOO_LARGE', sessions.commit(session, headers))
    expect(error.largest).toHaveLength(5)
    expect(error.largest?.slice(0, 2)).toEqual([
      { key: 'noise', bytes: 4000 + 12 },
      { key: 'swordfish', bytes: 135 + 16 },
    ])
    expectWithout(error, ['swordfish-value', noise.slice(0, 20)])
    expect(headers.getSetCookie()).toEqual([])
    expect(events.at(-1)?.type).toBe('read')
    delete session.data.noise
    expect(await sessions.commit(session, headers)).toHaveLength(1)
  })

  test('a public cookie that is too large is refused the same way', async () => {
    const long = 'y'.repeat(4500)
    const codecs = [beakerJwt({ secrets: [SECRET], compress: false })]
    const { sessions } = serve({ codecs, expose: () => ({ long }) })
    const session = await sessions.load(null)
    session.data.user = 'dave'
    const error = await rejection('ERR_SESSION_TOO_LARGE', sessions.commit(session))
    expect(error.message).toContain(`${NAME}.public`)
    expect(error.largest).toEqual([{ key: 'long', bytes: 4511 }])
  })
})

describe('a value that verified and could not be read', () => {
  const unreadable = (code: SessionErrorCode, verified = true) =>
    serve({
      codecs: [textCodec('text', { fails: new SessionError(code, 'It can not be read', { verified }) })],
      expose: false,
    })
  const cookie = `${NAME}=text~text~x`

  test.each(codesThatProtect)('is not overwritten (%s)', async (code) => {
    const { sessions } = unreadable(code)
    const session = await sessions.load(cookie)
    expect(session.rejected?.verified).toBe(true)
    expect(await sessions.commit(session)).toEqual([])
    session.data.user = 'dave'
    const headers = new Headers()
    const error = await rejection('ERR_SESSION_PROTECTED', sessions.commit(session, headers))
    expect(error.cause).toBe(session.rejected)
    expect(Object.fromEntries(headers)).toEqual({})
  })

  test('regenerate() replaces it', async () => {
    const { sessions } = unreadable('ERR_SESSION_LIMIT')
    const session = await sessions.load(cookie)
    session.data.user = 'dave'
    session.regenerate()
    expect(await sessions.commit(session)).toHaveLength(1)
  })

  test('destroy() expires it', async () => {
    const { sessions } = unreadable('ERR_SESSION_LIMIT')
    expect(await sessions.destroy(await sessions.load(cookie))).toHaveLength(1)
  })

  test('one whose signature no key verifies is replaced, and so is one that has expired', async () => {
    for (const server of [unreadable('ERR_SESSION_LIMIT', false), unreadable('ERR_SESSION_EXPIRED')]) {
      const session = await server.sessions.load(cookie)
      session.data.user = 'dave'
      expect(await server.sessions.commit(session)).toHaveLength(1)
    }
  })

  test('is not overwritten if the class of one of its values throws', async () => {
    const { sessions, browser } = serve()
    const session = await sessions.load(null)
    session.data.user = new bson.ObjectId()
    browser.take(await sessions.commit(session))
    const objectId = (): never => {
      throw new Error('a broken driver')
    }
    const bsonTypes = { ...bsonTypesOf(bson), objectId }
    const broken = serve({ codecs: [beakerJwt({ secrets: [SECRET], bsonTypes })] }, { browser })
    const unreadable = await broken.sessions.load(browser.cookie)
    expect(unreadable.rejected).toMatchObject({ code: 'ERR_SESSION_MALFORMED', verified: true })
    dave(unreadable.data)
    await rejection('ERR_SESSION_PROTECTED', broken.sessions.commit(unreadable))
  })

  test('is not hidden by a planted cookie before or after it', async () => {
    const { sessions } = unreadable('ERR_SESSION_LIMIT')
    for (const header of [`${NAME}=planted; ${cookie}`, `${cookie}; ${NAME}=planted`]) {
      const session = await sessions.load(header)
      expect(session.rejected?.code).toBe('ERR_SESSION_LIMIT')
      session.data.user = 'dave'
      await rejection('ERR_SESSION_PROTECTED', sessions.commit(session))
    }
  })
})

describe('a session that the first codec can not hold', () => {
  const narrow = (code: SessionErrorCode = 'ERR_SESSION_UNWRITABLE'): SessionCodec =>
    textCodec('narrow', {
      sign: () => {
        throw new SessionError(code, 'It can not hold this', { path: 'user.when' })
      },
    })
  const wide = textCodec('wide')

  async function held(codecs: SessionCodec[], options: { touchEvery?: number } = {}) {
    const browser = testBrowser()
    const clock = testClock()
    await serve({ codecs: [wide], expose: false }, { browser, clock }).visit(dave)
    clock.pass(10)
    return serve({ codecs, expose: false, ...options }, { browser, clock })
  }

  test('stays as it is where nothing changed, and is reported', async () => {
    const { visit, events } = await held([narrow(), wide])
    expect(await visit()).toEqual([])
    expect(events).toMatchObject([
      { type: 'read', codec: 'wide' },
      { type: 'kept', codec: 'wide', codecIndex: 1, code: 'ERR_SESSION_UNWRITABLE', path: 'user.when' },
    ])
  })

  test.each(['ERR_SESSION_UNWRITABLE', 'ERR_SESSION_TOO_LARGE', 'ERR_SESSION_LIMIT'] as const)(
    'is written by the codec that read it where it changed (%s)',
    async (code) => {
      const { visit, events, sessions, browser } = await held([narrow(code), wide])
      expect(await visit((data) => Object.assign(data, { user: 'eve' }))).toHaveLength(1)
      expect(events.map(({ type }) => type)).toEqual(['read', 'kept', 'committed'])
      const session = await sessions.load(browser.cookie)
      expect(session).toMatchObject({ codec: 'wide', data: { user: 'eve' } })
    },
  )

  test('is touched by the codec that read it where that is due', async () => {
    const { visit, events } = await held([narrow(), wide], { touchEvery: 5 })
    expect(await visit()).toHaveLength(1)
    expect(events.map(({ type }) => type)).toEqual(['read', 'kept', 'committed'])
  })

  test('fails where that codec can not write either', async () => {
    const { sign: _, ...reader } = wide
    const { visit } = await held([narrow(), reader])
    await rejection(
      'ERR_SESSION_UNWRITABLE',
      visit((data) => Object.assign(data, { user: 'eve' })),
    )
    expect(await visit()).toEqual([])
  })

  test('is kept where a touch by its own codec fails', async () => {
    const shrunk = textCodec('wide', { maxLength: 5 })
    const { visit, events } = await held([shrunk], { touchEvery: 5 })
    expect(await visit()).toEqual([])
    expect(events.map(({ type }) => type)).toEqual(['read', 'kept'])
    await rejection(
      'ERR_SESSION_TOO_LARGE',
      visit((data) => Object.assign(data, { user: 'eve' })),
    )
  })

  test('other errors are not hidden', async () => {
    const broken = textCodec('broken', {
      sign: () => {
        throw new RangeError('a bug')
      },
    })
    const { visit } = await held([broken, wide])
    await expect(visit()).rejects.toThrow(new RangeError('a bug'))
  })
})

test('a key that is no data is a TypeError at the commit', async () => {
  const { sessions } = serve()
  for (const key of ['_id', '_creation_time', '_accessed_time', '_expires', '_path', '_domain']) {
    const session = await sessions.load(null)
    Object.assign(session.data, { [key]: 1 })
    await expect(sessions.commit(session)).rejects.toThrow(new RegExp(`"${key}" is not session data`))
  }
})

test('what other requests read stays as it was', async () => {
  const { sessions, browser } = serve()
  const first = await sessions.load(null)
  first.data.cart = { items: 1 }
  browser.take(await sessions.commit(first))
  const { cookie } = browser
  for (const data of [{ _id: 1 }, { _creation_time: 1 }]) {
    const session = await sessions.load(cookie)
    expect(Object.assign(session.data, data)).toEqual({ cart: { items: 1 }, ...data })
    Object.assign(session.data.cart as object, { items: 2 })
    await expect(sessions.commit(session)).rejects.toThrow(/is not session data: use session\.(?:id|createdAt)/)
    const other = await sessions.load(cookie)
    expect(other.data).toStrictEqual({ cart: { items: 1 } })
    expect(await sessions.commit(other)).toEqual([])
  }
})
