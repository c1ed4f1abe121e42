/** Encrypted sessions between Node and the real joserfc and jwcrypto (FORMATS §12): one suite for each side of `#platform`. */
import { expect, test } from 'vitest'
import { platform } from '#platform'
import { type ContentEncryption, type JweOptions, jwe, type SessionCodec } from '../../src/server/index.js'
import { key, newKey, type SavedSession, strangeKey } from './beaker-jwt.helpers.js'
import { describeWithPython, type Outcome } from './peer.js'
import { changeOneThing, createRandom, type PayloadForm, randomData, seed } from './random-data.js'
import { differences, member, members, normalized, type Tagged, taggedOf, without } from './tagged.js'

const LIBRARIES = ['joserfc', 'jwcrypto'] as const
const ENCS: ContentEncryption[] = ['A256GCM', 'A256CBC-HS512']
const WAYS = ENCS.flatMap((enc) => (['bson', 'json'] as PayloadForm[]).map((form) => [enc, form] as const))
const META = ['_id', '_creation_time', '_accessed_time', 'exp', '_writes']
const context = { cookieName: 'sid', purpose: 'session', now: new Date(1_700_000_000_000) } as const
const facts = { id: 'of Node', createdAt: new Date(1_500_000_000_250), accessedAt: new Date(1_600_000_000_000) }

interface Opened {
  header: Record<string, unknown>
  session: Tagged
}

/** @param count - of random sessions in each test of them */
export function jweSuite(count: number): void {
  describeWithPython(
    `joserfc, jwcrypto and ${platform.name}, SEED=${seed}`,
    (peer) => {
      test('are the packages that are meant', async () => {
        expect(await peer.call('versions')).toMatchObject({
          joserfc: expect.stringMatching(/^1\./),
          jwcrypto: expect.stringMatching(/^1\./),
        })
      })

      test.each(WAYS)('Node reads what Python encrypted by %s, as %s', async (enc, form) => {
        const codec = codecOf({ enc })
        for (const library of LIBRARIES) {
          const tokens = await saved(enc, form, library)
          const wrong: string[] = []
          for (const [index, { cookie, session }] of tokens.entries()) {
            const record = await codec.verify(cookie, context)
            wrong.push(...differences(without(session, META), record.data).map((line) => `token ${index}: ${line}`))
            expect(record).toMatchObject({ id: '0'.repeat(32), createdAt: facts.createdAt, keyIndex: 0 })
            expect(codec.changed?.(record), `token ${index}`).toBe(false)
          }
          expect(wrong).toEqual([])
          expect(tokens).toHaveLength(library === 'joserfc' ? count : count / 10)
        }
      })

      test.each(WAYS)('Python reads what Node encrypted by %s, as %s', async (enc, form) => {
        const codec = codecOf({ enc, payload: form === 'bson' ? 'bson' : 'claims' })
        const sessions = randomData(form, count, seed).map(withoutMeta)
        const tokens = await Promise.all(sessions.map((data) => codec.sign({ data, ...facts, version: 7 }, context)))
        for (const library of LIBRARIES) {
          const some = library === 'joserfc' ? tokens : tokens.slice(0, count / 10)
          const opened = await decrypted(some, enc, library)
          const found = opened.map(({ session }) => normalized(without(session, META)))
          expect(found).toEqual(sessions.slice(0, some.length).map((data) => normalized(taggedOf(data, form))))
          for (const { header, session } of opened) {
            expect(header).toMatchObject({ alg: 'dir', enc })
            expect(member(session, '_id')).toBe('of Node')
            expect(member(session, '_creation_time')).toMatchObject({ $float: '1500000000.25' })
            expect(member(session, '_accessed_time')).toMatchObject({ $float: '1600000000.0' })
            expect(member(session, '_writes')).toEqual({ $int: '7' })
          }
        }
      })

      test.each(WAYS)('one thing changed in Node, all the rest as Python had it: %s, %s', async (enc, form) => {
        const random = createRandom(seed)
        const codec = codecOf({ enc, payload: form === 'bson' ? 'bson' : 'claims' })
        const tokens = (await saved(enc, form)).slice(0, count / 4)
        const written: string[] = []
        for (const { cookie } of tokens) {
          const record = await codec.verify(cookie, context)
          changeOneThing(record.data, random)
          written.push(await codec.sign({ ...record, data: withoutMeta(record.data) }, context))
        }
        const opened = await decrypted(written, enc)
        for (const [index, { session }] of tokens.entries()) {
          const before = new Map(members(session))
          const after = members((opened[index] as Opened).session)
          const kept = after.filter(([name, value]) => JSON.stringify(before.get(name)) === JSON.stringify(value))
          expect(Math.max(before.size, after.length) - kept.length, `token ${index}`).toBeLessThanOrEqual(1)
        }
      })

      test('keys rotate on both sides, and tenants have their own', async () => {
        const both = codecOf({ secrets: [newKey, key] })
        const session = { $dict: [['user', 'dave']] }
        const use = { session, secret: key, tenant: 'käse & co' }
        const token = await peer.call<string>('encrypt', use)
        const place = { ...context, tenant: 'käse & co' }
        expect(await both.verify(token, place)).toMatchObject({ data: { user: 'dave' }, keyIndex: 1 })
        await expect(both.verify(token, context)).rejects.toMatchObject({ code: 'ERR_SESSION_SIGNATURE' })
        const again = await both.sign({ data: { user: 'dave' } }, place)
        const opened = await peer.call<Opened>('decrypt', { token: again, secret: newKey, tenant: 'käse & co' })
        expect(members(opened.session)).toEqual([['user', 'dave']])
        for (const secret of [key, strangeKey]) {
          await expect(peer.call('decrypt', { token: again, secret, tenant: 'käse & co' })).rejects.toThrow()
        }
      })

      function saved(enc: ContentEncryption, form: PayloadForm, library = 'joserfc'): Promise<SavedSession[]> {
        const some = library === 'joserfc' ? count : count / 10
        return peer.call('random_tokens', { seed, count: some, form, library, secret: key, enc })
      }

      async function decrypted(
        tokens: readonly string[],
        enc: ContentEncryption,
        library = 'joserfc',
      ): Promise<Opened[]> {
        const requests = tokens.map((token) => ({ token, library, secret: key, enc }))
        return (await peer.batch<Opened>('decrypt', requests)).map(resultOf)
      }
    },
    { program: 'jwe_peer.py' },
  )
}

function codecOf(options: Partial<JweOptions>): Required<SessionCodec> {
  return jwe({ secrets: [key], ...options }) as Required<SessionCodec>
}

function withoutMeta(data: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(Object.getOwnPropertyDescriptors(data)).filter(([name]) => !META.includes(name))
  return Object.defineProperties({}, Object.fromEntries(entries))
}

function resultOf<Result>(outcome: Outcome<Result>): Result {
  if ('result' in outcome) return outcome.result
  throw new Error(`Python raised ${outcome.raises.error}: ${outcome.raises.message}`)
}
