/** The session class of examples/beaker-jwe: one session goes from Beaker's middleware to Node and back, and is ended on both sides. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { hasApplicationKeys } from '../../src/server/core/own-keys.js'
import { type ContentEncryption, createSessions, defineSession, jwe, type Sessions } from '../../src/server/index.js'
import { key, newKey, strangeKey, type WsgiAnswer } from './beaker-jwt.helpers.js'
import { describeWithPython } from './peer.js'
import { randomData, seed } from './random-data.js'
import { differences, member, normalized, type Tagged, taggedOf, without } from './tagged.js'

const ENCS: ContentEncryption[] = ['A256GCM', 'A256CBC-HS512']
const START = 1_700_000_000
const META = ['_id', '_creation_time', '_accessed_time', '_path', '_domain', '_expires', 'exp', '_writes']

test('the class has less than 80 lines', () => {
  const lines = readFileSync(`${root}examples/beaker-jwe/jwe_session.py`, 'utf8').trimEnd().split('\n')
  expect(lines.length).toBeLessThan(80)
})

interface Side {
  sessions: Sessions<Record<string, unknown>>
  /** Seconds since 1970. */
  at(seconds: number): void
}

function node(enc: ContentEncryption, secrets: readonly string[], payload: 'bson' | 'claims' = 'bson'): Side {
  let now = START
  const sessions = createSessions<Record<string, unknown>>({
    session: defineSession<Record<string, unknown>>({ name: 'shop', idleTimeout: '30m' }),
    codecs: [jwe({ secrets, enc, payload, chunks: false })],
    expose: false,
    clock: () => new Date(now * 1000),
  })
  return {
    sessions,
    at(seconds) {
      now = seconds
    },
  }
}

describeWithPython(
  `Beaker with the class of the example, SEED=${seed}`,
  (peer) => {
    const wsgi = (options: object, cookie?: string, operations: unknown[] = [], now = START): Promise<WsgiAnswer> =>
      peer.call('wsgi', {
        options: { key: 'shop', timeout: { $int: '1800' }, ...options },
        ...(cookie !== undefined && { cookie }),
        operations,
        now,
      })

    test.each(ENCS)('a session goes from Beaker to Node and back, by %s', async (enc) => {
      const options = { jwe_secrets: `${key},${newKey}`, jwe_enc: enc }
      const { sessions, at } = node(enc, [newKey, key])
      const signedIn = await wsgi(options, undefined, [['set', 'user', 'dave'], ['save']])
      const id = member(signedIn.session, '_id')

      // An old secret for Node, which writes the session again.
      at(START + 10)
      const session = await sessions.load(pairOf(signedIn.set_cookie))
      expect(session.data).toEqual({ user: 'dave' })
      expect([session.id, session.createdAt]).toEqual([id, new Date(START * 1000)])
      Object.assign(session.data, { seen: new Date(5), bytes: Uint8Array.of(1, 2), large: 2n ** 60n })
      const fromNode = pairOf(await sessions.commit(session))

      // And an old secret for Python.
      const back = await wsgi(options, fromNode, [['set', 'visits', { $int: '1' }], ['save']], START + 20)
      expect(back.is_new).toBe(false)
      expect(back.corrupt).toBe(false)
      expect(member(back.session, '_id')).toBe(id)
      expect(member(back.session, 'exp')).toBeUndefined()
      const again = await sessions.load(pairOf(back.set_cookie))
      expect(again.data).toEqual({
        user: 'dave',
        seen: new Date(5),
        bytes: Uint8Array.of(1, 2),
        large: 2n ** 60n,
        visits: 1,
      })
      expect([again.id, again.createdAt, again.accessedAt]).toEqual([
        id,
        new Date(START * 1000),
        new Date((START + 20) * 1000),
      ])
    })

    test('random sessions from Node, as both payloads', async () => {
      for (const payload of ['bson', 'claims'] as const) {
        const form = payload === 'bson' ? 'bson' : 'json'
        const { sessions } = node('A256GCM', [key], payload)
        for (const data of randomData(form, 60, seed)) {
          for (const name of META) delete data[name]
          // Without a key of the application there is no session; a number that only JSON holds can't go on as BSON.
          if (!hasApplicationKeys(data) || JSON.stringify(taggedOf(data, form)).match(/"\$int":"-?\d{19,}"/)) continue
          const session = await sessions.load('')
          Object.defineProperties(session.data, Object.getOwnPropertyDescriptors(data))
          const answer = await wsgi({ jwe_secrets: key }, pairOf(await sessions.commit(session)), [['read']])
          expect(answer.corrupt).toBe(false)
          expect(normalized(without(answer.session, META))).toEqual(normalized(taggedOf(data, form)))
          const again = await sessions.load(pairOf(answer.set_cookie))
          expect(differences(without(answer.session, META) as Tagged, again.data)).toEqual([])
        }
      }
    })

    test('it ends for both: idle too long, or past the end that Node wrote', async () => {
      const options = { jwe_secrets: key }
      const { sessions, at } = node('A256GCM', [key])
      const signedIn = pairOf((await wsgi(options, undefined, [['set', 'user', 'dave'], ['save']])).set_cookie)
      at(START + 1801)
      expect((await sessions.load(signedIn)).rejected?.code).toBe('ERR_SESSION_EXPIRED')
      expect(member((await wsgi(options, signedIn, [['read']], START + 1801)).session, 'user')).toBeUndefined()

      at(START)
      const session = await sessions.load('')
      Object.assign(session.data, { user: 'dave' })
      session.remember(new Date((START + 60) * 1000))
      const short = pairOf(await sessions.commit(session))
      expect(member((await wsgi(options, short, [['read']], START + 59)).session, 'user')).toBe('dave')
      expect(member((await wsgi(options, short, [['read']], START + 60)).session, 'user')).toBeUndefined()
    })

    test('what neither made is none: another secret, another cookie, a flipped digit', async () => {
      const { sessions } = node('A256GCM', [key])
      const session = await sessions.load('')
      Object.assign(session.data, { user: 'dave' })
      const value = pairOf(await sessions.commit(session))
      const middle = Math.floor(value.length / 2)
      const flipped = value.slice(0, middle) + (value[middle] === 'A' ? 'B' : 'A') + value.slice(middle + 1)
      for (const [options, cookie] of [
        [{ jwe_secrets: strangeKey }, value],
        [{ jwe_secrets: key, key: 'other' }, value.replace(/^shop/, 'other')],
        [{ jwe_secrets: key, jwe_tenant: 'a' }, value],
        [{ jwe_secrets: key, jwe_enc: 'A256CBC-HS512' }, value],
        [{ jwe_secrets: key }, flipped],
        [{ jwe_secrets: key }, 'shop=x'],
        [{ jwe_secrets: key }, 'shop='],
      ] as const) {
        const answer = await wsgi(options, cookie, [['read']])
        expect([answer.corrupt, member(answer.session, 'user')]).toEqual([true, undefined])
      }
      await expect(wsgi({ jwe_secrets: 'short' }, undefined, [['read']])).rejects.toThrow('32 characters')
    })
  },
  { program: 'jwe_peer.py' },
)

/** The Cookie header that a browser sends after an answer. */
function pairOf(setCookies: readonly string[]): string {
  const [pair = ''] = (setCookies[0] ?? '').trim().split(';')
  return pair
}
