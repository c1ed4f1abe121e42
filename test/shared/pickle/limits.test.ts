/** Each limit with what is just within it and what is just beyond (THREATS 35). */
import { describe, expect, test } from 'vitest'
import { PickleObject } from '../../../src/shared/pickle/object.js'
import {
  MAX_PICKLE_BYTES,
  MAX_PICKLE_DEPTH,
  MAX_PICKLE_DIGITS,
  MAX_PICKLE_EXPANDED,
  MAX_PICKLE_INTEGER_BYTES,
  MAX_PICKLE_ITEMS,
  MAX_PICKLE_MEMO,
  MAX_PICKLE_NAME,
  MAX_PICKLE_ZONES,
} from '../../../src/shared/pickle/opcodes.js'
import { readPickle } from '../../../src/shared/pickle/reader.js'
import { PythonDecimal } from '../../../src/shared/pickle/values.js'
import { type Assembly, assemble, text } from './assemble.js'

function read(...parts: Assembly[]): unknown {
  return readPickle(assemble(...parts)).value
}

const tooMuch = expect.objectContaining({ name: 'SessionError', code: 'ERR_SESSION_LIMIT' })
const malformed = expect.objectContaining({ name: 'SessionError', code: 'ERR_SESSION_PICKLE' })

function uint32(number: number): number[] {
  return [number & 0xff, (number >> 8) & 0xff, (number >> 16) & 0xff, number >>> 24]
}

/** A datetime in a zone by name; its arguments stay in the memo. */
function zoned(zone: string): Assembly[] {
  const payload = [0x07, 0xe7, 5, 5, 1, 2, 3, 0, 0, 0]
  return ['cdatetime\ndatetime\n', 'C\x0a', payload, 'cpytz\n_p\n', text(zone), [0x85], 'R', [0x86], 'q\x02R']
}

describe('limits', () => {
  test('bytes of the pickle', () => {
    const padded = (size: number): Uint8Array => {
      const bytes = new Uint8Array(size)
      bytes.set(assemble('N.'))
      return bytes
    }
    expect(readPickle(padded(MAX_PICKLE_BYTES)).value).toBeNull()
    expect(() => readPickle(padded(MAX_PICKLE_BYTES + 1))).toThrowError(tooMuch)
  })

  test('containers inside each other', () => {
    const list = (depth: number): string => `${']'.repeat(depth)}${'a'.repeat(depth - 1)}.`
    expect(read(list(MAX_PICKLE_DEPTH))).toBeInstanceOf(Array)
    expect(() => read(list(MAX_PICKLE_DEPTH + 1))).toThrowError(tooMuch)
    const tuple = (depth: number): string => `)${'\x85'.repeat(depth - 1)}.`
    expect(read(tuple(MAX_PICKLE_DEPTH))).toBeInstanceOf(Array)
    expect(() => read(tuple(MAX_PICKLE_DEPTH + 1))).toThrowError(tooMuch)
    const state = (depth: number): string => `${'cm\nC\n)\x81'.repeat(depth)}${'b'.repeat(depth - 1)}.`
    expect(read(state(MAX_PICKLE_DEPTH))).toBeInstanceOf(PickleObject)
    expect(() => read(state(MAX_PICKLE_DEPTH + 1))).toThrowError(tooMuch)
  })

  test('calls of what a call made', () => {
    const chain = (calls: number): string => `cm\nf\n${')R'.repeat(calls)}.`
    expect(String(read(chain(MAX_PICKLE_DEPTH + 1)))).toBe('<m.f()>')
    expect(() => read(chain(MAX_PICKLE_DEPTH + 2))).toThrowError(tooMuch)
    expect(() => read(chain(90_000))).toThrowError(tooMuch)
  })

  test('values', () => {
    const list = (items: number): string => `](${'N'.repeat(items)}e.`
    expect(read(list(MAX_PICKLE_ITEMS - 1))).toHaveLength(MAX_PICKLE_ITEMS - 1)
    expect(() => read(list(MAX_PICKLE_ITEMS))).toThrowError(tooMuch)
  })

  test('the memo', () => {
    const put = (index: number): Assembly[] => ['Nr', uint32(index), 'j', uint32(index), '.']
    expect(read(...put(MAX_PICKLE_MEMO))).toBeNull()
    expect(() => read(...put(MAX_PICKLE_MEMO + 1))).toThrowError(tooMuch)
    expect(() => read(...put(0xffffffff))).toThrowError(tooMuch)
    expect(read(`Np${MAX_PICKLE_MEMO}\n.`)).toBeNull()
    expect(() => read(`Np${MAX_PICKLE_MEMO + 1}\n.`)).toThrowError(tooMuch)
    const counted = (values: number): Assembly[] => [[0x80, 4], 'N\x94'.repeat(values), '.']
    expect(read(...counted(MAX_PICKLE_MEMO + 1))).toBeNull()
    expect(() => read(...counted(MAX_PICKLE_MEMO + 2))).toThrowError(tooMuch)
  })

  test('digits of an integer', () => {
    const digits = (count: number): Assembly[] => [`L${'9'.repeat(count)}L\n.`]
    expect(read(...digits(MAX_PICKLE_DIGITS))).toBe(10n ** BigInt(MAX_PICKLE_DIGITS) - 1n)
    expect(() => read(...digits(MAX_PICKLE_DIGITS + 1))).toThrowError(tooMuch)
    expect(read(`L-${'9'.repeat(MAX_PICKLE_DIGITS)}L\n.`)).toBe(1n - 10n ** BigInt(MAX_PICKLE_DIGITS))
    const bytes = (size: number): Assembly[] => [[0x8b], uint32(size), new Uint8Array(size).fill(0x7f), '.']
    expect(typeof read(...bytes(MAX_PICKLE_INTEGER_BYTES))).toBe('bigint')
    expect(() => read(...bytes(MAX_PICKLE_INTEGER_BYTES + 1))).toThrowError(tooMuch)
    expect(() => read([0x8b], uint32(0xffffffff), '.')).toThrowError(malformed)
  })

  test('digits of a Decimal', () => {
    const decimal = (count: number): unknown => read('cdecimal\nDecimal\n', text('9'.repeat(count)), [0x85], 'R.')
    expect(decimal(MAX_PICKLE_DIGITS)).toBeInstanceOf(PythonDecimal)
    expect(decimal(MAX_PICKLE_DIGITS + 1)).toBeInstanceOf(PickleObject)
  })

  test('characters of a name', () => {
    const named = (size: number): string => `cm\n${'n'.repeat(size - 1)}\n.`
    expect(read(named(MAX_PICKLE_NAME))).toBeInstanceOf(PickleObject)
    expect(() => read(named(MAX_PICKLE_NAME + 1))).toThrowError(tooMuch)
  })

  test('values counted at each place', () => {
    // Lists of ten references to the one before: 10, 110, 1110 … values.
    const bomb = (levels: number): string =>
      `]q\x00${Array.from({ length: levels }, (_, n) => `](${`h${String.fromCharCode(n)}`.repeat(10)}eq${String.fromCharCode(n + 1)}`).join('')}.`
    expect(read(bomb(5))).toHaveLength(10)
    expect(() => read(bomb(6))).toThrowError(tooMuch)
    expect(111_111).toBeLessThan(MAX_PICKLE_EXPANDED)
    expect(1_111_111).toBeGreaterThan(MAX_PICKLE_EXPANDED)
  })

  test('zones of datetimes', () => {
    const names = Intl.supportedValuesOf('timeZone')
    const known = (zones: number): unknown => read('](', ...names.slice(0, zones).flatMap(zoned), 'e.')
    expect(known(MAX_PICKLE_ZONES)).toHaveLength(MAX_PICKLE_ZONES)
    expect(() => known(MAX_PICKLE_ZONES + 1)).toThrowError(tooMuch)
    const unknown = (zones: number): unknown =>
      read('](', ...Array.from({ length: zones }, (_, n) => zoned(`No/${n}`)).flat(), 'e.')
    expect(unknown(MAX_PICKLE_ZONES)).toHaveLength(MAX_PICKLE_ZONES)
    expect(() => unknown(MAX_PICKLE_ZONES + 1)).toThrowError(tooMuch)
    const many = (count: number): unknown =>
      read('](', ...zoned('Europe/Berlin'), 'cdatetime\ndatetime\nq\x01', 'h\x01h\x02R'.repeat(count), 'e.')
    expect(many(16_383)).toHaveLength(16_385)
    expect(() => many(16_384)).toThrowError(tooMuch)
  })

  test('are set by the caller', () => {
    const limits = { bytes: 10, depth: 2, items: 3, memo: 1, expanded: 3 }
    const small = (pickle: string): unknown => readPickle(assemble(pickle), { limits }).value
    expect(small('](NNe.')).toEqual([null, null])
    expect(() => small('](NNNe.')).toThrowError(tooMuch)
    expect(small(']]a.')).toEqual([[]])
    expect(() => small(']]]aa.')).toThrowError(tooMuch)
    expect(() => small('Nq\x02.')).toThrowError(tooMuch)
    expect(() => small('N0N0N00000.')).toThrowError(tooMuch)
    expect(() => small('N2222222222.')).toThrowError(tooMuch)
    expect(() => small('](N222e.')).toThrowError(tooMuch)
    expect(() => readPickle(assemble('N.'), { limits: { depth: 0 } })).toThrowError(/limits.depth/)
    expect(() => readPickle(assemble('N.'), { limits: { items: 1.5 } })).toThrowError(TypeError)
  })
})

describe('bombs cost little', () => {
  const get = 'h\x00'
  test.each<[name: string, outcome: 'limit' | 'malformed' | 'read', Assembly[]]>([
    [
      'a set copied from one list',
      'limit',
      ['](', 'N'.repeat(30_000), 'eq\x00c__builtin__\nset\nq\x010(', `h\x01${get}\x85R`.repeat(60_000), 't.'],
    ],
    [
      'an OrderedDict copied from one list',
      'limit',
      [
        ']q\x00(',
        '(NNt'.repeat(15_000),
        'eccollections\nOrderedDict\nq\x010(',
        `h\x01${get}\x85R`.repeat(30_000),
        't.',
      ],
    ],
    [
      'bytes copied from one text',
      'limit',
      [
        [0x58],
        uint32(400_000),
        'a'.repeat(400_000),
        'q\x00c_codecs\nencode\nq\x01X\x06\x00\x00\x00latin1q\x02(',
        `h\x01${get}h\x02\x86R`.repeat(60_000),
        't.',
      ],
    ],
    [
      'a bytearray copied from one text',
      'limit',
      [
        [0x42],
        uint32(400_000),
        'a'.repeat(400_000),
        'q\x00c__builtin__\nbytearray\nq\x01(',
        `h\x01${get}\x85R`.repeat(60_000),
        't.',
      ],
    ],
    [
      'a Decimal read from one text',
      'limit',
      [text('9'.repeat(4000)), 'q\x00cdecimal\nDecimal\nq\x01(', `h\x01${get}\x85R`.repeat(80_000), 't.'],
    ],
    [
      'what is nearly a Decimal read from one text',
      'limit',
      [text(`${'9'.repeat(4200)}x`), 'q\x00cdecimal\nDecimal\nq\x01(', `h\x01${get}\x85R`.repeat(80_000), 't.'],
    ],
    [
      'datetimes in one zone',
      'limit',
      [...zoned('Europe/Berlin'), 'q\x000cdatetime\ndatetime\nq\x01](', 'h\x01h\x02R'.repeat(20_000), 'e.'],
    ],
    [
      'datetimes in a zone nobody knows',
      'limit',
      [...zoned('No/Where'), 'q\x000cdatetime\ndatetime\nq\x01](', 'h\x01h\x02R'.repeat(20_000), 'e.'],
    ],
    [
      'names made longer and longer',
      'limit',
      [
        'c__builtin__\ngetattr\nq\x00',
        text('n'.repeat(900)),
        'q\x01cm\nn\nq\x02',
        `h\x00h\x02h\x01\x86Rq\x02`.repeat(40_000),
        '.',
      ],
    ],
    [
      'UUIDs that share one long dict',
      'limit',
      ['}(', 'NN'.repeat(30_000), 'uq\x00cuuid\nUUID\nq\x01(', `h\x01)\x81${get}b`.repeat(60_000), 't.'],
    ],
    [
      'timedeltas that share one long tuple',
      'limit',
      ['(', 'K\x01'.repeat(30_000), 'tq\x00cdatetime\ntimedelta\nq\x01(', `h\x01${get}R`.repeat(60_000), 't.'],
    ],
    ['marks', 'malformed', ['('.repeat(1_000_000), '.']],
    ['marks with a pop each', 'read', ['(0'.repeat(500_000), 'N.']],
    ['one list that appends itself', 'limit', [']', '2a'.repeat(500_000), '.']],
    ['lines without an end', 'malformed', [`I${'1'.repeat(1_000_000)}`]],
    ['a long text of backslashes', 'read', ['V', '\\'.repeat(200_000), '\n.']],
    ['a long string literal', 'read', ["S'", '\\'.repeat(200_000), "'\n.'"]],
    ['a long float', 'malformed', ['F', '1'.repeat(1_000_000), 'x\n.']],
    ['a long length', 'malformed', [[0x8e], uint32(0xffffffff), uint32(0xffffffff)]],
    ['a frame too long', 'malformed', [[0x80, 4, 0x95], uint32(0xffffffff), uint32(0), 'N.']],
  ])('%s: %s', (_name, outcome, parts) => {
    // Without a budget the first ones would be read, or run into the timeout.
    const bytes = assemble(...parts)
    if (outcome === 'read') readPickle(bytes)
    else expect(() => readPickle(bytes)).toThrowError(outcome === 'limit' ? tooMuch : malformed)
  })
})

describe('refused', () => {
  test.each<[string, Assembly[]]>([
    ['nothing at all', []],
    ['no STOP', ['N']],
    ['STOP with an empty stack', ['.']],
    ['STOP behind a mark', ['N(.']],
    ['a persistent id', ['Pid\n.']],
    ['a binary persistent id', ['NQ.']],
    ['EXT1', [[0x82, 1], '.']],
    ['EXT2', [[0x83, 1, 0], '.']],
    ['EXT4', [[0x84, 1, 0, 0, 0], '.']],
    ['a buffer outside', [[0x97], '.']],
    ['a read-only buffer', ['N', [0x98], '.']],
    ['an unknown opcode', [[0xff], '.']],
    ['protocol 6', [[0x80, 6], 'N.']],
    ['a frame beyond the end', [[0x95], uint32(9), uint32(0), 'N.']],
    ['what is not in the memo', ['h\x07.']],
    ['what is not in the memo, by text', ['g7\n.']],
    ['a negative memo index', ['Np-1\n.']],
    ['a memo index that is no number', ['Npx\n.']],
    ['a memo of nothing', ['q\x00.']],
    ['POP on nothing', ['0.']],
    ['POP_MARK without a mark', ['N1.']],
    ['TUPLE without a mark', ['Nt.']],
    ['TUPLE3 of two', ['NN', [0x87], '.']],
    ['TUPLE2 over a mark', ['N(N', [0x86], '.']],
    ['a key without a value', ['}(Nu.']],
    ['DICT of a key without a value', ['(Nd.']],
    ['append to a dict', ['}Na.']],
    ['append to a tuple', [')Na.']],
    ['append to a text', ['Vx\nNa.']],
    ['items of a list', [']NNs.']],
    ['ADDITEMS to a list', ['](N', [0x90], '.']],
    ['state of a list', [']}b.']],
    ['state of a class', ['cm\nC\n}b.']],
    ['state of a plain dict', ['}}b.']],
    ['state twice', ['cm\nC\n)R}b}b.']],
    ['a call without a tuple', ['cm\nf\n]R.']],
    ['a call of a list', ['])R.']],
    ['a call of a text', ['Vf\n)R.']],
    ['a call for its effect', ['cm\nC\n)Rq\x00cm\nf\nh\x00}\x86R0.']],
    ['keywords that are no dict', ['cm\nC\n)]', [0x92], '.']],
    ['OBJ of nothing', ['(o.']],
    ['STACK_GLOBAL of numbers', ['K\x01K\x02', [0x93], '.']],
    ['a cut integer', ['J\x01\x02.']],
    ['a cut text', ['X\x05\x00\x00\x00ab.']],
    ['a cut float', ['G\x00\x00.']],
    ['an integer that is none', ['I1x\n.']],
    ['an empty integer', ['I\n.']],
    ['a hexadecimal integer', ['I0x10\n.']],
    ['a float that is none', ['F1,5\n.']],
    ['bytes beyond 255', ['c_codecs\nencode\nV\\u0100\nVlatin1\n', [0x86], 'R.']],
  ])('%s', (_name, parts) => {
    expect(() => read(...parts)).toThrowError(malformed)
  })
})
