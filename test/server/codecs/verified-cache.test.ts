/** What is remembered of good cookies, and what must not be. */
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import { createVerifiedCache } from '../../../src/server/codecs/verified-cache.js'
import { beakerJwt, jwt, type SessionCodec, type SessionRecord } from '../../../src/server/index.js'

const secrets = ['the first of the secrets, long enough', 'the second of the secrets, long enough']
const now = new Date('2026-02-03T04:05:06Z')
const context = { cookieName: 'sid', purpose: 'session', now } as const

describe('the cache', () => {
  test('holds so many values and forgets the oldest', () => {
    const cache = createVerifiedCache<number>(2)
    for (const [value, entry] of [
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ] as const)
      cache.set(value, entry, 10)
    expect(['a', 'b', 'c'].map((value) => cache.get(value))).toEqual([undefined, 2, 3])
  })

  test('takes contents of 16 KiB and none that are larger', () => {
    const cache = createVerifiedCache<number>()
    cache.set('at the limit', 1, 16_384)
    cache.set('past it', 2, 16_385)
    expect([cache.get('at the limit'), cache.get('past it')]).toEqual([1, undefined])
  })

  test('compares the whole value, not only the end that it is looked up by', () => {
    const cache = createVerifiedCache<number>()
    const end = 's'.repeat(100)
    cache.set(`a.${end}`, 1, 10)
    expect([cache.get(`a.${end}`), cache.get(`b.${end}`), cache.get(end)]).toEqual([1, undefined, undefined])
  })

  test('holds nothing with 0, and refuses what is no number of entries', () => {
    const cache = createVerifiedCache<number>(0)
    cache.set('a', 1, 1)
    expect(cache.get('a')).toBeUndefined()
    for (const entries of [-1, 1.5, Number.NaN]) expect(() => createVerifiedCache(entries)).toThrow(/remember/)
  })
})

describe.each<[string, (ring: string[]) => Required<SessionCodec>]>([
  ['beakerJwt', (ring) => beakerJwt({ secrets: ring }) as Required<SessionCodec>],
  ['jwt', (ring) => jwt({ secrets: ring, expires: '1h' }) as Required<SessionCodec>],
])('%s', (_, create) => {
  const codec = create(secrets)
  const sign = async (by: Required<SessionCodec> = codec) =>
    by.sign({ data: { user: 'ada', roles: ['reader'] }, id: 'an id', createdAt: now, accessedAt: now }, context)
  const verify = async (value: string, at = now): Promise<SessionRecord> => codec.verify(value, { ...context, now: at })

  test('gives the same session again, in an object of its own', async () => {
    const value = await sign()
    const first = await verify(value)
    ;(first.data.roles as string[]).push('editor')
    first.data.user = 'eve'
    const second = await verify(value)
    expect(second.data).toEqual({ user: 'ada', roles: ['reader'] })
    const hasChanged = (record: SessionRecord): boolean =>
      codec.original ? !isDeepStrictEqual(codec.original(record), record.data) : codec.changed(record)
    expect([hasChanged(second), hasChanged(first)]).toEqual([false, true])
  })

  test('says of an old key that it is one, each time', async () => {
    const value = await sign(create([secrets[1] as string]))
    expect([(await verify(value)).keyIndex, (await verify(value)).keyIndex]).toEqual([1, 1])
  })

  test('knows nothing of a value that differs anywhere', async () => {
    const value = await sign()
    await verify(value)
    for (let at = 0; at < value.length; at++) {
      const changed = `${value.slice(0, at)}${value[at] === 'A' ? 'B' : 'A'}${value.slice(at + 1)}`
      await expect(verify(changed)).rejects.toMatchObject({ name: 'SessionError' })
    }
  })

  test('does not take the session for a public half, nor for one of another ring', async () => {
    const value = await sign()
    await verify(value)
    const asPublic = async () => codec.verify(value, { ...context, purpose: 'public' })
    await expect(asPublic()).rejects.toMatchObject({ code: 'ERR_SESSION_SIGNATURE' })
    const elsewhere = async () => create([secrets[1] as string]).verify(value, context)
    await expect(elsewhere()).rejects.toMatchObject({ code: 'ERR_SESSION_SIGNATURE' })
  })
})

test('a token that is over is over, however well it is known', async () => {
  const codec = jwt({ secrets, expires: '1h' }) as Required<SessionCodec>
  const value = await codec.sign({ data: { user: 'ada' } }, context)
  const at = async (minutes: number) =>
    codec.verify(value, { ...context, now: new Date(now.getTime() + minutes * 60_000) })
  expect((await at(0)).data).toEqual({ user: 'ada' })
  await expect(at(61)).rejects.toMatchObject({ code: 'ERR_SESSION_EXPIRED' })
})
