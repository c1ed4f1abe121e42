/** Everything a page can see of a session: all candidates, their sizes, and why each one does not count. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { getSession, inspectSession } from '../../src/client/index.js'
import { decimalText, lightBsonTypes } from '../../src/shared/bson/decimal.js'
import { defineSession, type SessionDefinition } from '../../src/shared/define-session.js'
import { bsZ, tokenOf } from '../shared/shared.helpers.js'

const NOW = new Date(1_700_000_000_000)
const seconds = +NOW / 1_000
const inspect = (cookie: string, session: SessionDefinition | string = 's') =>
  inspectSession(session, { cookie, now: NOW })

afterEach(() => vi.unstubAllGlobals())

describe('candidates', () => {
  test('the public half first, of each name the last first; the first that counts is the session', () => {
    const values = ['1', '2', '3', '4'].map((n) => tokenOf({ n }))
    const cookie = `s=${values[0]}; s.public=${values[1]}; x=y; s=${values[2]}; s.public=${values[3]}`
    const { candidates, session, value } = inspect(cookie)
    expect(candidates.map(({ cookie, data }) => [cookie, data?.n])).toEqual([
      ['s.public', '4'],
      ['s.public', '2'],
      ['s', '3'],
      ['s', '1'],
    ])
    expect(session).toBe(candidates[0]?.data)
    expect(value).toBe(values[3])
  })

  test('each says why it does not count, and the next one is taken', () => {
    const definition = defineSession({ name: 's', idleTimeout: 60, absoluteTimeout: 600 })
    const values = [
      tokenOf({ user: 'dave' }),
      tokenOf({ nbf: seconds + 31 }),
      tokenOf({ exp: seconds - 31 }),
      tokenOf({ bsZ: bsZ({ _creation_time: seconds - 700, _accessed_time: seconds }) }),
      tokenOf({ bsZ: bsZ({ _creation_time: seconds - 100, _accessed_time: seconds - 100 }) }),
      tokenOf({ bsZ: '~' }),
      'garbage',
    ]
    const { candidates, ...current } = inspect(values.map((value) => `s=${value}`).join(';'), definition)
    expect(candidates.map(({ over, error }) => over ?? error)).toEqual([
      'ERR_SESSION_UNSUPPORTED',
      'ERR_SESSION_MALFORMED',
      'idle',
      'absolute',
      'exp',
      'nbf',
      undefined,
    ])
    expect(current).toMatchObject({ session: { user: 'dave' }, value: values[0], over: undefined })
    // what is over can still be looked at
    expect(candidates[4]).toMatchObject({ format: 'jwt', meta: { expiresAt: new Date((seconds - 31) * 1_000) } })
  })

  test('where none counts, the likeliest one is told', () => {
    expect(inspect(`s=${tokenOf({ exp: 1 })}; s=garbage`)).toMatchObject({
      session: null,
      value: 'garbage',
      error: 'ERR_SESSION_UNSUPPORTED',
    })
    expect(inspect(`s=garbage; s=${tokenOf({ exp: 1, a: 1 })}`)).toMatchObject({
      session: null,
      over: 'exp',
      data: { a: 1 },
    })
  })

  test('none at all', () => {
    expect(inspect('other=1; sx=2; S=3')).toStrictEqual({ session: null, candidates: [] })
  })

  test('a planted flood leaves the last 16 of each name', () => {
    const { candidates } = inspect(`${'s=a;'.repeat(50)}${'s.public=b;'.repeat(50)}`)
    expect(candidates.map(({ cookie }) => cookie)).toEqual([...Array(16).fill('s.public'), ...Array(16).fill('s')])
  })
})

describe('what is told', () => {
  test('header, claims and size of both forms', () => {
    const claims = { bsZ: bsZ({ user: 'Zoë' }), beside: 1 }
    const value = tokenOf(claims, '{"alg":"none","x":[1]}')
    expect(inspect(`s=${value}`)).toMatchObject({
      format: 'beaker-jwt',
      header: { alg: 'none', x: [1] },
      claims,
      data: { user: 'Zoë', beside: 1 },
      size: value.length + 1,
    })
    expect(inspect(`s=${tokenOf({ user: 'Zoë' })}`)).toMatchObject({ format: 'jwt', claims: { user: 'Zoë' } })
  })

  test('sizes count bytes of name and value, without quotes', () => {
    const sizes = (cookie: string, name = 's') => inspect(cookie, name).candidates.map(({ size }) => size)
    expect(sizes('s=')).toEqual([1])
    expect(sizes('s="ab"')).toEqual([3])
    expect(sizes('s=é; s.public=€😀')).toEqual([8 + 3 + 4, 1 + 2])
  })

  test.each([
    ['ERR_SESSION_UNSUPPORTED', 'a.b'],
    ['ERR_SESSION_MALFORMED', 'A.e30.'],
    ['ERR_SESSION_MALFORMED', tokenOf('{"bsZ":{"length":1e9}}')],
    ['ERR_SESSION_JSON', tokenOf('[]')],
    ['ERR_SESSION_COMPRESSION', tokenOf({ bsZ: '00000' })],
    ['ERR_SESSION_CLAIMS', tokenOf('{"exp":1e309}')],
    ['ERR_SESSION_CLAIMS', tokenOf({ _accessed_time: 'now' })],
    ['ERR_SESSION_LIMIT', tokenOf({ bsZ: bsZ({ text: 'x'.repeat(70_000) }) })],
  ])('%s', (code, value) => {
    const inspection = inspect(`s=${value}`)
    expect(inspection).toMatchObject({ session: null, error: code, value })
    expect(inspection.data).toBeUndefined()
  })

  test('levels deeper than the stack of the engine are an error too', () => {
    const deep = tokenOf(`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`)
    expect(inspect(`s=${tokenOf({ user: 'dave' })}; s=${deep}`)).toMatchObject({ session: { user: 'dave' } })
    expect(inspect(`s=${deep}`)).toMatchObject({ session: null, error: 'ERR_SESSION_LIMIT' })
  })
})

describe('the clock', () => {
  test('is that of the engine where none is given', () => {
    const cookie = `s=${tokenOf({ exp: seconds })}`
    vi.useFakeTimers({ now: +NOW + 29_999 })
    try {
      expect(inspectSession('s', { cookie }).over).toBeUndefined()
      vi.setSystemTime(+NOW + 30_000)
      expect(inspectSession('s', { cookie }).over).toBe('exp')
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('identity', () => {
  test('the data of getSession, whatever definition was made on the way', () => {
    vi.stubGlobal('document', { cookie: `s=${tokenOf({ user: { name: 'dave' } })}` })
    const session = getSession('s')
    expect(session).not.toBeNull()
    for (const one of ['s', defineSession({ name: 's' }), defineSession({ name: 's', idleTimeout: '1m' })] as const) {
      expect(getSession(one)).toBe(session)
      expect(inspectSession(one).session).toBe(session)
    }
  })

  test('names do not get into each other', () => {
    const cookie = `s=${tokenOf({ n: 's' })}; t=${tokenOf({ n: 't' })}`
    for (let round = 0; round < 2; round++)
      for (const n of ['s', 't']) expect(inspect(cookie, n).session).toEqual({ n })
  })

  test('a cookie that goes and comes again is read again, and equal', () => {
    const cookie = `s=${tokenOf({ user: 'dave' })}`
    const first = inspect(cookie).session
    expect(inspect('').session).toBeNull()
    expect(inspect(cookie).session).toEqual(first)
  })
})

test('values that JavaScript has no type for print, also as JSON; an int64 beyond 2^53 is a bigint', () => {
  const bytesOf = (length: number) => Uint8Array.from({ length }, (_, index) => index)
  const { session } = inspect(
    `s=${tokenOf({
      bsZ: bsZ({
        id: lightBsonTypes.objectId(bytesOf(12)),
        uuid: lightBsonTypes.binary(bytesOf(16), 4),
        // 12.50: coefficient 1250, exponent -2
        price: lightBsonTypes.decimal128(Uint8Array.of(0xe2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3c, 0x30)),
        code: lightBsonTypes.code('f()'),
      }),
    })}`,
  )
  const texts = {
    id: '000102030405060708090a0b',
    uuid: 'AAECAwQFBgcICQoLDA0ODw==',
    code: 'f()',
  }
  expect(JSON.parse(JSON.stringify(session))).toMatchObject(texts)
  for (const [key, text] of Object.entries(texts)) expect(String(session?.[key])).toBe(text)
  // Few pages show decimals, so the code for their text is an import.
  expect(decimalText(session?.price as { bytes: Uint8Array })).toBe('12.50')
  expect(String(session?.price)).toMatch(/^Decimal128\(/)
  expect(inspect(`s=${tokenOf({ bsZ: bsZ({ n: 2n ** 53n, m: -(2n ** 63n), k: 2 ** 53 - 1 }) })}`).session).toEqual({
    n: 2n ** 53n,
    m: -(2n ** 63n),
    k: 2 ** 53 - 1,
  })
})
