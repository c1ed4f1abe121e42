/** Cookies that nobody with a key made: both sides refuse them, and Node says why (RFC 7515 §10, FORMATS §4). */
import { describe, expect, test } from 'vitest'
import { isSessionError } from '../../src/shared/errors.js'
import { base64url, cookieHeader, key, pythonOptions, type SavedSession, signToken } from './beaker-jwt.helpers.js'
import { nodeSessions } from './node-sessions.js'
import { describeWithPython } from './peer.js'
import { type PayloadForm, seed } from './random-data.js'

const forms: PayloadForm[] = ['bson', 'json']
const sessions = nodeSessions()
const typical = '{"typ":"JWT","alg":"HS256"}'
const payload = '{"user":"admin"}'

/** The code of the rejection; undefined where the cookie was accepted. */
async function rejection(cookie: string): Promise<string | undefined> {
  const session = await sessions.load(cookieHeader(cookie))
  if (!session.isNew) return undefined
  expect(session.data).toEqual({})
  expect(isSessionError(session.rejected)).toBe(true)
  return session.rejected?.code
}

describeWithPython(`forgeries against beaker-session-jwt, SEED=${seed}`, (peer) => {
  /** Which of the cookies Python takes. */
  async function acceptedByPython(cookies: readonly string[]): Promise<string[]> {
    const outcomes = await peer.batch(
      'decode',
      cookies.map((cookie) => ({ cookie, options: pythonOptions() })),
    )
    return cookies.filter((_, index) => 'result' in (outcomes[index] as object))
  }

  async function savedCookie(form: PayloadForm): Promise<string> {
    const args = { seed, count: 1, codec: form, options: pythonOptions(), longest: 500 }
    return ((await peer.call<SavedSession[]>('random_sessions', args))[0] as SavedSession).cookie
  }

  test.each(forms)('one cookie with each bit of each byte flipped, as %s', async (form) => {
    const cookie = await savedCookie(form)
    expect(await rejection(cookie)).toBeUndefined()
    const flipped = [...cookie].flatMap((character, index) =>
      [1, 2, 4, 8, 16, 32, 64, 128].map((bit) => {
        const other = String.fromCharCode(character.charCodeAt(0) ^ bit)
        return cookie.slice(0, index) + other + cookie.slice(index + 1)
      }),
    )
    const accepted = []
    for (const forged of flipped) if ((await rejection(forged)) === undefined) accepted.push(forged)
    expect(accepted).toEqual([])
    expect(await acceptedByPython(flipped)).toEqual([])
    expect(flipped).toHaveLength(cookie.length * 8)
  })

  test.each(forms)(
    'the last character of each part as any other: unused bits are no second spelling, as %s',
    async (form) => {
      const cookie = await savedCookie(form)
      const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
      const ends = [cookie.indexOf('.') - 1, cookie.lastIndexOf('.') - 1, cookie.length - 1]
      const spellings = ends.flatMap((at) =>
        [...digits].map((digit) => cookie.slice(0, at) + digit + cookie.slice(at + 1)),
      )
      const forged = spellings.filter((spelling) => spelling !== cookie)
      for (const spelling of forged) expect(await rejection(spelling), spelling).toMatch(/^ERR_SESSION_/)
      expect(await acceptedByPython(forged)).toEqual([])
      expect(forged).toHaveLength(3 * 63)
    },
  )

  test.each(forms)('every truncation of a cookie, from both ends, as %s', async (form) => {
    const cookie = await savedCookie(form)
    const cut = Array.from({ length: cookie.length - 1 }, (_, index) => [
      cookie.slice(0, index + 1),
      cookie.slice(index + 1),
    ])
    const cookies = cut.flat()
    for (const forged of cookies) expect(await rejection(forged), forged).toMatch(/^ERR_SESSION_/)
    expect(await acceptedByPython(cookies)).toEqual([])
  })

  test.each(forms)('signature and payload of two good cookies, exchanged, as %s', async (form) => {
    const args = { seed: seed + 1, count: 2, codec: form, options: pythonOptions() }
    const [one, other] = (await peer.call<SavedSession[]>('random_sessions', args)).map(({ cookie }) =>
      cookie.split('.'),
    )
    const forged = [one?.[0], one?.[1], other?.[2]].join('.')
    expect(await rejection(forged)).toBe('ERR_SESSION_SIGNATURE')
    expect(await acceptedByPython([forged])).toEqual([])
  })

  describe('headers', () => {
    const refused: [name: string, token: string, code: string][] = [
      [
        'alg none without a signature',
        `${base64url('{"alg":"none"}')}.${base64url(payload)}.`,
        'ERR_SESSION_ALGORITHM',
      ],
      ['alg none', signToken('{"alg":"none"}', payload), 'ERR_SESSION_ALGORITHM'],
      ['alg None', signToken('{"alg":"None"}', payload), 'ERR_SESSION_ALGORITHM'],
      ['alg NONE', signToken('{"alg":"NONE"}', payload), 'ERR_SESSION_ALGORITHM'],
      ['alg hs256', signToken('{"alg":"hs256"}', payload), 'ERR_SESSION_ALGORITHM'],
      ['alg HS384', signToken('{"alg":"HS384"}', payload, key, 'sha384'), 'ERR_SESSION_ALGORITHM'],
      ['alg HS512', signToken('{"alg":"HS512"}', payload, key, 'sha512'), 'ERR_SESSION_ALGORITHM'],
      ['alg RS256', signToken('{"alg":"RS256"}', payload), 'ERR_SESSION_ALGORITHM'],
      ['alg HS256 with a MAC of SHA-512', signToken(typical, payload, key, 'sha512'), 'ERR_SESSION_SIGNATURE'],
      ['alg in a list', signToken('{"alg":["HS256"]}', payload), 'ERR_SESSION_ALGORITHM'],
      ['alg null', signToken('{"alg":null}', payload), 'ERR_SESSION_ALGORITHM'],
      ['no alg', signToken('{"typ":"JWT"}', payload), 'ERR_SESSION_ALGORITHM'],
      ['an unknown extension', signToken('{"alg":"HS256","crit":["x"],"x":1}', payload), 'ERR_SESSION_ALGORITHM'],
      ['a header that is a list', signToken('["HS256"]', payload), 'ERR_SESSION_MALFORMED'],
      ['a header that is no JSON', signToken('alg=HS256', payload), 'ERR_SESSION_MALFORMED'],
      ['an empty header', signToken('', payload), 'ERR_SESSION_UNSUPPORTED'],
      ['no signature', signToken(typical, payload).replace(/[^.]+$/, ''), 'ERR_SESSION_SIGNATURE'],
      ['padding after the signature', `${signToken(typical, payload)}=`, 'ERR_SESSION_UNSUPPORTED'],
      ['four parts', `${signToken(typical, payload)}.x`, 'ERR_SESSION_UNSUPPORTED'],
      ['one word', 'garbage', 'ERR_SESSION_UNSUPPORTED'],
    ]

    test.each(refused)('%s', async (_, token, code) => {
      expect(await rejection(token)).toBe(code)
      expect(await acceptedByPython([token])).toEqual([])
    })

    test('two members named alg: Python takes the last, Node refuses both orders', async () => {
      const doubles = ['{"alg":"none","alg":"HS256"}', '{"alg":"HS256","alg":"HS256"}'].map((text) =>
        signToken(text, payload),
      )
      for (const token of doubles) expect(await rejection(token)).toBe('ERR_SESSION_MALFORMED')
      expect(await acceptedByPython(doubles)).toEqual(doubles)
    })

    test.each([
      '{"alg":"HS256"}',
      '{"alg":"HS256","typ":"JWT"}',
      '{"alg":"HS256","typ":"x"}',
      '{"kid":"1","alg":"HS256"}',
    ])('accepted by both: %s', async (header) => {
      const token = signToken(header, payload)
      expect(await rejection(token)).toBeUndefined()
      expect(await acceptedByPython([token])).toEqual([token])
    })
  })

  describe('payloads with a good signature', () => {
    const refused: [name: string, token: string, code: string][] = [
      ['a list', signToken(typical, '["a"]'), 'ERR_SESSION_JSON'],
      ['a number', signToken(typical, '7'), 'ERR_SESSION_JSON'],
      ['no JSON', signToken(typical, '{"a":'), 'ERR_SESSION_JSON'],
      ['nothing', signToken(typical, ''), 'ERR_SESSION_JSON'],
      ['no base85', signToken(typical, '{"bsZ":"\\"bad"}'), 'ERR_SESSION_MALFORMED'],
      ['a number for bsZ', signToken(typical, '{"bsZ":7}'), 'ERR_SESSION_MALFORMED'],
      ['base85 of no zlib stream', signToken(typical, '{"bsZ":"00000000"}'), 'ERR_SESSION_COMPRESSION'],
    ]

    test.each(refused)('%s', async (_, token, code) => {
      expect(await rejection(token)).toBe(code)
      expect((await sessions.load(cookieHeader(token))).rejected?.verified).toBe(true)
      expect(await acceptedByPython([token])).toEqual([])
    })
  })
})
