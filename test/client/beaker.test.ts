/** A page that meets cookies of Beaker itself: `getSession` with the reader of `sessionglass/client/beaker` (FORMATS §2). */
import { readFileSync } from 'node:fs'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { beakerReader, createBeakerReader, PickleObject, PythonTimedelta } from '../../src/client/beaker.js'
import { getSession, inspectSession } from '../../src/client/index.js'
import { differences, type Tagged, without } from '../interop/tagged.js'
import { runs } from '../random.js'

interface Case {
  name: string
  kind?: string
  beaker?: string
  options: Record<string, unknown>
  session: Tagged
  cookie: string
}

const meta = ['_id', '_creation_time', '_accessed_time', '_domain', '_path', '_expires']
const name = 'beaker.session.id'

function casesOf(file: string): Case[] {
  const text = readFileSync(new URL(`../vectors/${file}.json`, import.meta.url), 'utf8')
  return (JSON.parse(text) as { cases: Case[] }).cases.filter(
    ({ cookie, kind = 'encode' }) => cookie && kind === 'encode',
  )
}

/** Whatever it is signed with: the page can't tell. */
function cookieOf(serialized: string | Uint8Array): string {
  const body = Buffer.from(serialized as string, 'latin1').toString('base64')
  return `${name}=${'0123456789abcdef'.repeat(3).slice(0, 40)}${body}`
}

const read = (cookie: string, reader = beakerReader) => inspectSession(name, { cookie, reader })

test.each(casesOf('beaker_cookie').map((one) => [one.name, one] as const))('%s', (_, { cookie, session }) => {
  const found = read(`${name}=${cookie}`)
  expect(differences(without(session, meta), found.session)).toEqual([])
  expect(found).toMatchObject({ format: 'beaker', meta: { createdAt: new Date(1_700_000_000_250) } })
  expect(found.error).toBeUndefined()
  // nobody else pays, so nobody else reads it
  expect(inspectSession(name, { cookie: `${name}=${cookie}` })).toMatchObject({
    session: null,
    error: 'ERR_SESSION_UNSUPPORTED',
  })
})

test.each(casesOf('beaker_encrypted').map((one) => [one.name, one] as const))(
  '%s stays unreadable',
  (_, { cookie }) => {
    expect(read(`${name}=${cookie}`)).toMatchObject({ session: null, error: expect.stringMatching(/^ERR_SESSION_/) })
  },
)

describe('Python 2', () => {
  const cases = casesOf('beaker_legacy_py2').filter(({ options }) => options.encrypt_key === undefined)
  test.each(cases.map((one) => [`${one.beaker} ${one.name}`, one] as const))('%s', (_, { cookie, session }) => {
    const { session: found } = read(`${name}=${cookie}`, createBeakerReader({ encoding: 'latin1' }))
    const keys = (session as { $dict: [{ $py2str: string }, Tagged][] }).$dict.map(([{ $py2str }]) => atob($py2str))
    expect(Object.keys(found ?? {}).sort()).toEqual(keys.filter((key) => !meta.includes(key)).sort())
  })

  test('text beyond ASCII needs its encoding', () => {
    const cookie = cookieOf('\x80\x02}U\x01aU\x02\xc3\xa9s.')
    expect(read(cookie).error).toBe('ERR_SESSION_PICKLE')
    expect(read(cookie, createBeakerReader({ encoding: 'utf-8' })).session).toEqual({ a: 'é' })
    expect(() => createBeakerReader({ encoding: 'utf8' as never })).toThrow('"encoding" must be')
  })
})

test('JSON that Python wrote', () => {
  expect(read(cookieOf(deflateSync('{"_id": "x", "a": "\\u00e9", "n": NaN}'))).session).toEqual({ a: 'é', n: null })
})

test('what only Python has is shown and not made', () => {
  const evil =
    '\x80\x02}(X\x01\x00\x00\x00acos\nsystem\nX\x04\x00\x00\x00true\x85RX\x01\x00\x00\x00bcdatetime\ntimedelta\nK\x01K\x02K\x03\x87Ru.'
  const { session } = read(cookieOf(evil))
  expect(session?.a).toBeInstanceOf(PickleObject)
  expect(session?.b).toEqual(new PythonTimedelta(1, 2, 3))
})

test('a JWT is read as ever, and the later cookie counts', () => {
  const { cookie: old } = casesOf('beaker_cookie')[0] as Case
  const jwt = `${name}=eyJhbGciOiJIUzI1NiJ9.${Buffer.from('{"_id":"x","_creation_time":1.5,"user":"dave"}').toString('base64url')}.x`
  expect(getSession(name, { cookie: jwt, reader: beakerReader })).toEqual({ user: 'dave' })
  expect(read(`${name}=${old}; ${jwt}`).session).toEqual({ user: 'dave' })
  expect(read(`${jwt}; ${name}=${old}`).format).toBe('beaker')
})

test('the same object while the cookie is the same, for each reader', () => {
  const cookie = cookieOf('\x80\x02}X\x01\x00\x00\x00a]s.')
  const session = getSession(name, { cookie, reader: beakerReader })
  expect(getSession(name, { cookie })).toBeNull()
  expect(getSession(name, { cookie, reader: beakerReader })).toBe(session)
  expect(getSession(name, { cookie: `other=1; ${cookie}`, reader: beakerReader })).toBe(session)
  expect(Object.isFrozen(session)).toBe(true)
  expect(Object.isFrozen(session?.a)).toBe(true)
  const another = createBeakerReader()
  expect(getSession(name, { cookie, reader: another })).toEqual(session)
  expect(getSession(name, { cookie, reader: another })).not.toBe(session)
})

describe('limits', () => {
  test.each([
    ['JSON of 64 KiB', deflateSync(`{"a":"${'x'.repeat(65_536 - 8)}"}`), undefined],
    ['JSON of 64 KiB and a byte', deflateSync(`{"a":"${'x'.repeat(65_536 - 7)}"}`), 'ERR_SESSION_LIMIT'],
    ['16 384 values', `\x80\x02}X\x01\x00\x00\x00a](${'N'.repeat(16_384 - 4)}es.`, undefined],
    ['16 385 values and more', `\x80\x02}X\x01\x00\x00\x00a](${'N'.repeat(16_384)}es.`, 'ERR_SESSION_LIMIT'],
    ['a session that holds itself', '\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.', 'ERR_SESSION_LIMIT'],
    ['no dict', '\x80\x02K\x01.', 'ERR_SESSION_PICKLE'],
    ['a pickle cut short', '\x80\x02}', 'ERR_SESSION_PICKLE'],
    ['an id that is no text', '\x80\x02}X\x03\x00\x00\x00_idK\x01s.', 'ERR_SESSION_CLAIMS'],
    ['base64 cut short', undefined, 'ERR_SESSION_MALFORMED'],
  ])('%s', (_, serialized, error) => {
    const cookie = serialized === undefined ? `${name}=${'0'.repeat(40)}gAJ` : cookieOf(serialized)
    expect(read(cookie).error).toBe(error)
  })

  test('no value at all makes it throw, or pollutes anything', () => {
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }).map((tail) => Uint8Array.of(0x80, 2, 0x7d, ...tail)),
    )
    fc.assert(
      fc.property(body, (bytes) => {
        const { session, data, error } = read(cookieOf(bytes))
        expect(data === undefined).toBe(error !== undefined)
        expect(session === null).toBe(Object.keys(data ?? {}).length === 0)
      }),
      { numRuns: runs(300) },
    )
    const proto = '\x80\x02}X\x09\x00\x00\x00__proto__}X\x08\x00\x00\x00polluted\x88ss.'
    expect(Object.keys(read(cookieOf(proto)).session ?? {})).toEqual(['__proto__'])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})
