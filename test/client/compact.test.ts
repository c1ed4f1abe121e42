/** A page whose server writes our own compact format: `getSession` with the reader of `sessionglass/client/compact` (FORMATS §11). */
import { deflateRawSync } from 'node:zlib'
import { serialize } from 'bson'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { beakerReader } from '../../src/client/beaker.js'
import { compactReader, createCompactReader } from '../../src/client/compact.js'
import { getSession, inspectSession } from '../../src/client/index.js'
import { compact } from '../../src/server/index.js'
import { runs } from '../random.js'
import { compactValue, deflated } from '../server/codecs/compact.helpers.js'

const name = 'sid'
const secret = 'swordfish-one-of-the-keys-0123456789abcdef'
const now = new Date(1_700_000_000_000)
const read = (value: string, reader = compactReader) =>
  inspectSession(name, { cookie: `${name}=${value}`, reader, now })

test('what the server wrote', async () => {
  const data = { user: 'dave', when: new Date(5), bytes: Uint8Array.of(0, 255), large: 2n ** 60n, list: [1.5, null] }
  const { sign } = compact({ secrets: secret })
  const times = { createdAt: new Date(1000), accessedAt: now, expiresAt: new Date(+now + 1000) }
  const value =
    (await sign?.({ data, id: 'f'.repeat(32), ...times }, { cookieName: name, purpose: 'session', now })) ?? ''
  expect(read(value)).toMatchObject({ session: data, format: 'compact', meta: { id: 'f'.repeat(32), ...times } })
  // nobody else pays, so nobody else reads it
  expect(inspectSession(name, { cookie: `${name}=${value}` })).toMatchObject({
    session: null,
    error: 'ERR_SESSION_UNSUPPORTED',
  })
})

test('its end counts without any definition', () => {
  const head = [32, 0]
  expect(read(compactValue(serialize({}), { secret, head }))).toMatchObject({ session: null, over: 'exp' })
})

test('other values go to the next reader', () => {
  const jwt = `eyJhbGciOiJIUzI1NiJ9.${Buffer.from('{"user":"dave"}').toString('base64url')}.x`
  expect(getSession(name, { cookie: `${name}=${jwt}`, reader: compactReader })).toEqual({ user: 'dave' })
  const beaker = `${'0123456789abcdef'.repeat(3).slice(0, 40)}${Buffer.from('\x80\x02}s.').toString('base64')}`
  expect(read(beaker).session).toBeNull()
  const pickled = `${'0'.repeat(40)}${Buffer.from('\x80\x02}X\x01\x00\x00\x00aK\x01s.', 'latin1').toString('base64')}`
  expect(read(pickled, createCompactReader({ otherwise: beakerReader })).session).toEqual({ a: 1 })
})

describe('limits', () => {
  test.each([
    ['64 KiB', 65_536, undefined],
    ['64 KiB and a byte', 65_537, 'ERR_SESSION_LIMIT'],
  ])('%s', (_, bytes, error) => {
    const bson = serialize({ a: 'x'.repeat(bytes - 13) })
    expect(bson.length).toBe(bytes)
    expect(read(compactValue(deflated(bson), { secret, head: [1] })).error).toBe(error)
  })

  test('no value at all makes it throw, or pollutes anything', () => {
    const bytes = fc.tuple(
      fc.uint8Array({ maxLength: 40 }),
      fc.boolean(),
      fc.uint8Array({ minLength: 8, maxLength: 80 }),
    )
    fc.assert(
      fc.property(bytes, ([head, isDeflated, rest]) => {
        const body = isDeflated ? deflateRawSync(rest) : rest
        const { session, error } = read(compactValue(body, { secret, head: [...head] }))
        expect(session === null).toBe(error !== undefined)
      }),
      { numRuns: runs(300) },
    )
    const proto = serialize(JSON.parse('{"__proto__":{"polluted":true}}'))
    expect(Object.keys(read(compactValue(proto, { secret })).session ?? {})).toEqual(['__proto__'])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})
