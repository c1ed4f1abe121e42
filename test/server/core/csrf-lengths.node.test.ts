/**
 * Formats that compress tell by a cookie's length whether a text that somebody put into the session stands in it a second time. An observer
 * who sees lengths alone guesses the next hexadecimal digit of the secret that tokens are made of.
 */
import { describe, expect, test } from 'vitest'
import {
  beakerJwt,
  compact,
  createSessions,
  defineSession,
  djangoSigned,
  jwe,
  type Session,
  type SessionCodec,
  type Sessions,
} from '../../../src/server/index.js'
import { OLD_SECRET, SECRET, testClock } from '../server.helpers.js'

const DIGITS = [...'0123456789abcdef']
const TRIALS = 48
/** 3 of 48 by chance; more than 10 are found with one seed of some thousands. */
const MOST_BY_CHANCE = 10
/** Texts of other lengths around the guess, since a cookie grows in steps. */
const PADDINGS = 5

interface Format {
  name: string
  codec: (secret: string) => SessionCodec
  /** What the observer makes the visitor store: the secret's key and digits as they stand in the format. */
  guess: (digits: string) => string
}

const inBson = (digits: string): string => `_csrft_\0)\0\0\0${digits}`
const FORMATS: Format[] = [
  { name: 'beakerJwt', codec: (secrets) => beakerJwt({ secrets }), guess: inBson },
  { name: 'compact', codec: (secrets) => compact({ secrets }), guess: inBson },
  { name: 'djangoSigned', codec: (secretKey) => djangoSigned({ secretKey }), guess: (digits) => `:"${digits}` },
]

describe.each(FORMATS)('$name', (format) => {
  test('a secret that stands in the session is found digit by digit', async () => {
    expect(await digitsFound(format, (digits) => ({ _csrft_: digits(40) }))).toBeGreaterThan(TRIALS * 0.6)
  })

  test('one that is derived is guessed by chance', async () => {
    expect(await digitsFound(format, () => ({}))).toBeLessThanOrEqual(MOST_BY_CHANCE)
  })

  test('a length does not depend on the server’s secret', async () => {
    const digits = hexDigits(7)
    const victim = { id: digits(32), data: { user: 'dave', _csrf_id: digits(32) } }
    const [one, other] = [await visit(format, victim, SECRET), await visit(format, victim, OLD_SECRET)]
    expect(one.secret).not.toBe(other.secret)
    for (const [digit] of DIGITS) {
      const lengths = [await one.lengthWith(`${digit}x`), await other.lengthWith(`${digit}x`)]
      expect(lengths[0]).toBe(lengths[1])
    }
  })
})

test('jwe compresses nothing: also a secret that stands in the session is guessed by chance', async () => {
  const format = { name: 'jwe', codec: (secrets: string) => jwe({ secrets }), guess: inBson }
  expect(await digitsFound(format, (digits) => ({ _csrft_: digits(40) }))).toBeLessThanOrEqual(MOST_BY_CHANCE)
})

/** In how many sessions an observer who knows a part of the secret finds its next digit. */
async function digitsFound(
  format: Format,
  secretFor: (digits: (count: number) => string) => Record<string, string>,
): Promise<number> {
  const digits = hexDigits(20_260)
  let found = 0
  for (let trial = 0; trial < TRIALS; trial++) {
    const id = digits(32)
    const data = { user: 'dave', ...(format.name === 'djangoSigned' && { _csrf_id: digits(32) }), ...secretFor(digits) }
    const { secret, lengthWith } = await visit(format, { id, data })
    const known = secret.slice(0, 8 + (trial % 24))
    const paddings = Array.from({ length: PADDINGS }, (_, length) => digits(length + 1))
    const lengths = new Map<string, number>()
    for (const digit of DIGITS) {
      let sum = 0
      for (const padding of paddings) sum += await lengthWith(`${format.guess(known + digit)}~${padding}`)
      lengths.set(digit, sum)
    }
    const shortest = Math.min(...lengths.values())
    if (DIGITS.find((digit) => lengths.get(digit) === shortest) === secret[known.length]) found++
  }
  return found
}

interface Visit {
  /** What the session's tokens are made of, in hexadecimal. */
  secret: string
  /** Of the cookie that answers a request which put this text into the session. */
  lengthWith(text: string): Promise<number>
}

async function visit(
  { codec: create, name: format }: Format,
  { id, data }: { id: string; data: Record<string, string> },
  serverSecret = SECRET,
): Promise<Visit> {
  const clock = testClock()
  const codec = create(serverSecret)
  const context = { cookieName: 'sid', purpose: 'session', now: clock() } as const
  const value = await (codec as Required<SessionCodec>).sign(
    { id, data, createdAt: clock(), accessedAt: clock() },
    context,
  )
  const sessions: Sessions = createSessions({
    session: defineSession({ name: 'sid' }),
    codecs: [codec],
    expose: false,
    clock,
  })
  const session = await sessions.load(`sid=${value}`)
  expect(session.isNew, format).toBe(false)
  const secret = secretOf(session)
  const [written = `sid=${value}`] = await sessions.commit(session)
  const cookie = written.replace(/;.*/, '')
  return {
    secret,
    async lengthWith(text) {
      const changed = await sessions.load({ headers: { cookie } })
      changed.data.note = text
      const cookies = await sessions.commit(changed)
      expect(cookies).toHaveLength(1)
      return String(cookies[0]).length
    },
  }
}

/** Each token is a mask, and under it the secret: 20 bytes, or digits that stand in the session. */
function secretOf(session: Session): string {
  const token = Buffer.from(session.csrfToken(), 'base64url')
  const half = token.length / 2
  const secret = Buffer.from(token.subarray(half).map((byte, at) => byte ^ (token[at] as number)))
  return secret.toString(half === 20 ? 'hex' : 'ascii')
}

/** Digits that are random, and the same in every run (xorshift32). */
function hexDigits(seed: number): (count: number) => string {
  let state = seed
  const next = (): string => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return ((state >>> 8) & 15).toString(16)
  }
  return (count) => Array.from({ length: count }, next).join('')
}
