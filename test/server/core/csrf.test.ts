import { describe, expect, test } from 'vitest'
import { beakerJwt, type Session } from '../../../src/server/index.js'
import { OLD_SECRET, SECRET, serve } from '../server.helpers.js'

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
    expect(mine.data._csrft_).not.toBe(yours.data._csrft_)
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
    expect(later.data._csrft_).toBe(session.data._csrft_)
  })

  test('ends with regenerate()', async () => {
    const session = await fresh()
    const token = session.csrfToken()
    session.regenerate()
    expect(session.verifyCsrf(token)).toBe(false)
    expect(session.data).toEqual({})
    const next = session.csrfToken()
    expect(session.verifyCsrf(next)).toBe(true)
    expect(session.verifyCsrf(token)).toBe(false)
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

describe('with Python', () => {
  test('the secret that pyramid_beaker shows is a token too, and its secret is kept', async () => {
    const session = await fresh()
    session.data._csrft_ = '0123456789abcdef0123456789abcdef01234567'
    expect(session.verifyCsrf('0123456789abcdef0123456789abcdef01234567')).toBe(true)
    expect(session.verifyCsrf('0123456789abcdef0123456789abcdef01234568')).toBe(false)
    expect(session.verifyCsrf(session.csrfToken())).toBe(true)
    expect(session.data._csrft_).toBe('0123456789abcdef0123456789abcdef01234567')
  })

  test.each([5, 'short', ['0'.repeat(40)], { length: 40 }])(
    'a secret of another form is replaced: %j',
    async (value) => {
      const session = await fresh()
      session.data._csrft_ = value
      expect(session.verifyCsrf('short')).toBe(false)
      expect(session.verifyCsrf(session.csrfToken())).toBe(true)
      expect(session.data._csrft_).toMatch(/^[0-9a-f]{40}$/)
    },
  )
})
