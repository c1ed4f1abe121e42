import { describe, expect, test } from 'vitest'
import { internal } from '../../../src/server/core/verify-sessions.js'
import {
  beaker,
  beakerJwt,
  compact,
  djangoJwt,
  djangoSigned,
  fromBeakerConfig,
  jwt,
  memoryStore,
  type Session,
  type SessionCodec,
  type Sessions,
  verifySessions,
} from '../../../src/server/index.js'
import { defineSession } from '../../../src/shared/define-session.js'
import { pairFor } from '../keys/keys.helpers.js'
import { OLD_SECRET, SECRET, START, serve } from '../server.helpers.js'

const fresh = (): Promise<Session> => serve().sessions.load(null)

describe('a token', () => {
  test('is good for its session, and another text each time', async () => {
    const session = await fresh()
    const tokens = Array.from({ length: 50 }, () => session.csrfToken())
    expect(new Set(tokens).size).toBe(50)
    for (const token of tokens) {
      expect(token).toMatch(/^[\w-]{54}$/)
      expect(session.verifyCsrf(token)).toBe(true)
    }
    // BREACH: what a page compresses must have no part in common with the next one.
    for (let at = 0; at < 27; at++) expect(new Set(tokens.map((token) => token[at])).size).toBeGreaterThan(10)
    expect(new Set(tokens.map((token) => token.slice(27))).size).toBe(50)
  })

  test('is no good for another session', async () => {
    const [mine, yours] = [await fresh(), await fresh()]
    mine.csrfToken()
    expect(mine.verifyCsrf(yours.csrfToken())).toBe(false)
    expect(yours.verifyCsrf(mine.csrfToken())).toBe(false)
  })

  test('is good in later requests, and after a change of keys', async () => {
    const { sessions, browser } = serve({ secrets: OLD_SECRET })
    const session = await sessions.load(null)
    const token = session.csrfToken()
    const cookies = await sessions.commit(session)
    // A visitor without a session gets one by it.
    expect(cookies).toHaveLength(1)
    browser.take(cookies)
    const { sessions: rotated } = serve({ codecs: [beakerJwt({ secrets: [SECRET, OLD_SECRET] })] })
    const later = await rotated.load(browser.cookie)
    expect(later.keyIndex).toBe(1)
    expect(later.verifyCsrf(token)).toBe(true)
    expect(later.verifyCsrf(later.csrfToken())).toBe(true)
    // Signed anew, with the new key: the old token lasts as long as the old key.
    browser.take(await rotated.commit(later))
    expect((await rotated.load(browser.cookie)).verifyCsrf(token)).toBe(true)
    const { sessions: alone } = serve({ secrets: SECRET })
    const last = await alone.load(browser.cookie)
    expect(last.id).toBe(session.id)
    expect(last.verifyCsrf(token)).toBe(false)
    expect(last.verifyCsrf(later.csrfToken())).toBe(true)
  })

  test('keeps nothing in the session, and writes nothing to one that has an id', async () => {
    const { sessions, browser } = serve()
    const visitor = await sessions.load(null)
    const token = visitor.csrfToken()
    expect(visitor.data).toEqual({})
    browser.take(await sessions.commit(visitor))
    const later = await sessions.load(browser.cookie)
    expect(later.id).toBe(visitor.id)
    expect(later.verifyCsrf(token)).toBe(true)
    expect(later.verifyCsrf(later.csrfToken())).toBe(true)
    expect(later.data).toEqual({})
    expect(await sessions.commit(later)).toEqual([])
  })

  test('checking one gives a visitor no session', async () => {
    const { sessions } = serve()
    const visitor = await sessions.load(null)
    expect(visitor.verifyCsrf('A'.repeat(54))).toBe(false)
    expect(await sessions.commit(visitor)).toEqual([])
  })

  test.each([{ name: 'other' }, { secrets: OLD_SECRET }])(
    'is not what other sessions make of the same id: %j',
    async (other) => {
      const [one, two] = [serve(), serve(other)]
      const id = '0123456789abcdef0123456789abcdef'
      const [mine, yours] = await Promise.all([one, two].map(({ sessions }) => withId(sessions, id)))
      expect(mine?.id).toBe(yours?.id)
      expect(yours?.verifyCsrf(mine?.csrfToken())).toBe(false)
    },
  )

  test('ends with regenerate()', async () => {
    const session = await fresh()
    const token = session.csrfToken()
    session.regenerate()
    expect(session.verifyCsrf(token)).toBe(false)
    expect(session.data).toEqual({})
    const next = session.csrfToken()
    expect(session.verifyCsrf(next)).toBe(true)
    expect(session.verifyCsrf(token)).toBe(false)
    expect(session.data).toEqual({})
  })

  test('is there at once after as many regenerate() as an application may call', async () => {
    const { sessions, browser } = serve()
    const session = await sessions.load(null)
    for (let times = 0; times < 40; times++) {
      session.regenerate()
      expect(session.verifyCsrf(session.csrfToken())).toBe(true)
    }
    const token = session.csrfToken()
    browser.take(await sessions.commit(session))
    expect((await sessions.load(browser.cookie)).verifyCsrf(token)).toBe(true)
  })

  test('every bit of it counts', async () => {
    const session = await fresh()
    const bytes = Buffer.from(session.csrfToken(), 'base64url')
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const other = Buffer.from(bytes)
      other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(session.verifyCsrf(other.toString('base64url'))).toBe(false)
    }
  })

  test.each([undefined, null, '', 'x', 5, {}, [], 'A'.repeat(54), '-'.repeat(1_000_000), `${'A'.repeat(53)}=`])(
    'is not %j',
    async (token) => {
      const session = await fresh()
      expect(session.verifyCsrf(token)).toBe(false)
      session.csrfToken()
      expect(session.verifyCsrf(token)).toBe(false)
    },
  )

  test('unused bits at its end make no second text for it', async () => {
    const session = await fresh()
    const token = session.csrfToken()
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const last = digits.indexOf(token.at(-1) as string)
    for (let more = 1; more < 4; more++)
      expect(session.verifyCsrf(token.slice(0, -1) + digits.charAt(last ^ more))).toBe(false)
  })
})

describe('a session without a random id in its cookie', () => {
  const codecs: [string, () => SessionCodec][] = [
    ['djangoSigned', () => djangoSigned({ secretKey: SECRET })],
    ['jwt without identify', () => jwt({ secrets: SECRET, identify: false })],
    ['one without ids beside one that has them', () => beakerJwt({ secrets: SECRET })],
  ]

  test.each(codecs)('gets one for its tokens: %s', async (name, codec) => {
    const more = name.startsWith('one') ? [djangoSigned({ secretKey: SECRET })] : []
    const { sessions, browser } = serve({ codecs: [codec(), ...more] })
    const session = await sessions.load(null)
    const token = session.csrfToken()
    expect(session.data).toEqual({ _csrf_id: expect.stringMatching(/^[0-9a-f]{32}$/) })
    browser.take(await sessions.commit(session))
    const later = await sessions.load(browser.cookie)
    expect(later.verifyCsrf(token)).toBe(true)
    expect(later.verifyCsrf(later.csrfToken())).toBe(true)
    expect(await sessions.commit(later)).toEqual([])
    later.regenerate()
    expect(later.data).toEqual({})
    expect(later.verifyCsrf(token)).toBe(false)
  })

  // Flask-Login writes an address and a browser's name as `_id`, which two visitors may share.
  test.each(['a'.repeat(128), 'dave', ''])('also where the id is another system’s: %j', async (id) => {
    const { sessions, browser } = serve()
    const [mine, yours] = [await withId(sessions, id), await withId(sessions, id)]
    const token = mine.csrfToken()
    expect(yours.verifyCsrf(token)).toBe(false)
    browser.take(await sessions.commit(mine))
    expect((await sessions.load(browser.cookie)).verifyCsrf(token)).toBe(true)
  })

  test.each([
    ['compact', compact({ secrets: [SECRET] })],
    ['djangoSigned', djangoSigned({ secretKey: SECRET })],
  ])('no secret is kept where a sign-in and a form meet in one request: %s', async (_, codec) => {
    const { sessions } = serve({ codecs: [codec] })
    const session = await sessions.load('')
    session.csrfToken()
    session.regenerate()
    const token = session.csrfToken()
    expect([session.verifyCsrf(token), '_csrft_' in session.data]).toEqual([true, false])
    const [cookie = ''] = await sessions.commit(session)
    expect((await sessions.load(cookie.split(';')[0] as string)).verifyCsrf(token)).toBe(true)
  })

  test('an id in the data is not taken for the id of another session', async () => {
    const { sessions } = serve()
    const victim = await withId(sessions, 'd'.repeat(32))
    const attacker = await sessions.load(null)
    attacker.data._csrf_id = victim.id
    expect(victim.verifyCsrf(attacker.csrfToken())).toBe(false)
  })

  test.each([5, 'short', ['d'.repeat(32)]])('and an id of another form is none: %j', async (id) => {
    const session = await fresh()
    session.data._csrf_id = id
    expect(session.verifyCsrf(session.csrfToken())).toBe(true)
  })
})

test.each([
  beakerJwt({ secrets: SECRET }),
  beaker({ validateKey: SECRET }),
  compact({ secrets: SECRET }),
  jwt({ secrets: SECRET }),
  djangoJwt({ secrets: SECRET }),
])('a session of $name has its id, and nothing else for tokens', async (codec) => {
  const { sessions, browser } = serve({ codecs: [codec], expose: codec.readable })
  const session = await sessions.load(null)
  const token = session.csrfToken()
  expect(session.data).toEqual({})
  browser.take(await sessions.commit(session))
  const later = await sessions.load(browser.cookie)
  expect(later.verifyCsrf(token)).toBe(true)
  expect(later.data).toEqual({})
})

describe('with key pairs alone', () => {
  test('the session holds a secret, and a service with the public key verifies', async () => {
    const { privateKey, publicKey } = pairFor('ES256')
    const { sessions, browser } = serve({ codecs: [jwt({ keys: privateKey })] })
    const session = await sessions.load(null)
    const token = session.csrfToken()
    expect(session.data).toEqual({ _csrft_: expect.stringMatching(/^[0-9a-f]{40}$/) })
    browser.take(await sessions.commit(session))
    const reader = verifySessions({ codecs: [jwt({ keys: publicKey })] })
    expect((await reader.load(browser.cookie)).verifyCsrf(token)).toBe(true)
  })

  test('a secret of another form is replaced', async () => {
    const { sessions } = serve({ codecs: [jwt({ keys: pairFor('ES256').privateKey })] })
    const session = await sessions.load(null)
    session.data._csrft_ = 5
    expect(session.verifyCsrf(session.csrfToken())).toBe(true)
    expect(session.data._csrft_).toMatch(/^[0-9a-f]{40}$/)
  })
})

test('a service that only reads verifies tokens with the same secrets', async () => {
  const { sessions, browser } = serve()
  const session = await sessions.load(null)
  const token = session.csrfToken()
  browser.take(await sessions.commit(session))
  const definition = defineSession({ idleTimeout: false })
  const reader = verifySessions({ session: definition, codecs: [beakerJwt({ secrets: [OLD_SECRET, SECRET] })] })
  expect((await reader.load(browser.cookie)).verifyCsrf(token)).toBe(true)
})

describe('with Python', () => {
  const SECRETS = ['0123456789abcdef0123456789abcdef01234567', 'constant', 'ü ✓ and more', 'x', 'A'.repeat(54)]

  test.each(SECRETS)('a secret that stands in the session is a token too, and it is kept: %s', async (secret) => {
    const session = await fresh()
    const derived = session.csrfToken()
    session.data._csrft_ = secret
    expect(session.verifyCsrf(secret)).toBe(true)
    expect(session.verifyCsrf(`${secret}8`)).toBe(false)
    expect(session.verifyCsrf(`${secret.slice(0, -1)}8`)).toBe(false)
    expect(session.verifyCsrf('')).toBe(false)
    const tokens = [session.csrfToken(), session.csrfToken()]
    for (const token of tokens) expect(session.verifyCsrf(token)).toBe(true)
    // It comes first: nothing else is a token beside it.
    expect(session.verifyCsrf(derived)).toBe(false)
    expect(session.data).toEqual({ _csrft_: secret })
    session.regenerate()
    expect(session.data).toEqual({})
    expect(session.verifyCsrf(secret)).toBe(false)
    for (const token of tokens) expect(session.verifyCsrf(token)).toBe(false)
  })

  test.each([5, '', null, ['0'.repeat(40)], { length: 40 }])(
    'what is no text is none, and stays: %j',
    async (value) => {
      const session = await fresh()
      session.data._csrft_ = value
      for (const token of ['', '5', '0'.repeat(40)]) expect(session.verifyCsrf(token)).toBe(false)
      expect(session.verifyCsrf(session.csrfToken())).toBe(true)
      expect(session.data).toEqual({ _csrft_: value })
    },
  )
})

describe('deriveCsrf', () => {
  const secret = '0123456789abcdef0123456789abcdef01234567'

  test.each(['in the cookie', 'in a store'])('moves a session to derived tokens: %s', async (place) => {
    const store = place === 'in a store' ? { store: memoryStore() } : {}
    const { sessions, browser, visit } = serve(store)
    await visit((data) => Object.assign(data, { user: 'dave', _csrft_: secret }))
    const shown = (await sessions.load(browser.cookie)).csrfToken()

    const moving = serve({ ...store, deriveCsrf: true }, { browser })
    const session = await moving.sessions.load(browser.cookie)
    // The forms that were open when it moves.
    expect([secret, shown].map((token) => session.verifyCsrf(token))).toEqual([true, true])
    expect(session.data).toEqual({ user: 'dave' })
    const token = session.csrfToken()
    browser.take(await moving.sessions.commit(session))

    const later = await sessions.load(browser.cookie)
    expect(later.data).toEqual({ user: 'dave' })
    expect([secret, shown, token].map((each) => later.verifyCsrf(each))).toEqual([false, false, true])
  })

  test('regenerate() ends it', async () => {
    const { browser, visit } = serve()
    await visit((data) => Object.assign(data, { _csrft_: secret }))
    const session = await serve({ deriveCsrf: true }).sessions.load(browser.cookie)
    session.regenerate()
    expect(session.verifyCsrf(secret)).toBe(false)
  })

  test('needs a secret to derive tokens of', async () => {
    const { privateKey } = pairFor('ES256')
    expect(() => serve({ codecs: [jwt({ keys: privateKey })], deriveCsrf: true })).toThrow(
      new TypeError('Option "deriveCsrf" needs a codec with secrets'),
    )
  })

  test('is an option of fromBeakerConfig', () => {
    const config = { 'session.jwt_secret_keys': SECRET }
    expect(fromBeakerConfig(config, { deriveCsrf: true }).deriveCsrf).toBe(true)
    expect(fromBeakerConfig(config).deriveCsrf).toBeUndefined()
  })
})

/** A session as another system may have written it. */
async function withId(sessions: Sessions, id: string): Promise<Session> {
  const { name } = sessions
  const { settings } = sessions[internal]
  const value = await settings.codecs[0]?.sign?.(
    { id, data: {} },
    { cookieName: name, purpose: 'session', now: new Date(START) },
  )
  return await sessions.load({ headers: { cookie: `${name}=${value}` } })
}
