/** The tools of the interop tests themselves: the peer outlives mistakes, and the judge of types sees every difference. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  cookieHeader,
  cookieValue,
  key,
  pythonOptions,
  type SavedSession,
  type WsgiAnswer,
} from './beaker-jwt.helpers.js'
import { describeWithPython } from './peer.js'
import { seed } from './random-data.js'
import { differences, member, type Tagged, without } from './tagged.js'

const options = pythonOptions()
const int = (value: number | bigint): Tagged => ({ $int: String(value) })
const float = (repr: string, hex: string): Tagged => ({ $float: repr, hex })
const [one, two] = [float('1.0', '0x1.0000000000000p+0'), float('2.0', '0x1.0000000000000p+1')]
const int64 = (value: number): Tagged => ({ $bson: 'Int64', value: String(value) })

/** One value of each kind that bsZ holds, as Python reads it back. */
const kinds: Tagged[] = [
  null,
  true,
  false,
  '',
  'ключ\0',
  int(1),
  int(-(2 ** 31)),
  int64(1),
  { $bson: 'Int64', value: '9223372036854775807' },
  one,
  float('-0.0', '-0x0.0p+0'),
  float('0.0', '0x0.0p+0'),
  { $float: 'nan', hex: 'nan' },
  { $datetime: '2023-01-01T00:00:00.123000' },
  { $bytes: 'AAH/' },
  { $bson: 'Binary', subtype: 4, base64: 'AAAAAAAAAAAAAAAAAAAAAA==' },
  { $bson: 'ObjectId', hex: '0123456789abcdef01234567' },
  { $bson: 'Decimal128', value: '1.10', bid: 'bgAAAAAAAAAAAAAAAAA8MA==' },
  { $bson: 'Decimal128', value: '1.1', bid: 'CwAAAAAAAAAAAAAAAAA+MA==' },
  { $bson: 'Regex', pattern: '^a', flags: 34 },
  { $bson: 'Timestamp', time: 1, increment: 2 },
  { $bson: 'Code', code: 'f()' },
  { $bson: 'Code', code: 'f()', scope: { $dict: [['x', int(1)]] } },
  { $bson: 'MinKey' },
  { $bson: 'MaxKey' },
  {
    $bson: 'DBRef',
    document: {
      $dict: [
        ['$ref', 'c'],
        ['$id', int(1)],
      ],
    },
  },
  [],
  [int(1)],
  { $dict: [] },
  {
    $dict: [
      ['a', int(1)],
      ['b', int(2)],
    ],
  },
  {
    $dict: [
      ['b', int(2)],
      ['a', int(1)],
    ],
  },
]

describeWithPython(`the Python peer, SEED=${seed}`, (peer) => {
  const cookieOf = (value: Tagged): Promise<string> =>
    peer.call('encode', { session: { $dict: [['k', value]] }, options })

  test('has the pinned versions', async () => {
    const pinned = readFileSync(new URL('requirements.txt', import.meta.url), 'utf8')
    const versions = await peer.call<Record<string, string>>('versions')
    for (const name of ['Beaker', 'beaker-session-jwt', 'joserfc', 'PyJWT', 'pymongo']) {
      expect(pinned).toContain(`\n${name}==${versions[name]}\n`)
    }
  })

  test('answers mistakes with what Python raised, and goes on', async () => {
    await expect(peer.call('no such operation')).rejects.toMatchObject({ name: 'KeyError' })
    await expect(peer.call('decode', { cookie: 1 })).rejects.toMatchObject({ name: 'TypeError' })
    await expect(
      peer.call('encode', { session: { $dict: [['d', { $date: '2023-01-01' }]] }, options }),
    ).rejects.toMatchObject({ name: 'InvalidDocument' })
    expect(await peer.batch('versions', [{ surplus: 1 }, {}])).toMatchObject([
      { raises: { error: 'TypeError' } },
      { result: {} },
    ])
  })

  test('tagged values come back through a cookie as they went in', async () => {
    for (const value of kinds) {
      const back = await peer.call<Tagged>('decode', { cookie: await cookieOf(value), options })
      expect(member(back, 'k')).toEqual(value)
    }
  })

  test('the judge tells every pair of kinds apart, and none from itself', async () => {
    const cookies = await Promise.all(kinds.map((value) => cookieOf({ $dict: [['deep', [value]]] })))
    const pairs = cookies.flatMap((a, i) => cookies.map((b, j) => ({ a, b, same: i === j })))
    const outcomes = await peer.batch(
      'compare',
      pairs.map(({ a, b }) => ({ a, b, options })),
    )
    const wrong = outcomes.filter((outcome, index) => {
      const isSame = 'result' in outcome && (outcome.result as unknown[]).length === 0
      return isSame !== pairs[index]?.same
    })
    expect(wrong).toEqual([])
  })

  test('the judge names the places', async () => {
    const left: Tagged = {
      $dict: [
        ['a', { $dict: [['x', [int(1), int(2)]]] }],
        ['gone', null],
        ['same', int(1)],
      ],
    }
    const right: Tagged = {
      $dict: [
        ['a', { $dict: [['x', [int(1), two]]] }],
        ['new', null],
        ['same', int(1)],
      ],
    }
    const [a, b] = await Promise.all([left, right].map((session) => peer.call('encode', { session, options })))
    expect(await peer.call('compare', { a, b, options })).toEqual([['gone'], ['new'], ['a', 'x', 1]])
    expect(await peer.call('compare', { a, b, options, ignore: ['a', 'new'] })).toEqual([['gone']])
  })

  test('random sessions come from their seed, and hold every kind', async () => {
    const args = { seed, count: 300, options, special_floats: true }
    for (const codec of ['bson', 'json']) {
      const saved = await peer.call<SavedSession[]>('random_sessions', { ...args, codec })
      const again = await peer.call<SavedSession[]>('random_sessions', { ...args, codec })
      const data = saved.map(({ session }) => without(session, ['_id', '_creation_time', '_accessed_time']))
      expect(again.map(({ session }) => without(session, ['_id', '_creation_time', '_accessed_time']))).toEqual(data)
      const text = JSON.stringify(data)
      const bson = ['ObjectId', 'Decimal128', 'Binary', 'Regex', 'Timestamp', 'Code', 'MinKey', 'MaxKey', 'Int64']
      const tags = codec === 'bson' ? [...bson, '$bytes', '$datetime'] : []
      for (const part of [...tags, '$int', '$float', '$dict', '__proto__', '"7"', '🗝️']) expect(text).toContain(part)
      expect(text).not.toContain('$repr')
      expect(Math.max(...saved.map(({ cookie }) => cookie.length))).toBeLessThanOrEqual(3600)
    }
  })

  test('a frozen clock stands still in one request and runs in the next', async () => {
    const now = 1_700_000_000.25
    const operations = [['set', 'a', int(1)], ['save']]
    const frozen = await peer.call<WsgiAnswer>('wsgi', { options, operations, now })
    expect(member(frozen.session, '_creation_time')).toMatchObject({ $float: '1700000000.25' })
    const running = await peer.call<WsgiAnswer>('wsgi', { options, operations })
    expect(member(running.session, '_creation_time')).not.toMatchObject({ $float: '1700000000.25' })
    const cookie = cookieHeader(cookieValue(frozen.set_cookie))
    const deleted = await peer.call<WsgiAnswer>('wsgi', { options, cookie, operations: [['delete']], now })
    expect(deleted.set_cookie[0]).toContain('; expires=Mon, 14-Nov-2022 22:13:20 GMT')
  })

  test('PyJWT signs and verifies', async () => {
    const payload: Tagged = {
      $dict: [
        ['a', int(1)],
        ['b', one],
      ],
    }
    const token = await peer.call<string>('jwt_encode', { payload, key, headers: { kid: 'k1' } })
    expect(await peer.call('jwt_decode', { token, key })).toEqual({
      $dict: [
        ['a', int(1)],
        ['b', one],
      ],
    })
    await expect(peer.call('jwt_decode', { token: `${token}x`, key })).rejects.toThrow()
  })
})

describe('differences', () => {
  test('sees what is not the same', () => {
    const date = new Date('2023-01-01T00:00:00.123Z')
    const pairs: [Tagged, unknown, unknown][] = [
      [int(1), 1, 2],
      [int(1), 1, '1'],
      [int(2n ** 53n + 1n), 2n ** 53n + 1n, 2 ** 53],
      [float('-0.0', '-0x0.0p+0'), -0, 0],
      [{ $float: 'nan', hex: 'nan' }, Number.NaN, null],
      [{ $float: '-inf', hex: '-inf' }, -Infinity, Infinity],
      ['a', 'a', 'b'],
      [null, null, undefined],
      [{ $datetime: '2023-01-01T00:00:00.123999' }, date, new Date(0)],
      [{ $bytes: 'AAH/' }, Uint8Array.of(0, 1, 255), Uint8Array.of(0, 1)],
      [[int(1)], [1], [1, 2]],
      [{ $dict: [['a', int(1)]] }, { a: 1 }, { a: 1, b: 2 }],
      [{ $dict: [['a', int(1)]] }, { a: 1 }, {}],
      [{ $dict: [['__proto__', int(1)]] }, JSON.parse('{"__proto__":1}'), Object.create({ ['__proto__']: 1 })],
    ]
    for (const [tagged, same, other] of pairs) {
      expect(differences(tagged, same)).toEqual([])
      expect(differences(tagged, other)).toHaveLength(1)
    }
  })
})
