import { describe, expect, test } from 'vitest'
import { beakerJwt, type SessionRecord } from '../../../src/server/index.js'
import { writeBson } from '../../../src/shared/bson/writer.js'
import { expectWithout, NAME, rejection, SECRET, START } from '../server.helpers.js'
import { bsZ, signedToken } from './token.helpers.js'

function read(payload: string, maxInflated = 1024 * 1024): Promise<SessionRecord> {
  const codec = beakerJwt({ secrets: SECRET, maxInflated })
  return codec.verify(signedToken(payload), { cookieName: NAME, purpose: 'session', now: new Date(START) })
}

describe('plain claims', () => {
  test('are the session, without what is about it', async () => {
    const record = await read(
      '{"_id":"x","user":"dave","_creation_time":1700000000.25,"_accessed_time":1700000000,"_expires":null,"_path":"/","_domain":null}',
    )
    expect(record).toMatchObject({ id: 'x', createdAt: new Date(START + 250), accessedAt: new Date(START) })
    expect(record.data).toStrictEqual({ user: 'dave' })
    expect(record.claims).toHaveProperty('_path', '/')
  })

  test.each(['', 'null'])('bsZ that says nothing is passed over (%j)', async (nothing) => {
    expect((await read(`{"bsZ":${nothing === '' ? '""' : nothing},"user":"dave"}`)).data).toEqual({ user: 'dave' })
  })

  test('NaN and large integers are read as Python wrote them', async () => {
    expect((await read('{"a":NaN,"b":[-Infinity],"c":18446744073709551617}')).data).toEqual({
      a: Number.NaN,
      b: [Number.NEGATIVE_INFINITY],
      c: 18446744073709551617n,
    })
  })
})

describe('compressed claims', () => {
  const document = writeBson({ _id: 'x', user: 'dave', n: 1 })

  test('are the session', async () => {
    expect(await read(bsZ(document))).toMatchObject({ id: 'x', data: { user: 'dave', n: 1 } })
  })

  test('win over claims beside them, as in dict.update', async () => {
    const record = await read(bsZ(document, { user: 'eve', more: 1.5, _id: 'y' }))
    expect(record).toMatchObject({ id: 'x', data: { user: 'dave', n: 1, more: 1.5 } })
    const root = record.origin?.root()
    expect([...(root?.keys?.() ?? [])]).toEqual(['bsZ', 'user', 'more', '_id', 'n'])
    expect(root?.child?.('user')?.value).toBe('dave')
    expect(root?.child?.('more')).toMatchObject({ raw: '1.5', type: 'double' })
    expect(root?.child?.('bsZ')).toBeUndefined()
    expect(root?.value).toEqual({ _id: 'x', user: 'dave', n: 1, more: 1.5 })
  })

  test('a key bsZ inside them is data', async () => {
    expect((await read(bsZ(writeBson({ bsZ: 'x' })))).data).toEqual({ bsZ: 'x' })
  })

  test('two reads do not share memory', async () => {
    const first = await read(bsZ(writeBson({ a: Uint8Array.of(1, 1, 1) })))
    await read(bsZ(writeBson({ a: Uint8Array.of(2, 2, 2) })))
    expect(first.data.a).toEqual(Uint8Array.of(1, 1, 1))
    expect(first.origin?.root().child?.('a')?.value).toEqual(Uint8Array.of(1, 1, 1))
  })
})

describe('what is refused', () => {
  test.each([
    ['5', 'ERR_SESSION_MALFORMED'],
    ['true', 'ERR_SESSION_MALFORMED'],
    ['{}', 'ERR_SESSION_MALFORMED'],
    ['"swordfish "', 'ERR_SESSION_MALFORMED'],
    ['"swordfish"', 'ERR_SESSION_COMPRESSION'],
  ])('bsZ: %s', async (claim, code) => {
    expectWithout(await rejection(code, read(`{"bsZ":${claim}}`)), ['swordfish'])
  })

  test.each(['[]', '5', 'null', '"text"', '{', ''])('payload %j', async (payload) => {
    await rejection('ERR_SESSION_JSON', read(payload))
  })

  test.each([
    ['{"_id":5}', 'id'],
    ['{"_id":null}', 'id'],
    ['{"_accessed_time":"1700000000"}', 'accessedAt'],
    ['{"_accessed_time":null}', 'accessedAt'],
    ['{"_accessed_time":NaN}', 'accessedAt'],
    ['{"_accessed_time":1e309}', 'accessedAt'],
    ['{"_accessed_time":-Infinity}', 'accessedAt'],
    ['{"_accessed_time":8.64e12}', undefined],
    ['{"_accessed_time":8.65e12}', 'accessedAt'],
    ['{"_creation_time":[1]}', 'createdAt'],
    ['{"_creation_time":18446744073709551617}', 'createdAt'],
    ['{"_creation_time":{"valueOf":1,"toString":1}}', 'createdAt'],
    ['{"_creation_time":-62135596800}', undefined],
  ])('times and ids: %s', async (payload, field) => {
    if (field === undefined) await read(payload)
    else expect((await rejection('ERR_SESSION_CLAIMS', read(payload))).message).toBe(field)
  })

  test('a payload that inflates past the limit, by one byte', async () => {
    const document = writeBson({ a: 'x'.repeat(500) })
    expect((await read(bsZ(document), document.length)).data).toEqual({ a: 'x'.repeat(500) })
    await rejection('ERR_SESSION_LIMIT', read(bsZ(document), document.length - 1))
  })

  test('a bomb', async () => {
    await rejection('ERR_SESSION_LIMIT', read(bsZ(new Uint8Array(2_500_000))))
  })

  test('BSON that lies, is cut or goes on', async () => {
    const document = writeBson({ user: 'dave' })
    for (const bad of [
      document.slice(0, -1),
      new Uint8Array([...document, 0]),
      document.with(0, 9),
      document.with(4, 0x77),
    ]) {
      await rejection('ERR_SESSION_BSON', read(bsZ(bad)))
    }
  })

  test('_expires, which is about the cookie, ends no session', async () => {
    const expires = new Date(5)
    expect((await read(bsZ(writeBson({ _expires: expires })))).expiresAt).toBeUndefined()
    expect((await read('{"_expires":true}')).data).toEqual({})
  })
})
