import { describe, expect, test } from 'vitest'
import { findLoadedSession } from '../../../src/server/core/load.js'
import { settleLoading } from '../../../src/server/core/options.js'
import {
  defineSession,
  type SessionCodec,
  SessionError,
  type SessionErrorCode,
  type SessionRecord,
} from '../../../src/server/index.js'
import { dave, NAME, rejection, SECRET, START, serve, textCodec } from '../server.helpers.js'

const value = (writer: string, user: string, family = 'text'): string =>
  `${family}~${writer}~${encodeURIComponent(JSON.stringify({ data: { user } }))}`

async function read(
  values: string[],
  codecs: SessionCodec[],
  refuse: (user: unknown) => SessionError | undefined = () => undefined,
) {
  const settings = settleLoading({ session: defineSession({ name: 'sid' }), codecs })
  const ended = (record: object): SessionError | undefined => refuse((record as SessionRecord).data.user)
  const { loaded, rejections } = await findLoadedSession(
    { ...settings, lifetimeOf: (data) => ({ ...settings.lifetimeOf(data), ended }) },
    values.toReversed().map((value) => ({ value, first: value, isJoined: false })),
    new Date(START),
  )
  return {
    user: loaded?.record.data.user,
    codec: loaded?.codec.name,
    codecIndex: loaded?.codecIndex,
    codes: rejections.map(({ error }) => error.code),
    values: rejections.map((rejected) => rejected.value),
  }
}

/** Remembers what it was asked to verify. */
function spy(codec: SessionCodec): { codec: SessionCodec; seen: string[] } {
  const seen: string[] = []
  return {
    seen,
    codec: {
      ...codec,
      verify: (one, about) => {
        seen.push(one)
        return codec.verify(one, about)
      },
    },
  }
}

const failing = (name: string, code: SessionErrorCode, family = 'text'): SessionCodec =>
  textCodec(name, { family, fails: new SessionError(code, 'It fails') })

describe('cookies', () => {
  test('the last one counts, as in Python', async () => {
    expect(await read([value('a', 'first'), value('a', 'last')], [textCodec('a')])).toMatchObject({
      user: 'last',
      codes: [],
    })
  })

  test('one that is valid is found behind others', async () => {
    const values = ['garbage', value('a', 'dave'), value('other', 'mallory'), '']
    expect(await read(values, [textCodec('a')])).toMatchObject({ user: 'dave', codes: ['ERR_SESSION_SIGNATURE'] })
  })

  test('an empty one is passed over, and no rejection is reported', async () => {
    expect(await read(['', ''], [textCodec('a')])).toMatchObject({ user: undefined, codes: [] })
  })

  test('one that has expired gives way to an older one that has not', async () => {
    const expired = new SessionError('ERR_SESSION_EXPIRED', 'It has expired', { verified: true })
    const refuse = (user: unknown): SessionError | undefined => (user === 'expired' ? expired : undefined)
    expect(await read([value('a', 'dave'), value('a', 'expired')], [textCodec('a')], refuse)).toMatchObject({
      user: 'dave',
      codes: ['ERR_SESSION_EXPIRED'],
    })
  })

  test('16384 characters are looked at, one more is not', async () => {
    const { codec, seen } = spy(textCodec('a'))
    const long = (length: number): string => value('a', 'x'.repeat(length - value('a', '').length))
    expect((await read([long(16_384)], [codec])).user).toHaveLength(16_384 - value('a', '').length)
    expect(await read([long(16_385)], [codec])).toMatchObject({ user: undefined, codes: ['ERR_SESSION_LIMIT'] })
    expect(seen).toHaveLength(1)
  })
})

describe('codecs', () => {
  test('are asked in the order of the list', async () => {
    const both = [textCodec('a', { verify: async () => ({ data: { user: 'by a' } }) }), textCodec('b')]
    expect(await read([value('b', 'by b')], both)).toMatchObject({ user: 'by a', codecIndex: 0 })
    expect(await read([value('b', 'by b')], both.toReversed())).toMatchObject({ user: 'by b', codecIndex: 0 })
  })

  test.each(['ERR_SESSION_SIGNATURE', 'ERR_SESSION_KEY', 'ERR_SESSION_ALGORITHM'] as const)(
    '%s moves on to another of the same family',
    async (code) => {
      expect(await read([value('b', 'dave')], [failing('a', code), textCodec('b')])).toMatchObject({
        user: 'dave',
        codecIndex: 1,
      })
    },
  )

  test.each([
    'ERR_SESSION_MALFORMED',
    'ERR_SESSION_JSON',
    'ERR_SESSION_EXPIRED',
    'ERR_SESSION_LIMIT',
    'ERR_SESSION_CLAIMS',
  ] as const)('%s ends the cookie', async (code) => {
    const { codec, seen } = spy(textCodec('b'))
    expect(await read([value('b', 'dave')], [failing('a', code), codec])).toMatchObject({
      user: undefined,
      codes: [code],
    })
    expect(seen).toEqual([])
  })

  test('another family never gets a value that one has refused', async () => {
    const { codec, seen } = spy(textCodec('legacy', { family: 'legacy', matches: () => true }))
    const codecs = [failing('a', 'ERR_SESSION_SIGNATURE'), codec, failing('c', 'ERR_SESSION_KEY')]
    expect(await read([value('legacy', 'mallory')], codecs)).toMatchObject({
      user: undefined,
      codes: ['ERR_SESSION_KEY'],
    })
    expect(seen).toEqual([])
  })

  test('a codec that does not match is not asked', async () => {
    const { codec, seen } = spy(textCodec('a', { family: 'other' }))
    expect(await read([value('b', 'dave')], [codec, textCodec('b')])).toMatchObject({ user: 'dave', codecIndex: 1 })
    expect(await read([value('b', 'dave')], [codec])).toMatchObject({ codes: ['ERR_SESSION_UNSUPPORTED'] })
    expect(seen).toEqual([])
  })

  test.each(['ERR_SESSION_STORE', 'ERR_SESSION_KEYS'] as const)(
    '%s is thrown, whatever else there is',
    async (code) => {
      await rejection(code, read([value('b', 'dave'), value('a', 'eve')], [failing('a', code), textCodec('b')]))
    },
  )

  test('what else a codec throws becomes a coded error', async () => {
    const foreign = Object.assign(new Error('of another copy'), { name: 'SessionError', code: 'ERR_SESSION_SIGNATURE' })
    expect(await read(['text~'], [textCodec('a', { fails: new TypeError('a bug') })])).toMatchObject({
      codes: ['ERR_SESSION_MALFORMED'],
    })
    expect(
      await read(['text~'], [textCodec('a', { fails: undefined, verify: () => Promise.reject('text') })]),
    ).toMatchObject({
      codes: ['ERR_SESSION_MALFORMED'],
    })
    expect(await read([value('b', 'dave')], [textCodec('a', { fails: foreign }), textCodec('b')])).toMatchObject({
      user: 'dave',
    })
  })
})

describe('two cookies of one name', () => {
  test('one of them valid: still signed in, and reported', async () => {
    const { sessions, browser, visit, events } = serve({ secrets: [SECRET] })
    await visit(dave)
    const planted = `${NAME}=eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoiZXZlIn0.AAAA`
    for (const header of [`${planted}; ${browser.cookie}`, `${browser.cookie}; ${planted}`]) {
      events.length = 0
      const session = await sessions.load(header)
      expect(session.data).toEqual({ user: 'dave' })
      expect(session.rejected).toBeUndefined()
      expect(events.at(-1)).toMatchObject({ type: 'shadowed', candidates: 2 })
    }
  })

  test('the same value twice is nothing to report', async () => {
    const { sessions, browser, visit, events } = serve()
    await visit(dave)
    events.length = 0
    await sessions.load(`${browser.cookie}; ${browser.cookie}`)
    expect(events.map(({ type }) => type)).toEqual(['read'])
  })

  test('names are compared byte by byte, and hostile ones do nothing', async () => {
    const { sessions, browser, visit } = serve({ name: 'sid' })
    await visit(dave)
    const hostile = '__proto__=y; constructor=z; =; \u00a0sid=x; %73id=x; SID=x'
    expect((await sessions.load(`${browser.cookie}; ${hostile}`)).data).toEqual({ user: 'dave' })
    const token = browser.cookies.get('sid')
    for (const smuggled of [
      `\u00a0sid=${token}`,
      `\u2000sid=${token}`,
      `%73id=${token}`,
      `SID=${token}`,
      `=sid=${token}`,
      `a="; sid"=${token}`,
    ]) {
      expect((await sessions.load(smuggled)).isNew).toBe(true)
    }
    expect(({} as { sid?: string }).sid).toBeUndefined()
  })
})

// Reading four megabytes takes milliseconds; if the time grew with their square, it would take longer than the timeout.
test.each(['sid=', 'sid=a.b.c;', '=;', '"', 'sid="', ' ;', 'sid=;', `${NAME}=x;`, 'sid= ', 'sid=" '])(
  'the time to read a hostile header grows only with its length: %j',
  async (shape) => {
    const { sessions } = serve({ name: 'sid' })
    expect((await sessions.load(shape.repeat(4_194_304 / shape.length))).isNew).toBe(true)
  },
)
