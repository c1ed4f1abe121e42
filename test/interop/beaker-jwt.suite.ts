/**
 * Sessions between Node and the real beaker-session-jwt, both directions and both payload forms (FORMATS §4): one suite
 * for each side of `#platform`.
 */
import { Binary, BSONRegExp, Code, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp } from 'bson'
import { expect, test } from 'vitest'
import { platform } from '#platform'
import { isSessionError } from '../../src/shared/errors.js'
import {
  cookieHeader,
  cookieValue,
  key,
  metaKeys,
  newKey,
  pythonOptions,
  type SavedSession,
  strangeKey,
  type WsgiAnswer,
} from './beaker-jwt.helpers.js'
import { nodeSessions } from './node-sessions.js'
import { describeWithPython } from './peer.js'
import { changeOneThing, createRandom, type PayloadForm, randomData, seed } from './random-data.js'
import { differences, member, normalized, numberOf, type Tagged, taggedOf, without } from './tagged.js'

const forms: PayloadForm[] = ['bson', 'json']
const accessed = '_accessed_time'

/** @param count - of random sessions in each test of them */
export function beakerJwtSuite(count: number): void {
  describeWithPython(`beaker-session-jwt and ${platform.name}, SEED=${seed}`, (peer) => {
    function savedSessions(form: PayloadForm, size: number, more: object = {}): Promise<SavedSession[]> {
      const options = pythonOptions()
      return peer.call('random_sessions', { seed, count: size, codec: form, options, special_floats: true, ...more })
    }

    test.each(forms)('Node reads what Python saved, as %s', async (form) => {
      const saved = await savedSessions(form, count)
      // the form a deployment writes is not the form it reads
      const sessions = nodeSessions({ form: other(form) })
      const wrong = []
      for (const [index, { cookie, session: expected }] of saved.entries()) {
        const session = await sessions.load(cookieHeader(cookie))
        wrong.push(...differences(without(expected, metaKeys), session.data).map((line) => `session ${index}: ${line}`))
        expect(session.rejected, `session ${index}`).toBeUndefined()
        expect(session.isNew).toBe(false)
        expect(session.id).toBe(member(expected, '_id'))
        // a Date has no microseconds
        expect(Math.abs(session.createdAt.getTime() - milliseconds(expected, '_creation_time'))).toBeLessThan(1)
        expect(Math.abs(session.accessedAt.getTime() - milliseconds(expected, accessed))).toBeLessThan(1)
      }
      expect(wrong).toEqual([])
      expect(saved).toHaveLength(count)
    })

    test.each(forms)('Python reads what Node saved, as %s', async (form) => {
      const sessions = nodeSessions({ form })
      const requests = []
      const expected = []
      for (const data of randomData(form, count, seed)) {
        const session = await sessions.load('')
        Object.defineProperties(session.data, Object.getOwnPropertyDescriptors(data))
        session.data.always = 'there'
        const cookie = await cookieFrom(sessions.commit(session))
        // random data may be larger than any cookie
        if (cookie === undefined) continue
        requests.push({ options: pythonOptions({ form }), cookie: cookieHeader(cookie), operations: [['read']] })
        expected.push({ id: session.id, data: normalized(taggedOf({ ...data, always: 'there' }, form)) })
      }
      expect(requests.length).toBeGreaterThan(count * 0.8)
      const seen = (await peer.batch<WsgiAnswer>('wsgi', requests)).map((outcome) => {
        if (!('result' in outcome)) return outcome
        const { session, corrupt } = outcome.result
        return corrupt ? 'corrupt' : { id: member(session, '_id'), data: normalized(without(session, metaKeys)) }
      })
      expect(seen).toEqual(expected)
    })

    test('Python reads the special values of the bson package', async () => {
      const session = await nodeSessions().load('')
      Object.assign(session.data, {
        id: new ObjectId('0123456789abcdef01234567'),
        price: Decimal128.fromString('1.10'),
        uuid: new Binary(new Uint8Array(16), Binary.SUBTYPE_UUID),
        old: new Binary(Uint8Array.of(1, 2), 2),
        long: Long.fromNumber(1),
        whole: new Double(1),
        small: new Int32(1),
        stamp: new Timestamp({ t: 4_000_000_000, i: 7 }),
        pattern: new BSONRegExp('^a', 'imsx'),
        code: new Code('f(x)', { x: 1 }),
        least: new MinKey(),
        most: new MaxKey(),
        nothing: undefined,
      })
      const cookie = cookieValue(await nodeSessions().commit(session))
      const seen = await peer.call<Tagged>('decode', { cookie, options: pythonOptions() })
      expect(without(seen, metaKeys)).toEqual({
        $dict: [
          ['id', { $bson: 'ObjectId', hex: '0123456789abcdef01234567' }],
          ['price', { $bson: 'Decimal128', value: '1.10', bid: 'bgAAAAAAAAAAAAAAAAA8MA==' }],
          ['uuid', { $bson: 'Binary', subtype: 4, base64: 'AAAAAAAAAAAAAAAAAAAAAA==' }],
          ['old', { $bson: 'Binary', subtype: 2, base64: 'AQI=' }],
          ['long', { $bson: 'Int64', value: '1' }],
          ['whole', { $float: '1.0', hex: '0x1.0000000000000p+0' }],
          ['small', { $int: '1' }],
          ['stamp', { $bson: 'Timestamp', time: 4_000_000_000, increment: 7 }],
          ['pattern', { $bson: 'Regex', pattern: '^a', flags: 2 | 8 | 16 | 64 }],
          ['code', { $bson: 'Code', code: 'f(x)', scope: { $dict: [['x', { $int: '1' }]] } }],
          ['least', { $bson: 'MinKey' }],
          ['most', { $bson: 'MaxKey' }],
        ],
      })
    })

    test.each(forms)('one thing changed in Node, all the rest as Python had it, as %s', async (form) => {
      const random = createRandom(seed)
      const saved = await savedSessions(form, count)
      const sessions = nodeSessions({ form })
      const comparisons = []
      const changes = []
      for (const { cookie } of saved) {
        const session = await sessions.load(cookieHeader(cookie))
        const change = changeOneThing(session.data, random)
        const changed = cookieValue(await sessions.commit(session))
        comparisons.push({ a: cookie, b: changed, options: pythonOptions(), ignore: [accessed] })
        changes.push({ result: [change] })
      }
      expect(await peer.batch('compare', comparisons)).toEqual(changes)
      expect(changes).toHaveLength(count)
    })

    test.each(forms)('a second change and commit in one request keeps the types too, as %s', async (form) => {
      const saved = await savedSessions(form, count / 5)
      const sessions = nodeSessions({ form })
      const comparisons = []
      for (const { cookie } of saved) {
        const session = await sessions.load(cookieHeader(cookie))
        session.data = { ...session.data, 'added first': 1 }
        await sessions.commit(session)
        session.data['added later'] = 2
        const changed = cookieValue(await sessions.commit(session))
        comparisons.push({ a: cookie, b: changed, options: pythonOptions(), ignore: [accessed] })
      }
      const expected = comparisons.map(() => ({ result: [['added first'], ['added later']] }))
      expect(await peer.batch('compare', comparisons)).toEqual(expected)
    })

    test.each(forms)('Node writes the other form: values and types stay, from %s', async (form) => {
      const saved = await savedSessions(form, count, { values: 'common', longest: 1500 })
      const sessions = nodeSessions({ form: other(form) })
      const comparisons = []
      for (const { cookie } of saved) {
        const session = await sessions.load(cookieHeader(cookie))
        session.data['changed by Node'] = true
        const changed = await cookieFrom(sessions.commit(session))
        const options = pythonOptions()
        // without compression some are too large
        if (changed) comparisons.push({ a: cookie, b: changed, options, ignore: [accessed], int64_as_int: true })
      }
      expect(comparisons.length).toBeGreaterThan(count * 0.8)
      const expected = comparisons.map(() => ({ result: [['changed by Node']] }))
      expect(await peer.batch('compare', comparisons)).toEqual(expected)
    })

    test.each(forms)('what the other form can not hold is refused, from %s', async (form) => {
      const saved = await savedSessions(form, count)
      const sessions = nodeSessions({ form: other(form) })
      const codes = new Set()
      for (const { cookie } of saved) {
        const session = await sessions.load(cookieHeader(cookie))
        session.data['changed by Node'] = true
        await sessions.commit(session).catch((error) => codes.add(error.code ?? String(error)))
      }
      expect([...codes].filter((code) => code !== 'ERR_SESSION_TOO_LARGE')).toEqual(['ERR_SESSION_UNWRITABLE'])
    })

    test('a session goes back and forth over WSGI with its id and creation time', async () => {
      const options = pythonOptions()
      const sessions = nodeSessions()
      const login = await peer.call<WsgiAnswer>('wsgi', { options, operations: [['set', 'user', 'dave'], ['save']] })
      const session = await sessions.load(cookieHeader(cookieValue(login.set_cookie)))
      expect(session.data).toEqual({ user: 'dave' })

      session.data.cart = [{ sku: 'A1', count: 2 }]
      const cookie = cookieHeader(cookieValue(await sessions.commit(session)))
      const page = await peer.call<WsgiAnswer>('wsgi', { options, cookie, operations: [['remove', 'user'], ['save']] })
      expect(page).toMatchObject({ is_new: false, corrupt: false })
      for (const name of ['_id', '_creation_time']) {
        expect(member(page.session, name)).toEqual(member(login.session, name))
      }
      const back = await sessions.load(cookieHeader(cookieValue(page.set_cookie)))
      expect(back.data).toEqual({ cart: [{ sku: 'A1', count: 2 }] })
      expect(back.id).toBe(session.id)

      const out = cookieHeader(cookieValue(page.set_cookie))
      const logout = await peer.call<WsgiAnswer>('wsgi', {
        options,
        cookie: out,
        operations: [['invalidate'], ['save']],
      })
      const empty = await sessions.load(cookieHeader(cookieValue(logout.set_cookie)))
      expect(empty.data).toEqual({})
      expect(empty.id).not.toBe(session.id)
    })

    test.each(forms)('keys are rotated while sessions live, as %s', async (form) => {
      const [before] = (await savedSessions(form, 1)) as [SavedSession]
      const rotated = nodeSessions({ secrets: [newKey, key], form })
      const both = pythonOptions({ secrets: [newKey, key], form })

      const session = await rotated.load(cookieHeader(before.cookie))
      expect(session.keyIndex).toBe(1)
      // nothing was changed: the older key alone is reason enough to write
      const upgraded = cookieValue(await rotated.commit(session))
      const same = { a: before.cookie, b: upgraded, options: both, ignore: [accessed] }
      expect(await peer.call('compare', same)).toEqual([])
      expect((await rotated.load(cookieHeader(upgraded))).keyIndex).toBe(0)

      const onlyNew = pythonOptions({ secrets: [newKey], form })
      await expect(peer.call('decode', { cookie: before.cookie, options: onlyNew })).rejects.toThrow('bad_signature')
      const retired = { options: onlyNew, cookie: cookieHeader(upgraded), operations: [['read']] }
      const answer = await peer.call<WsgiAnswer>('wsgi', retired)
      expect(answer.corrupt).toBe(false)
      expect((await nodeSessions({ secrets: [newKey], form }).load(cookieHeader(before.cookie))).isNew).toBe(true)
      const again = await nodeSessions({ secrets: [newKey], form }).load(cookieHeader(cookieValue(answer.set_cookie)))
      expect(again.id).toBe(session.id)
    })

    test('each of several keys verifies, and none but those', async () => {
      const secrets = [newKey, 'short', 'schlüssel-mit-umlaut', key]
      const sessions = nodeSessions({ secrets })
      for (const [index, secret] of secrets.entries()) {
        const [{ cookie }] = (await savedSessions('bson', 1, { options: pythonOptions({ secrets: [secret] }) })) as [
          SavedSession,
        ]
        expect((await sessions.load(cookieHeader(cookie))).keyIndex).toBe(index)
      }
      const saved = await savedSessions('bson', 20, { options: pythonOptions({ secrets: [strangeKey] }) })
      for (const { cookie } of saved) {
        const session = await sessions.load(cookieHeader(cookie))
        expect(session.rejected?.code).toBe('ERR_SESSION_SIGNATURE')
        expect(session.isNew).toBe(true)
        expect(session.data).toEqual({})
      }
      const decoded = await peer.batch(
        'decode',
        saved.map(({ cookie }) => ({ cookie, options: pythonOptions({ secrets }) })),
      )
      expect(decoded.filter((outcome) => 'result' in outcome)).toEqual([])
    })

    test.each([0, 0.25, 9.75, 10, 10.25, 11])(
      'an idle timeout of 10 s after %f s: both say the same',
      async (elapsed) => {
        const start = 1_700_000_000.25
        const now = start + elapsed
        const options = pythonOptions({ idleTimeout: 10 })
        const operations = [['set', 'user', 'dave'], ['save']]
        const login = await peer.call<WsgiAnswer>('wsgi', { options, operations, now: start })
        const cookie = cookieHeader(cookieValue(login.set_cookie))
        const python = await peer.call<WsgiAnswer>('wsgi', { options, cookie, operations: [['read']], now })
        const session = await nodeSessions({ idleTimeout: 10, now: () => now }).load(cookie)
        expect(session.data.user).toBe(elapsed > 10 ? undefined : 'dave')
        expect(member(python.session, 'user')).toBe(session.data.user)
        expect(session.rejected?.code).toBe(elapsed > 10 ? 'ERR_SESSION_EXPIRED' : undefined)
      },
    )

    test('neighbours of the cookie change nothing on either side', async () => {
      const [{ cookie, session: saved }] = (await savedSessions('bson', 1)) as [SavedSession]
      const own = cookieHeader(cookie)
      const headers = [
        `a=1; ${own}; b=2`,
        `${own};`,
        `;;; ${own}`,
        `foo={"a":1}; ${own}`,
        `a=x y; ${own}`,
        `foo[1]=b; ${own}`,
        `=x; ${own}`,
        `bare; ${own}`,
        `path=/; expires=never; ${own}`,
        `${own}; a="unclosed`,
        `beaker.session.id2=x; ${own}; xbeaker.session.id=y`,
        `a=1;${own};b=2`,
        cookieHeader(`"${cookie}"`),
        // the last one counts
        `${cookieHeader('garbage')}; ${own}`,
      ]
      const sessions = nodeSessions()
      for (const header of headers) expect((await sessions.load(header)).id, header).toBe(member(saved, '_id'))
      const requests = headers.map((header) => ({ options: pythonOptions(), cookie: header, operations: [['read']] }))
      const seen = await peer.batch<WsgiAnswer>('wsgi', requests)
      const ids = seen.map((outcome) => ('result' in outcome ? member(outcome.result.session, '_id') : outcome))
      expect(ids).toEqual(headers.map(() => member(saved, '_id')))
    })
  })
}

function other(form: PayloadForm): PayloadForm {
  return form === 'bson' ? 'json' : 'bson'
}

/** The cookie of a commit; `undefined` where the session does not fit into one, or into its form. */
async function cookieFrom(commit: Promise<string[]>): Promise<string | undefined> {
  try {
    return cookieValue(await commit)
  } catch (error) {
    if (isSessionError(error) && /TOO_LARGE|UNWRITABLE/.test(error.code)) return undefined
    throw error
  }
}

/** A time of Beaker, which is float seconds. */
function milliseconds(session: Tagged, name: string): number {
  return numberOf(member(session, name)) * 1000
}
