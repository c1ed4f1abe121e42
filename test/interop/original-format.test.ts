/**
 * The lists `[beaker, beakerJwt]` and `[beakerJwt, beaker]` beside beaker-session-jwt with `write_original_format` and
 * `read_original_format`: one configuration for both sides, every phase of leaving Beaker (FORMATS §4.1).
 */
import { describe, expect, test } from 'vitest'
import { createSessions, fromBeakerConfig, type SessionEvent, type Sessions } from '../../src/server/index.js'
import { findPickleObjects } from '../../src/shared/pickle/object.js'
import { cookieHeader, cookieValue, key, type WsgiAnswer } from './beaker-jwt.helpers.js'
import { describeWithPython, type PythonPeer } from './peer.js'
import { seed } from './random-data.js'
import { member, type Tagged, without } from './tagged.js'

const serializers = ['pickle', 'json'] as const
const isJwt = (cookie: string): boolean => cookie.includes('.')
const operations = [['set', 'user', 'dave'], ['set', 'visits', { $float: '1.0', hex: '0x1.0p+0' }], ['save']]

/** One configuration in each phase. */
function phasesOf(
  serializer: 'pickle' | 'json',
): Record<'old' | 'writeOld' | 'writeNew' | 'new', Record<string, unknown>> {
  const common = {
    jwt_secret_keys: key,
    original_format_validate_key: 'the validate key of before',
    original_format_data_serializer: serializer,
    original_format_remove_keys: 'legacy_blob',
  }
  return {
    old: { type: 'cookie', validate_key: 'the validate key of before', data_serializer: serializer },
    writeOld: { ...common, read_original_format: 'true', write_original_format: 'true' },
    writeNew: { ...common, read_original_format: 'true' },
    new: common,
  }
}

function nodeOf(config: Record<string, unknown>, events: SessionEvent[] = []): Sessions {
  return createSessions({ ...fromBeakerConfig(config), expose: true, on: (event) => events.push(event) })
}

describeWithPython('original_format of beaker-session-jwt', (jwt) => {
  describeWithPython(
    'and Beaker',
    (plain) => {
      describe.each(serializers)('as %s', (serializer) => {
        const phases = phasesOf(serializer)
        const pythons: Record<string, PythonPeer> = { old: plain, writeOld: jwt, writeNew: jwt, new: jwt }
        const python = (phase: keyof typeof phases, cookie: string | undefined, todo: unknown[]): Promise<WsgiAnswer> =>
          (pythons[phase] as PythonPeer).call('wsgi', { options: phases[phase], cookie, operations: todo })

        test('a session goes through all phases and both sides', async () => {
          const login = await python('old', undefined, [['read'], ...operations])
          let cookie = cookieValue(login.set_cookie)
          const id = member(login.session, '_id')
          const steps = ['old', 'writeOld', 'old', 'writeNew', 'writeOld', 'writeNew', 'new'] as const
          for (const [count, phase] of steps.entries()) {
            // A phase ends with every server in it; what `old` can't read is never there.
            if (phase === 'old') expect(isJwt(cookie)).toBe(false)
            const session = await nodeOf(phases[phase]).load(cookieHeader(cookie))
            expect([session.id, session.data.user, session.rejected], `${count} ${phase}`).toEqual([
              id,
              'dave',
              undefined,
            ])
            session.data.last = `Node in ${phase}`
            cookie = cookieValue(await nodeOf(phases[phase]).commit(session))
            expect(isJwt(cookie), `${count} ${phase}`).toBe(phase === 'writeNew' || phase === 'new')

            const todo = [['read'], ['set', 'python', phase], ['save']]
            const page = await python(phase, cookieHeader(cookie), todo)
            expect(page).toMatchObject({ is_new: false, corrupt: false })
            expect(member(page.session, 'last')).toBe(`Node in ${phase}`)
            expect(member(page.session, 'visits'), `${count} ${phase}`).toEqual({
              $float: '1.0',
              hex: '0x1.0000000000000p+0',
            })
            cookie = cookieValue(page.set_cookie)
            expect(isJwt(cookie)).toBe(phase === 'writeNew' || phase === 'new')
          }
        })

        test('keys that are removed are gone on both sides', async () => {
          const todo = [['read'], ['set', 'legacy_blob', 'x'.repeat(50)], ...operations]
          const cookie = cookieHeader(cookieValue((await python('old', undefined, todo)).set_cookie))
          expect((await nodeOf(phases.old).load(cookie)).data).toHaveProperty('legacy_blob')
          for (const phase of ['writeOld', 'writeNew'] as const) {
            const session = await nodeOf(phases[phase]).load(cookie)
            expect(Object.keys(session.data)).toEqual(['user', 'visits'])
            const { session: seen } = await python(phase, cookie, [['read']])
            expect(member(seen, 'legacy_blob')).toBeUndefined()
          }
        })
      })

      const precious: [name: string, value: unknown][] = [
        ['a set', { $set: [{ $int: '1' }] }],
        ['a frozenset', { $frozenset: ['x'] }],
        ['a timedelta', { $timedelta: [1, 2, 3] }],
        ['a date', { $date: '2023-11-14' }],
        ['a time', { $time: '22:13:20.000000' }],
        ['a Decimal', { $decimal: '1.10' }],
        ['a UUID', { $uuid: '00000000-0000-0000-0000-000000000005' }],
        [
          'a complex number',
          {
            $complex: [
              { $float: '1.0', hex: '0x1.0000000000000p+0' },
              { $float: '2.0', hex: '0x1.0000000000000p+1' },
            ],
          },
        ],
        ['a bytearray', { $bytearray: 'AAE=' }],
        ['a zone', { $timezone: 3600 }],
        ['a dict with a number as key', { $dict: [[{ $int: '1' }, 'one']] }],
        ['a dict in a tuple with a number as key', { $tuple: [{ $dict: [[{ $int: '1' }, 'one']] }] }],
        ['an integer of more than 64 bits', { $int: String(2n ** 64n) }],
        ['a time before the year 1 in UTC', { $datetime: '0001-01-01T00:00:00.000000', offset_s: 7200 }],
      ]
      const pathOf = (name: string): string => (name.includes('in a tuple') ? 'cart.precious.0' : 'cart.precious')
      test.each(precious)('%s stays in the format that can hold it, and is reported', async (name, value) => {
        const { old, writeNew } = phasesOf('pickle')
        const todo = [['read'], ['set', 'cart', { $dict: [['precious', value]] }], ...operations]
        const login = await plain.call<WsgiAnswer>('wsgi', { options: old, operations: todo })
        const events: SessionEvent[] = []
        const sessions = nodeOf(writeNew, events)
        const before = cookieHeader(cookieValue(login.set_cookie))
        // pymongo has no type for it either: a Python worker of this phase empties the session.
        expect((await jwt.call<WsgiAnswer>('wsgi', { options: writeNew, cookie: before })).corrupt).toBe(true)
        const session = await sessions.load(before)
        // It is not the first codec that read it, but there is nothing else to write.
        expect(await sessions.commit(session)).toEqual([])
        expect(events.at(-1)).toMatchObject({ type: 'kept', code: 'ERR_SESSION_UNWRITABLE', path: pathOf(name) })
        session.data.user = 'eve'
        const cookie = cookieValue(await sessions.commit(session))
        expect(isJwt(cookie)).toBe(false)
        const page = await plain.call<WsgiAnswer>('wsgi', {
          options: old,
          cookie: cookieHeader(cookie),
          operations: [['read']],
        })
        expect(page.corrupt).toBe(false)
        expect(member(page.session, 'user')).toBe('eve')
        expect(member(page.session, 'cart')).toEqual({ $dict: [['precious', value]] } as Tagged)
        expect(member(page.session, '_id')).toBe(member(login.session, '_id'))
      })

      const changing: [name: string, value: unknown][] = [
        ['a tuple', { $tuple: [{ $int: '1' }, { $float: '2.0', hex: '0x1.0p+1' }, { $tuple: ['x', { $tuple: [] }] }] }],
        [
          'an OrderedDict',
          {
            $odict: [
              ['b', { $int: '1' }],
              ['2', null],
              ['1', { $tuple: [true] }],
            ],
          },
        ],
        [
          'a defaultdict',
          {
            $defaultdict: [
              ['b', { $int: '1' }],
              ['a', { $odict: [] }],
            ],
            factory: 'int',
          },
        ],
        ['a time with a zone', { $datetime: '2023-11-14T22:13:20.123999', offset_s: 7200 }],
        ['a time with a zone of microseconds', { $datetime: '2023-11-14T22:13:20.000950', offset_s: 1.0009 }],
        ['a time with a zone, before 1970', { $datetime: '1960-01-02T03:04:05.678999', offset_s: -19_800 }],
        ['a time without a zone, before 1970', { $datetime: '1960-01-02T03:04:05.678999' }],
        ['the first time in UTC', { $datetime: '0001-01-01T02:00:00.000000', offset_s: 7200 }],
        ['the last time in UTC', { $datetime: '9999-12-31T23:59:59.999999', offset_s: 0 }],
      ]
      test.each(changing)('%s becomes in Node what it becomes in Python', async (_, value) => {
        const { old, writeNew } = phasesOf('pickle')
        const todo = [['read'], ['set', 'cart', { $dict: [['value', [value]]] }], ['set', 'top', value], ...operations]
        const login = await plain.call<WsgiAnswer>('wsgi', { options: old, operations: todo })
        const original = cookieHeader(cookieValue(login.set_cookie))
        const events: SessionEvent[] = []
        const sessions = nodeOf(writeNew, events)
        const ours = cookieValue(await sessions.commit(await sessions.load(original)))
        expect(events.map(({ type }) => type)).toEqual(['read', 'upgraded', 'committed'])
        const python = await jwt.call<WsgiAnswer>('wsgi', {
          options: writeNew,
          cookie: original,
          operations: [['read']],
        })
        expect(python.corrupt).toBe(false)
        const [fromNode, fromPython] = await Promise.all(
          [ours, cookieValue(python.set_cookie)].map(async (cookie) => {
            expect(isJwt(cookie)).toBe(true)
            const request = { options: writeNew, cookie: cookieHeader(cookie), operations: [['read']] }
            const { session, corrupt } = await jwt.call<WsgiAnswer>('wsgi', request)
            expect(corrupt).toBe(false)
            return ['cart', 'top', 'user', 'visits', '_id', '_creation_time'].map((key) => member(session, key))
          }),
        )
        expect(fromNode).toEqual(fromPython)
        expect(fromPython?.[1]).not.toEqual(value)
      })

      test(`random sessions become in Node what they become in Python, or stay, SEED=${seed}`, async () => {
        const { old, writeNew, writeOld } = phasesOf('pickle')
        const { validate_key } = old
        // Short ones: of many keys one is nearly always of a type that stays.
        const saved = await plain.call<{ cookie: string }[]>('random_cookies', {
          seed,
          count: 300,
          options: { validate_key },
          longest: 420,
        })
        const request = (cookie: string): Record<string, unknown> => {
          return { options: writeNew, cookie: cookieHeader(cookie), operations: [['read']] }
        }
        const upgraded = await jwt.batch<WsgiAnswer>(
          'wsgi',
          saved.map(({ cookie }) => request(cookie)),
        )
        const pairs: string[] = []
        const written: number[] = []
        let kept = 0
        for (const [index, { cookie }] of saved.entries()) {
          const python = upgraded[index] as (typeof upgraded)[number]
          const refuses = 'raises' in python || python.result.corrupt
          const events: SessionEvent[] = []
          const sessions = nodeOf(writeNew, events)
          const session = await sessions.load(cookieHeader(cookie))
          const setCookies = await sessions.commit(session)
          // Its last access may be told in the old format, too.
          if (setCookies.length > 0 && isJwt(cookieValue(setCookies))) {
            expect(refuses, `session ${index}: ${cookie}`).toBe(false)
            written.push(index)
            pairs.push(cookieValue(setCookies), cookieValue((python as { result: WsgiAnswer }).result.set_cookie))
            continue
          }
          kept++
          expect(events.find(({ type }) => type === 'kept')).toHaveProperty('path')
          // Of classes that only Python knows it makes what they derive from.
          if (!refuses) expect(findPickleObjects(session.data), `session ${index}: ${cookie}`).not.toEqual([])
        }
        expect(Math.min(kept, pairs.length / 2)).toBeGreaterThan(20)
        const seen = await jwt.batch<WsgiAnswer>('wsgi', pairs.map(request))
        const sessionsSeen = seen.map((outcome) =>
          'result' in outcome && !outcome.result.corrupt
            ? without(outcome.result.session, ['_accessed_time'])
            : outcome,
        )
        for (let at = 0; at < pairs.length; at += 2) expect(sessionsSeen[at], pairs[at]).toEqual(sessionsSeen[at + 1])

        // And back again, as a fleet does while it is mixed: what BSON has the type for is as it was.
        const back: Record<string, unknown>[] = []
        for (const [place, at] of written.entries()) {
          const sessions = nodeOf(writeOld)
          const session = await sessions.load(cookieHeader(pairs[2 * place] as string))
          const cookie = cookieValue(await sessions.commit(session))
          expect(isJwt(cookie)).toBe(false)
          for (const one of [cookie, saved[at]?.cookie]) back.push({ cookie: one, options: { validate_key } })
        }
        const values = (await plain.batch<Tagged>('decode', back)).map((outcome) =>
          'result' in outcome ? without(asBson(outcome.result), ['_accessed_time', '_domain', '_path']) : outcome,
        )
        for (let at = 0; at < values.length; at += 2) expect(values[at], pairs[at]).toEqual(values[at + 1])
      })

      test('a key that is not text stays, though no session shows it', async () => {
        const { old, writeNew } = phasesOf('pickle')
        const value = await plain.call<string>('encode', {
          session: {
            $dict: [
              ['_id', 'x'.repeat(32)],
              [{ $int: '7' }, 'seven'],
              ['user', 'dave'],
            ],
          },
          options: { validate_key: old.validate_key },
        })
        const events: SessionEvent[] = []
        const sessions = nodeOf(writeNew, events)
        const session = await sessions.load(cookieHeader(value))
        expect(session.data).toEqual({ user: 'dave' })
        session.data.user = 'eve'
        const cookie = cookieValue(await sessions.commit(session))
        expect(events.map(({ type }) => type)).toContain('kept')
        const seen = await plain.call<Tagged>('decode', { cookie, options: { validate_key: old.validate_key } })
        const pairs = (seen as { $dict: unknown[] }).$dict
        expect(pairs).toContainEqual([{ $int: '7' }, 'seven'])
        expect(pairs).toContainEqual(['user', 'eve'])
      })

      test('what BSON has, and JavaScript has no number for, comes back from a JWT as it was', async () => {
        const { old, writeNew, writeOld } = phasesOf('pickle')
        const values: [string, Tagged][] = [
          ['one', { $float: '1.0', hex: '0x1.0000000000000p+0' }],
          ['large', { $int: String(2n ** 60n) }],
          ['bytes', { $bytes: 'AP8=' }],
          ['when', { $datetime: '2023-11-14T22:13:20.123000' }],
          ['deep', { $dict: [['list', [{ $float: '2.0', hex: '0x1.0000000000000p+1' }, null, true]]] }],
        ]
        const todo = [['read'], ...values.map(([name, value]) => ['set', name, value]), ['save']]
        let cookie = cookieValue((await plain.call<WsgiAnswer>('wsgi', { options: old, operations: todo })).set_cookie)
        for (const config of [writeNew, writeOld]) {
          const sessions = nodeOf(config)
          cookie = cookieValue(await sessions.commit(await sessions.load(cookieHeader(cookie))))
          expect(isJwt(cookie)).toBe(config === writeNew)
        }
        const page = await plain.call<WsgiAnswer>('wsgi', {
          options: old,
          cookie: cookieHeader(cookie),
          operations: [['read']],
        })
        for (const [name, value] of values) expect(member(page.session, name), name).toEqual(value)
      })
    },
    { program: 'beaker_peer.py' },
  )
})

/** A value as BSON has it: lists, dicts in their order, UTC in milliseconds. */
function asBson(tagged: Tagged): Tagged {
  if (typeof tagged !== 'object' || tagged === null) return tagged
  if (Array.isArray(tagged)) return tagged.map(asBson)
  if ('$tuple' in tagged) return asBson(tagged.$tuple as Tagged)
  const pairs = (tagged.$dict ?? tagged.$odict ?? tagged.$defaultdict) as [Tagged, Tagged][] | undefined
  if (pairs) return { $dict: pairs.map(([key, value]) => [key, asBson(value)]) }
  if (!('$datetime' in tagged)) return tagged
  const { $datetime, offset_s = 0 } = tagged as { $datetime: string; offset_s?: number }
  // In two parts: all microseconds since 1970 are no safe integer in every year.
  const seconds = Date.parse(`${$datetime.slice(0, 19)}Z`)
  const below = Math.floor((Number($datetime.slice(20)) - Math.round(offset_s * 1e6)) / 1000)
  return { $datetime: `${new Date(seconds + below).toISOString().slice(0, -1)}000` }
}
