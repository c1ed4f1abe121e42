import { Buffer } from 'node:buffer'
import { describe, expect, test } from 'vitest'
import { writePickle } from '../../../src/server/pickle/writer.js'
import { PickleObject } from '../../../src/shared/pickle/object.js'
import { MAX_PICKLE_DEPTH } from '../../../src/shared/pickle/opcodes.js'
import { readPickle } from '../../../src/shared/pickle/reader.js'
import {
  PythonComplex,
  PythonDate,
  PythonDecimal,
  PythonTime,
  PythonTimedelta,
  PythonTimezone,
  PythonUuid,
} from '../../../src/shared/pickle/values.js'
import type { OriginNode, SessionData } from '../../../src/shared/types.js'
import { type Assembly, assemble, text } from '../../shared/pickle/assemble.js'
import { taggedNode } from '../../shared/pickle/tagged-node.js'
import { pickleVectors } from '../../shared/pickle/vectors.js'

/** Any value at the top, as the vectors have them; a session is only ever a dict. */
function write(value: unknown, options?: Parameters<typeof writePickle>[1]): Uint8Array {
  return writePickle(value as SessionData, options)
}

function tagged(value: unknown, options?: Parameters<typeof writePickle>[1]): unknown {
  return taggedNode(readPickle(write(value, options), { encoding: 'latin1' }).root)
}

/** Reads, changes, writes, and tags what a reader sees then. */
function changed(parts: Assembly[], change: (data: Record<string, unknown>) => void, python2 = false): unknown {
  const { value, origin } = readPickle(assemble(...parts), { encoding: 'latin1' })
  change(value as Record<string, unknown>)
  return tagged(value, { origin, python2 })
}

describe('what was read', () => {
  const vectors = pickleVectors('pickle_py3')
  const protocol2 = new Map(vectors.filter(({ form }) => form === 'p2').map(({ name, pickle }) => [name, pickle]))
  // Protocols 0 and 1 make instances by another call, 4 and 5 keep the fold of a datetime, which 2 can hold but
  // Python does not write.
  const comparable = vectors.filter(
    ({ name, form }) =>
      protocol2.has(name) &&
      !(/^p[01]$/.test(form) && /instance|namedtuple|subclass|UUID/.test(name)) &&
      !(/^p[45]$/.test(form) && /fold/.test(name)),
  )

  test.each(comparable)('$name of $form is written with the bytes of Python', ({ name, pickle }) => {
    const { value, origin } = readPickle(pickle)
    const expected = protocol2.get(name) as Uint8Array
    expect(Buffer.from(write(value, { origin })).toString('latin1')).toBe(Buffer.from(expected).toString('latin1'))
  })

  test('there are enough of them', () => {
    expect(comparable.length).toBeGreaterThan(150)
  })

  test.each(pickleVectors('pickle_py2').filter(({ form }) => form === 'py2'))(
    '$name goes back to Python 2 with the bytes of its pickle.py',
    ({ pickle, name }) => {
      const { value, origin } = readPickle(pickle, { encoding: 'latin1' })
      const bytes = write(value, { origin, python2: true, encoding: 'latin1' })
      // bytes become `_codecs.encode` text only where Python 3 wrote them; OrderedDict and bytearray are made anew
      if (/OrderedDict|bytearray|set/.test(name)) expect(readPickle(bytes, { encoding: 'latin1' }).value).toEqual(value)
      else expect(Buffer.from(bytes).toString('latin1')).toBe(Buffer.from(pickle).toString('latin1'))
    },
  )

  test('keeps the fold of a datetime', () => {
    const fold = vectors.find(({ name, form }) => name === 'datetime fold' && form === 'p4')
    const { value, origin } = readPickle(fold?.pickle as Uint8Array)
    expect(tagged(value, { origin })).toEqual({ $datetime: '2023-10-29T02:30:00.000000', fold: 1 })
  })

  test('keeps text whose surrogates were encoded one by one', () => {
    const bytes = assemble(
      [0x80, 2],
      '}',
      text('a'),
      'q\x00X\x06\x00\x00\x00',
      [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
      's.',
    )
    const { value, origin } = readPickle(bytes)
    expect(value).toEqual({ a: '😀' })
    expect(Buffer.from(write(value, { origin })).includes(Buffer.from([0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]))).toBe(true)
  })

  test('keeps the order of keys that JavaScript would sort', () => {
    const parts = [[0x80, 2], '}(', text('b'), 'N', text('10'), 'N', text('2'), 'Nu.']
    expect(changed(parts, (data) => Object.assign(data, { 1: 'new' }))).toEqual({
      $dict: [
        ['b', null],
        ['10', null],
        ['2', null],
        ['1', 'new'],
      ],
    })
  })

  test('is dropped with its key, and a second reference keeps the object', () => {
    const parts = [[0x80, 2], '}(', text('a'), 'cm\nUser\n)\x81q\x01', text('b'), 'h\x01u.']
    expect(changed(parts, (data) => delete data.a)).toEqual({
      $dict: [['b', { $instance: 'm.User', state: { $dict: [] } }]],
    })
  })

  test('keeps its type where it is moved', () => {
    const parts = [[0x80, 2], '}', text('tuple'), '(K\x01K\x02K\x03K\x04ts.']
    const moved = changed(parts, (data) => {
      data.moved = [data.tuple]
      delete data.tuple
    })
    expect(moved).toEqual({ $dict: [['moved', [{ $tuple: [1, 2, 3, 4].map((n) => ({ $int: String(n) })) }]]] })
  })

  test('keeps its type in a copy', () => {
    const bytes = assemble([0x80, 2], '}(', text('t'), 'K\x01', [0x85], text('f'), ']F1.0\nau.')
    const { origin } = readPickle(bytes)
    expect(tagged({ t: [1], f: [1] }, { origin })).toEqual({
      $dict: [
        ['t', { $tuple: [{ $int: '1' }] }],
        ['f', [{ $float: '1' }]],
      ],
    })
  })

  test('may be part of another session', () => {
    const { value } = readPickle(
      assemble([0x80, 2], '}', text('u'), 'cm\nUser\n)\x81}', text('t'), 'K\x01', [0x85], 'sbs.'),
    )
    const { u } = value as { u: PickleObject }
    expect(tagged({ kept: u })).toEqual({
      $dict: [['kept', { $instance: 'm.User', state: { $dict: [['t', { $tuple: [{ $int: '1' }] }]] } }]],
    })
  })

  test('lets parts of an inert object change', () => {
    const parts = [[0x80, 2], '}', text('u'), 'cm\nUser\n)\x81}(', text('a'), 'F1.0\n', text('b'), 'K\x01ubs.']
    const result = changed(parts, ({ u }) => {
      ;(u as { state: Record<string, unknown> }).state.b = 'new'
    })
    expect(result).toEqual({
      $dict: [
        [
          'u',
          {
            $instance: 'm.User',
            state: {
              $dict: [
                ['a', { $float: '1' }],
                ['b', 'new'],
              ],
            },
          },
        ],
      ],
    })
  })
})

describe('a value in the place of another', () => {
  const dict = (...value: Assembly[]): Assembly[] => [[0x80, 2], '}', text('k'), ...value, 's.']
  const put = (value: unknown, ...parts: Assembly[]): unknown => {
    const { $dict } = changed(dict(...parts), (data) => {
      data.k = value
    }) as { $dict: [string, unknown][] }
    return $dict[0]?.[1]
  }

  test('of a float stays one', () => {
    expect(put(2, 'F1.0\n')).toEqual({ $float: '2' })
    expect(put(2, 'K\x01')).toEqual({ $int: '2' })
    expect(put(2.5, 'K\x01')).toEqual({ $float: '2.5' })
    expect(put('2', 'F1.0\n')).toBe('2')
  })

  test('of a tuple stays one', () => {
    expect(put([1], 'K\x01K\x02', [0x86])).toEqual({ $tuple: [{ $int: '1' }] })
    expect(put([], 'K\x01K\x02', [0x86])).toEqual({ $tuple: [] })
  })

  test('of bytes keeps their class', () => {
    expect(put(Uint8Array.of(7), 'c__builtin__\nbytearray\n)R')).toEqual({ $bytearray: 'Bw==' })
    expect(put(Uint8Array.of(7), 'C\x01a')).toEqual({ $bytes: 'Bw==' })
  })

  test('of a datetime keeps its zone', () => {
    const payload = 'C\x0a\x07\xe7\x05\x05\x0c\x00\x00\x00\x00\x04'
    const noon = new Date('2023-06-01T12:00:00.5Z')
    const hours = (count: string): string => `cdatetime\ntimezone\ncdatetime\ntimedelta\nK\x00M${count}\x86R\x85R`
    expect(put(noon, 'cdatetime\ndatetime\n', payload, [0x85], 'R')).toEqual({
      $datetime: '2023-06-01T12:00:00.500000',
    })
    expect(put(noon, 'cdatetime\ndatetime\n', payload, hours('\x20\x1c'), [0x86], 'R')).toEqual({
      $datetime: '2023-06-01T14:00:00.500000',
      offset_s: 7200,
    })
    const berlin: Assembly[] = [
      'c__builtin__\ngetattr\nczoneinfo\nZoneInfo\n',
      text('_unpickle'),
      [0x86],
      'R',
      text('Europe/Berlin'),
      'K\x01',
      [0x86],
      'R',
    ]
    expect(put(noon, 'cdatetime\ndatetime\n', payload, ...berlin, [0x86], 'R')).toEqual({
      $datetime: '2023-06-01T12:00:00.500000',
      offset_s: 0,
    })
  })

  test('of the same moment keeps microseconds and zone', () => {
    const payload = 'C\x0a\x07\xe7\x05\x05\x0c\x00\x00\x00\x00\x04'
    expect(put(new Date('2023-05-05T12:00:00Z'), 'cdatetime\ndatetime\n', payload, [0x85], 'R')).toEqual({
      $datetime: '2023-05-05T12:00:00.000004',
    })
  })

  test('that is a date changed in place is written anew', () => {
    const payload = 'C\x0a\x07\xe7\x05\x05\x0c\x00\x00\x00\x00\x04'
    const result = changed(dict('cdatetime\ndatetime\n', payload, [0x85], 'R'), ({ k }) =>
      (k as Date).setUTCFullYear(2024),
    )
    expect(result).toEqual({ $dict: [['k', { $datetime: '2024-05-05T12:00:00.000000' }]] })
  })

  test('in bytes changed in place', () => {
    const result = changed(dict('C\x02ab'), ({ k }) => (k as Uint8Array).fill(0))
    expect(result).toEqual({ $dict: [['k', { $bytes: 'AAA=' }]] })
  })

  test('of a small class is written by its parts', () => {
    expect(put(new PythonDecimal('2.50'), 'cdecimal\nDecimal\n', text('1.10'), [0x85], 'R')).toEqual({
      $decimal: '2.50',
    })
    expect(put(new PythonTimedelta(0, 9), 'cdatetime\ntimedelta\nK\x01', [0x85], 'R')).toEqual({
      $timedelta: [0, 9, 0],
    })
  })

  test('in a set or a map keeps the types of the others', () => {
    const set = changed(dict([0x8f], '(F1.0\nK\x02', [0x90]), ({ k }) => (k as Set<unknown>).add('new'))
    expect(set).toEqual({ $dict: [['k', { $set: ['new', { $float: '1' }, { $int: '2' }] }]] })
    const map = changed(dict('}(K\x01F1.0\nF2.0\nK\x02u'), ({ k }) => (k as Map<unknown, unknown>).set('new', 3))
    expect(map).toEqual({
      $dict: [
        [
          'k',
          {
            $dict: [
              [{ $int: '1' }, { $float: '1' }],
              [{ $float: '2' }, { $int: '2' }],
              ['new', { $int: '3' }],
            ],
          },
        ],
      ],
    })
  })
})

describe('new values', () => {
  test.each<[string, unknown, unknown]>([
    ['null', null, null],
    ['a boolean', true, true],
    ['an integer', 5, { $int: '5' }],
    ['the largest safe integer', 2 ** 53 - 1, { $int: '9007199254740991' }],
    ['a number beyond', 2 ** 53, { $float: '9007199254740992' }],
    ['a fraction', 1.5, { $float: '1.5' }],
    ['minus zero', -0, { $float: '-0' }],
    ['NaN', Number.NaN, { $float: 'NaN' }],
    ['a bigint', 2n ** 64n, { $int: '18446744073709551616' }],
    ['a negative bigint', -(2n ** 63n), { $int: '-9223372036854775808' }],
    ['text', 'Zoë 😀 \ud800', 'Zoë 😀 \ud800'],
    ['bytes', Uint8Array.of(0, 255), { $bytes: 'AP8=' }],
    ['a Buffer', Buffer.from('a'), { $bytes: 'YQ==' }],
    ['no bytes', new Uint8Array(0), { $bytes: '' }],
    ['an array', [1, undefined, 'a'], [{ $int: '1' }, null, 'a']],
    ['an object', { a: 1, b: undefined }, { $dict: [['a', { $int: '1' }]] }],
    ['an object without prototype', Object.assign(Object.create(null), { a: null }), { $dict: [['a', null]] }],
    [
      'a map',
      new Map<unknown, unknown>([
        [1, 'a'],
        [[1], 'b'],
      ]),
      {
        $dict: [
          [{ $int: '1' }, 'a'],
          [{ $tuple: [{ $int: '1' }] }, 'b'],
        ],
      },
    ],
    ['a set', new Set([1, [2]]), { $set: [{ $int: '1' }, { $tuple: [{ $int: '2' }] }] }],
    ['a set of sets', new Set([new Set([1])]), { $set: [{ $frozenset: [{ $int: '1' }] }] }],
    ['a date', new Date('2023-05-05T01:02:03.456Z'), { $datetime: '2023-05-05T01:02:03.456000' }],
    ['a day', new PythonDate(2023, 5, 5), { $date: '2023-05-05' }],
    ['a time', new PythonTime({ hour: 1, microsecond: 4, fold: 1 }), { $time: '01:00:00.000004', fold: 1 }],
    [
      'a time with a zone',
      new PythonTime({ hour: 1, timezone: new PythonTimezone({ zone: 'Europe/Berlin' }) }),
      { $time: '01:00:00.000000', zone: 'Europe/Berlin' },
    ],
    ['a timedelta', new PythonTimedelta(-1, 5, 7), { $timedelta: [-1, 5, 7] }],
    ['a zone', new PythonTimezone({ offset: -5.5 * 3600, name: 'X' }), { $timezone: -19_800 }],
    ['a decimal', new PythonDecimal('1.10'), { $decimal: '1.10' }],
    [
      'a UUID',
      new PythonUuid('12345678-1234-5678-1234-567812345678'),
      { $uuid: '12345678-1234-5678-1234-567812345678' },
    ],
    ['a complex', new PythonComplex(1, -0), { $complex: [{ $float: '1' }, { $float: '-0' }] }],
    ['a class', new PickleObject({ module: 'm', name: 'C' }), { $global: 'm.C' }],
    [
      'an inert object',
      new PickleObject({ module: 'm', name: 'C', args: [1], state: { a: 1 } }),
      { $instance: 'm.C', state: { $dict: [['a', { $int: '1' }]] } },
    ],
  ])('%s', (_name, value, expected) => {
    expect(tagged({ value })).toEqual({ $dict: [['value', expected]] })
  })

  test('of equal text are written once', () => {
    expect(
      Buffer.from(write({ a: 'long text', b: 'long text' }))
        .toString('latin1')
        .split('long text').length,
    ).toBe(2)
  })

  test('that are shared or recursive stay so', () => {
    const shared = [1]
    const data: Record<string, unknown> = { a: shared, b: shared, map: new Map() }
    data.self = data
    expect(tagged(data)).toEqual({
      $dict: [
        ['a', [{ $int: '1' }]],
        ['b', { $ref: 1 }],
        ['map', { $dict: [] }],
        ['self', { $ref: 0 }],
      ],
    })
  })

  test('have plain keys', () => {
    const data = JSON.parse('{"__proto__": 1, "constructor": 2}') as SessionData
    expect(tagged(data)).toEqual({
      $dict: [
        ['__proto__', { $int: '1' }],
        ['constructor', { $int: '2' }],
      ],
    })
  })

  test.each([999, 1000, 1001, 2000])('%i members come in batches as CPython writes them', (size) => {
    const opcodes = (bytes: Uint8Array): string =>
      Buffer.from(bytes)
        .toString('latin1')
        .replace(/[^(eu]/g, '')
    const batches = Math.ceil(size / 1000)
    expect(opcodes(write(new Array(size).fill(null)))).toBe('(e'.repeat(batches))
    const map = new Map(Array.from({ length: size }, (_, key) => [key + 0x10000, null]))
    const marks = Buffer.from(write(map)).toString('latin1')
    expect(marks.endsWith(size % 1000 === 0 ? 'u(u.' : 'u.')).toBe(true)
  })
})

describe('what has no mapping', () => {
  const circular: unknown[] = []
  circular.push(circular)
  test.each<[string, unknown, string]>([
    ['a function', { a: { b: () => 1 } }, 'a.b'],
    ['a symbol', { a: [1, Symbol('x')] }, 'a.1'],
    ['an instance', { a: { b: [new URL('https://a.example')] } }, 'a.b.0'],
    ['an ArrayBuffer', { a: new ArrayBuffer(1) }, 'a'],
    ['an invalid date', { a: new Date(Number.NaN) }, 'a'],
    ['a date too late', { a: new Date(Date.UTC(10_000, 0)) }, 'a'],
    ['an error', { a: new Error('secret') }, 'a'],
    ['an object as a key', { a: new Map([[{}, 1]]) }, 'a.0'],
    ['a map in a set', { a: new Set([1, new Map()]) }, 'a.1'],
    ['an array that is its own key', { a: new Map([[circular, 1]]) }, 'a.0'],
    ['a class of a bad name', { a: new PickleObject({ module: 'm\nos', name: 'C' }) }, 'a'],
    ['an integer too long', { a: 2n ** 20_000n }, 'a'],
    ['a boxed number', { a: Object(1n) }, 'a'],
  ])('%s is named by its path', (_name, value, path) => {
    let error: unknown
    try {
      write(value)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ code: 'ERR_SESSION_UNWRITABLE' })
    expect((error as { path: string }).path).toMatch(new RegExp(`^${path.replaceAll('.', '\\.')}`))
    expect(String(error)).not.toContain('secret')
  })

  test('is nesting beyond the limit of the reader', () => {
    const nested = (depth: number): unknown => (depth === 1 ? {} : { a: nested(depth - 1) })
    expect(readPickle(write(nested(64))).value).toEqual(nested(64))
    expect(() => write(nested(65))).toThrowError(expect.objectContaining({ code: 'ERR_SESSION_UNWRITABLE' }))
  })

  test('is nesting in what no view shows, as the arguments that a callable was made with', () => {
    const hidden = (depth: number): Uint8Array => {
      const lists = `${']'.repeat(depth)}${'a'.repeat(depth - 1)}`
      const { value, origin } = readPickle(assemble([0x80, 2], `cm\nf\n${lists}`, [0x85], 'R)R.'))
      return write(value, { origin })
    }
    // the object and the callable around them
    const most = 4 * MAX_PICKLE_DEPTH - 2
    expect(readPickle(hidden(most)).value).toBeInstanceOf(PickleObject)
    for (const depth of [most + 1, 40_000]) {
      expect(() => hidden(depth)).toThrowError(expect.objectContaining({ code: 'ERR_SESSION_UNWRITABLE' }))
    }
  })
})

describe('for Python 2', () => {
  test('byte strings and longs go back as they came', () => {
    const bytes = assemble(
      [0x80, 2],
      '}q\x00(U\x01aq\x01U\x02\xe9bq\x02U\x01lq\x03',
      [0x8a, 1, 5],
      'U\x01iq\x04I2147483648\nu.',
    )
    const { value, origin } = readPickle(bytes, { encoding: 'latin1' })
    expect(Buffer.from(write(value, { origin, python2: true })).toString('latin1')).toBe(
      Buffer.from(bytes).toString('latin1'),
    )
    expect(readPickle(write(value, { origin })).value).toEqual({ a: 'éb', l: 5, i: 2 ** 31 })
  })

  test('text in the place of a byte string is one where it is ASCII', () => {
    const { value, origin } = readPickle(assemble([0x80, 2], '}U\x01aU\x01bs.'))
    const data = value as Record<string, unknown>
    data.a = 'new'
    expect(Buffer.from(write(data, { origin, python2: true })).includes('U\x03new')).toBe(true)
    data.a = 'Zoë'
    expect(readPickle(write(data, { origin, python2: true })).value).toEqual({ a: 'Zoë' })
  })

  test('their dates go to Python 3 as bytes, which it can read', () => {
    const date = assemble([0x80, 2], '}U\x01acdatetime\ndate\nU\x04\x07\xe7\x05\x05\x85Rs.')
    const { value, origin } = readPickle(date)
    expect(Buffer.from(write(value, { origin })).includes('_codecs\nencode')).toBe(true)
    expect(Buffer.from(write(value, { origin, python2: true })).includes('U\x04')).toBe(true)
  })

  test('what only Python 3 has is refused with its path', () => {
    const refused: Record<string, unknown>[] = [
      { a: new PythonTimezone({ offset: 0 }) },
      { a: new PythonTimezone({ zone: 'Europe/Berlin' }) },
      { a: new PythonTime({ hour: 1, timezone: new PythonTimezone({ offset: 0 }) }) },
    ]
    for (const data of refused) {
      expect(() => write(data, { python2: true })).toThrowError(
        expect.objectContaining({ code: 'ERR_SESSION_UNWRITABLE', path: 'a' }),
      )
    }
    const keywords = assemble([0x80, 4], '}', text('a'), 'cm\nC\n)}', [0x92], 's.')
    const { value, origin } = readPickle(keywords)
    expect(() => write(value, { origin, python2: true })).toThrowError(expect.objectContaining({ path: 'a' }))
  })
})

describe('the origin of another format', () => {
  const leaf = (value: unknown, type?: OriginNode['type']): OriginNode => ({
    format: 'bson',
    value,
    ...(type && { type }),
  })
  const branch = (value: unknown, children: Record<string, OriginNode>): OriginNode => ({
    format: 'bson',
    value,
    keys: () => Object.keys(children),
    child: (key) => (Object.hasOwn(children, key) ? children[key] : undefined),
  })

  test('keeps doubles and integers apart', () => {
    const data = { double: 1, int: 1, long: 1, list: [2, 2], big: 2n ** 60n }
    const origin = branch(data, {
      double: leaf(1, 'double'),
      int: leaf(1, 'integer'),
      long: leaf(1, 'int64'),
      list: branch(data.list, { 0: leaf(2, 'double'), 1: leaf(2) }),
      big: leaf(data.big, 'int64'),
    })
    expect(tagged(data, { origin })).toEqual({
      $dict: [
        ['double', { $float: '1' }],
        ['int', { $int: '1' }],
        ['long', { $int: '1' }],
        ['list', [{ $float: '2' }, { $int: '2' }]],
        ['big', { $int: String(2n ** 60n) }],
      ],
    })
  })
})

test('an instance may be a key, and hold what may not', () => {
  const bytes = assemble([0x80, 2], '}', text('k'), '}cm\nUser\n)\x81}', text('l'), '}sbK\x01ss.')
  const { value, origin } = readPickle(bytes)
  expect(tagged(value, { origin })).toEqual(taggedNode(readPickle(bytes).root))
})

describe('what stands as a value and as a key, too', () => {
  const list = [1]
  const set = new Set([1])
  const tuple = { $tuple: [{ $int: '1' }] }
  const frozenset = { $frozenset: [{ $int: '1' }] }
  test.each<[string, Record<string, unknown>, unknown[]]>([
    ['a list, then a member', { a: list, b: new Set([list]) }, [[{ $int: '1' }], { $set: [tuple] }]],
    ['a member, then a list', { a: new Set([list]), b: list }, [{ $set: [tuple] }, [{ $int: '1' }]]],
    [
      'a list, then a key',
      { a: list, b: new Map([[list, 1]]) },
      [[{ $int: '1' }], { $dict: [[tuple, { $int: '1' }]] }],
    ],
    [
      'a list, then inside a key',
      { a: list, b: new Set([[list]]) },
      [[{ $int: '1' }], { $set: [{ $tuple: [tuple] }] }],
    ],
    ['a set, then a member', { a: set, b: new Set([set]) }, [{ $set: [{ $int: '1' }] }, { $set: [frozenset] }]],
    ['a member, then a set', { a: new Set([set]), b: set }, [{ $set: [frozenset] }, { $set: [{ $int: '1' }] }]],
  ])('%s', (_name, data, [a, b]) => {
    expect(tagged(data)).toEqual({
      $dict: [
        ['a', a],
        ['b', b],
      ],
    })
  })

  test('a bytearray is bytes as a key', () => {
    const bytes = assemble([0x80, 2], '}', text('a'), 'c__builtin__\nbytearray\n(Vx\nVlatin-1\ntRs.')
    const { value, origin } = readPickle(bytes)
    const data = value as Record<string, unknown>
    data.b = new Set([data.a])
    const expected = [
      ['a', { $bytearray: 'eA==' }],
      ['b', { $set: [{ $bytes: 'eA==' }] }],
    ]
    expect(tagged(data, { origin })).toEqual({ $dict: expected })
  })

  test('a list in the place of a tuple that was a member', () => {
    const bytes = assemble([0x80, 4], '}(', text('a'), ']', text('b'), [0x8f], '(K\x01', [0x85, 0x90], 'u.')
    const { value, origin } = readPickle(bytes)
    const data = { ...(value as object), a: list, b: new Set([list]) }
    const expected = [
      ['a', [{ $int: '1' }]],
      ['b', { $set: [tuple] }],
    ]
    expect(tagged(data, { origin })).toEqual({ $dict: expected })
  })

  test('a tuple stays one object', () => {
    const bytes = assemble([0x80, 4], '}(', text('a'), 'K\x01', [0x85, 0x94], text('b'), [0x8f], '(h\x00', [0x90], 'u.')
    const { value, origin } = readPickle(bytes)
    const again = readPickle(write(value, { origin })).value as { a: unknown; b: Set<unknown> }
    expect(again.b.has(again.a)).toBe(true)
  })

  test('a dict is refused, wherever else it stands', () => {
    const dict = { k: 1 }
    expect(() => write({ a: dict, b: new Set([dict]) })).toThrowError(/a dict as a key/)
  })
})
