/** Cookies that beaker-session-jwt made before (test/vectors): this Node, and this Python, read them alike. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { beakerJwt } from '../../src/server/index.js'
import { isSessionError } from '../../src/shared/errors.js'
import { cookieHeader, cookieValue, metaKeys, pythonOptions, type WsgiAnswer } from './beaker-jwt.helpers.js'
import { nodeSessions } from './node-sessions.js'
import { type BeakerOptions, describeWithPython } from './peer.js'
import { differences, member, normalized, type Tagged, without } from './tagged.js'

interface Vector {
  name: string
  kind: 'encode' | 'decode' | 'request'
  options: BeakerOptions
  cookie?: string
  session?: Tagged
  decoded?: Tagged
  raises?: { error: string }
  request_cookie_header?: string | null
  operations?: [string, ...Tagged[]][]
  set_cookie?: string[]
  set_cookie_session?: Tagged
}

// read as text: an importer of JSON refuses the half surrogate pair in it
const vectors = JSON.parse(readFileSync(new URL('../vectors/beaker_session_jwt.json', import.meta.url), 'utf8')) as {
  frozen_time: number
  cases: Vector[]
}
// other codecs read and write these
const isLegacy = ({ options }: Vector): boolean => 'original_format_validate_key' in options
const cases = vectors.cases.filter((vector) => !isLegacy(vector))
const named = (kind: Vector['kind'], raises: boolean): [string, Vector][] =>
  cases.filter((vector) => vector.kind === kind && 'raises' in vector === raises).map((vector) => [vector.name, vector])

const now = vectors.frozen_time
const context = { cookieName: 'beaker.session.id', purpose: 'session', now: new Date(now * 1000) } as const

/** Tokens out of the tests of beaker-session-jwt itself; their key is `secret1`. */
const upstream = {
  plain: 'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ1c2VybmFtZSI6ImRhdmUifQ.1LXPSRNwqCxUK0MLbkh5fFgP8TpydsN8cQ2qyNU0as8',
  compressed:
    'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJic1oiOiJjLWorWVV8YF9QTmh-ZzVVXnVaTHRDYlBSMXBwQFQxU3QifQ.WEcBA2UIvQCsjy-qtDv9OmeurJEMFiXey-_cS6Hgni0',
}

/** Where the joserfc of today raises another class than that of the vectors. */
const changedErrors: Record<string, string> = { 'payload is array': 'InvalidPayloadError' }

/** The data of a cookie that Node takes, or the code of its rejection. */
async function read(cookie: string, secrets: readonly string[]): Promise<Record<string, unknown> | string | undefined> {
  const session = await nodeSessions({ secrets }).load(cookieHeader(cookie))
  return session.isNew ? session.rejected?.code : session.data
}

describe('the tokens of upstream', () => {
  test('plain claims', async () => {
    expect(await read(upstream.plain, ['secret1'])).toEqual({ username: 'dave' })
  })

  test('compressed BSON, with the first key and with the second', async () => {
    const data = { last: new Date('2023-01-01T00:00:00Z') }
    expect(await read(upstream.compressed, ['secret1'])).toEqual(data)
    expect(await read(upstream.compressed, ['newsecret', 'secret1'])).toEqual(data)
  })

  test('keys in one text with a comma, as the option is written in Python', async () => {
    const codec = beakerJwt({ secrets: 'newsecret, secret1', allowWeakSecrets: true })
    expect(await codec.verify(upstream.compressed, context)).toMatchObject({ keyIndex: 1 })
  })

  test('other keys', async () => {
    expect(await read(upstream.compressed, ['newsecret', 'othersecret'])).toBe('ERR_SESSION_SIGNATURE')
  })

  test('the plain token is written byte by byte as upstream writes it', async () => {
    const codec = beakerJwt({ secrets: ['secret1'], compress: false, allowWeakSecrets: true })
    expect(await codec.sign?.({ data: { username: 'dave' } }, context)).toBe(upstream.plain)
  })
})

describe('vectors', () => {
  test.each([...named('decode', false), ...named('encode', false)])('Node reads: %s', async (_, vector) => {
    const data = await read(vector.cookie as string, ['secret1'])
    const expected = (vector.decoded ?? vector.session) as Tagged
    expect(differences(without(asRead(expected), metaKeys), data)).toEqual([])
  })

  test.each(named('decode', true))('Node refuses: %s', async (_, vector) => {
    expect(await read(vector.cookie as string, ['secret1'])).toMatch(/^ERR_SESSION_/)
  })

  test.each(named('encode', false).filter(([, { options }]) => options.bson_compress_jwt_payload === false))(
    'Node signs what it read, byte by byte: %s',
    async (_, { cookie }) => {
      const codec = beakerJwt({ secrets: ['secret1'], compress: false, allowWeakSecrets: true })
      const record = await codec.verify(cookie as string, context)
      expect(await codec.sign?.(record, context)).toBe(cookie)
    },
  )

  test('Node writes no text with half a surrogate pair, as Python does not', async () => {
    for (const compress of [true, false]) {
      const codec = beakerJwt({ secrets: ['secret1'], compress, allowWeakSecrets: true })
      const attempt = async () => await codec.sign?.({ data: { s: '\ud800' } }, context)
      await expect(attempt()).rejects.toSatisfy(
        (error) => isSessionError(error) && error.code === 'ERR_SESSION_UNWRITABLE',
      )
    }
  })

  test.each(named('request', false).filter(([, { options }]) => !('timeout' in options) && !('key' in options)))(
    'Node reads the answer to a request: %s',
    async (_, vector) => {
      const data = await read(cookieValue(vector.set_cookie as string[]), ['secret1'])
      expect(differences(without(vector.set_cookie_session as Tagged, metaKeys), data)).toEqual([])
    },
  )
})

describeWithPython('vectors and the Python of this test', (peer) => {
  test.each([...named('decode', false), ...named('encode', false)])('reads: %s', async (_, vector) => {
    const seen = await peer.call<Tagged>('decode', { cookie: vector.cookie, options: vector.options })
    expect(normalized(seen)).toEqual(normalized(asRead((vector.decoded ?? vector.session) as Tagged)))
  })

  test.each(named('decode', true))('refuses: %s', async (_, vector) => {
    const attempt = peer.call('decode', { cookie: vector.cookie, options: vector.options })
    const error = changedErrors[vector.name] ?? vector.raises?.error
    await expect(attempt).rejects.toMatchObject({ name: error })
  })

  test.each(named('encode', true))('can not write: %s', async (_, vector) => {
    const attempt = peer.call('encode', { session: vector.session, options: vector.options })
    await expect(attempt).rejects.toMatchObject({ name: vector.raises?.error })
  })

  test.each(named('request', false))('answers the request: %s', async (_, vector) => {
    const { options, operations, request_cookie_header: cookie } = vector
    const answer = await peer.call<WsgiAnswer>('wsgi', { options, cookie, operations, now })
    // all but the value, which holds a random id
    const attributes = (text: string): string => text.replace(/=[^;]*/, '=')
    expect(answer.set_cookie.map(attributes)).toEqual(vector.set_cookie?.map(attributes))
  })

  test.each(named('encode', false).filter(([, { options }]) => options.bson_compress_jwt_payload === undefined))(
    'reads what Node read and signed again: %s',
    async (_, { cookie }) => {
      const codec = beakerJwt({ secrets: ['secret1'], allowWeakSecrets: true })
      const again = await codec.sign?.(await codec.verify(cookie as string, context), context)
      const options = pythonOptions({ secrets: ['secret1'] })
      expect(await peer.call('compare', { a: cookie, b: again, options })).toEqual([])
    },
  )

  test('the cookie attributes of Node are those of Beaker', async () => {
    const options = { ...pythonOptions({ secrets: ['secret1'] }), timeout: null }
    const python = await peer.call<WsgiAnswer>('wsgi', { options, operations: [['set', 'user', 'dave'], ['save']] })
    const sessions = nodeSessions({ secrets: ['secret1'] })
    const session = await sessions.load('')
    session.data.user = 'dave'
    const [text = ''] = await sessions.commit(session)
    expect(attributesOf(text)).toEqual(attributesOf(python.set_cookie[0] ?? ''))
    expect(member(python.session, 'user')).toBe('dave')
  })
})

/** What comes back of a session that Python wrote: no internal keys, lists for tuples, texts for keys. */
function asRead(session: Tagged): Tagged {
  const written = without(session, ['_expires', '_path', '_domain'])
  return JSON.parse(JSON.stringify(written), (_, value) => value?.$tuple ?? value) as Tagged
}

/** Attributes of a Set-Cookie, lower-case and sorted: their order and case mean nothing (RFC 6265 §5.2). */
function attributesOf(setCookie: string): string[] {
  return setCookie
    .split(';')
    .slice(1)
    .map((part) => part.trim().toLowerCase())
    .sort()
}
