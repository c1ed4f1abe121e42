import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_JSON_DEPTH, readJson } from '../../../src/server/json/reader.js'
import { isSessionError } from '../../../src/shared/errors.js'
import type { OriginNode } from '../../../src/shared/types.js'
import { runs } from '../../random.js'
import { expectWithout, rejection } from '../server.helpers.js'

/** What JSON.parse makes of it, or undefined where it is no JSON. */
function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

function read(text: string): { value: unknown } | undefined {
  try {
    return { value: readJson(text).value }
  } catch (error) {
    expect(isSessionError(error)).toBe(true)
    expect((error as { code: string }).code).toBe('ERR_SESSION_JSON')
    return undefined
  }
}

/** Whether the text has what the readers differ in on purpose: integers beyond 2^53 and Python's names. */
const isOurs = (text: string): boolean => /NaN|Infinity|(?<![.0-9eE+-])-?[0-9]{16,}(?![.0-9eE])/.test(text)

describe('values', () => {
  test('random JSON reads as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        fc.pre(!isOurs(text))
        expect(readJson(text).value).toStrictEqual(parsed(text)?.value)
      }),
      { numRuns: runs(200) },
    )
  })

  test('random JSON with white space and escapes reads as JSON.parse reads it', () => {
    const loose = fc
      .tuple(fc.jsonValue(), fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\r') }))
      .map(([value, space]) => `${space}${JSON.stringify(value, null, space)}${space}`)
      .map((text) => text.replace(/[a-z]/g, (letter) => (letter === 'q' ? '\\u0071' : letter)))
    fc.assert(
      fc.property(loose, (text) => {
        fc.pre(!isOurs(text))
        expect(read(text)).toStrictEqual(parsed(text))
      }),
      { numRuns: runs(100) },
    )
  })

  test('random text near JSON is JSON to both readers or to none', () => {
    const mark = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ':',
        ',',
        '"',
        '\\',
        ' ',
        '\n',
        '\u0000',
        '\u00A0',
        '\uFEFF',
        '\u2028',
        '//',
        '\\u00',
        '\\x',
      ],
      ...[
        '"a"',
        '"__proto__"',
        '1',
        '0',
        '-',
        '+',
        '.',
        'e',
        'E',
        '01',
        '-0',
        '1.5',
        '2e3',
        'true',
        'false',
        'null',
        'nul',
      ],
    )
    fc.assert(
      fc.property(fc.array(mark, { maxLength: 12 }), (marks) => {
        const text = marks.join('')
        expect(read(text)).toStrictEqual(parsed(text))
      }),
      { numRuns: runs(2000) },
    )
  })

  test('random damage to JSON is JSON to both readers or to none', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.string({ maxLength: 2, unit: 'binary' }), (text, at, piece) => {
        const place = at % (text.length + 1)
        const damaged = text.slice(0, place) + piece + text.slice(place + 1)
        fc.pre(!isOurs(damaged))
        expect(read(damaged)).toStrictEqual(parsed(damaged))
      }),
      { numRuns: runs(500) },
    )
  })

  test.each([
    ['9007199254740991', 9007199254740991],
    ['9007199254740992', 9007199254740992n],
    ['9007199254740993', 9007199254740993n],
    ['-9007199254740993', -9007199254740993n],
    [`1${'0'.repeat(30)}`, 10n ** 30n],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
    ['1e309', Number.POSITIVE_INFINITY],
    ['-0', -0],
    ['-0.0', -0],
    ['9007199254740993.0', 9007199254740992],
  ])('%s', (text, value) => {
    expect(readJson(text).value).toBe(value)
    expect(readJson(`{"a":[${text}]}`).value).toStrictEqual({ a: [value] })
  })

  test.each([
    '-NaN',
    '+1',
    'nan',
    'infinity',
    'Infinity1',
    '1Infinity',
    '0x1',
    '1_0',
    '.5',
    '5.',
    '00',
    '1e',
    '-',
    '1 2',
    '',
  ])('"%s" is no JSON', (text) => {
    expect(read(text)).toBeUndefined()
    expect(read(`[${text === '' ? ',' : text}]`)).toBeUndefined()
  })
})

describe('origin', () => {
  const at = (node: OriginNode, ...keys: string[]): OriginNode | undefined =>
    keys.reduce<OriginNode | undefined>((inner, key) => inner?.child?.(key), node)

  test.each([
    '1.0',
    '1e-05',
    '1E5',
    '-0.0',
    '1e+16',
    '0.10',
    '-0',
    '1',
    '1234567890123456789',
    'NaN',
    '-Infinity',
    '1e400',
  ])('keeps the text %s', (text) => {
    expect(at(readJson(`{"a":[null,${text}]}`), 'a', '1')?.raw).toBe(text)
  })

  test.each([
    ['1', 'integer'],
    ['-0', 'integer'],
    ['18446744073709551617', 'integer'],
    ['1.0', 'double'],
    ['1e5', 'double'],
    ['NaN', 'double'],
    ['-Infinity', 'double'],
  ])('%s is %s', (text, type) => {
    expect(readJson(text).type).toBe(type)
  })

  test('keeps keys in their order, numbers among them', () => {
    const root = readJson('{"b":1,"2":2,"a":3,"1":4}')
    expect([...(root.keys?.() ?? [])]).toEqual(['b', '2', 'a', '1'])
  })

  test('of equal keys the last counts', () => {
    const root = readJson('{"a":1,"b":2,"a":3.0}')
    expect(root.value).toEqual({ a: 3, b: 2 })
    expect(at(root, 'a')?.raw).toBe('3.0')
  })

  test('has no child that was not read', () => {
    const root = readJson('{"a":[1]}')
    for (const key of ['toString', '__proto__', 'constructor', 'length']) expect(at(root, key)).toBeUndefined()
    expect(at(root, 'a', 'length')).toBeUndefined()
    expect(at(root, 'a', '1')).toBeUndefined()
  })
})

describe('limits', () => {
  const nested = (depth: number, [open, close] = ['[', ']']): string => open.repeat(depth) + close.repeat(depth)
  const objects = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`

  test(`${MAX_JSON_DEPTH} levels are read, one more is not`, async () => {
    expect(MAX_JSON_DEPTH).toBe(64)
    expect(() => readJson(nested(64))).not.toThrow()
    expect(() => readJson(objects(64))).not.toThrow()
    await rejection('ERR_SESSION_LIMIT', () => readJson(nested(65)))
    await rejection('ERR_SESSION_LIMIT', () => readJson(objects(65)))
    await rejection('ERR_SESSION_LIMIT', () => readJson(nested(1_000_000)))
  })

  test('levels beside each other do not add up', () => {
    expect(() => readJson(`[${Array(1000).fill('[[]]').join(',')}]`)).not.toThrow()
  })
})

describe('hostile names', () => {
  test('are plain own members at every level', () => {
    const text =
      '{"__proto__":{"polluted":true,"__proto__":{"polluted":true}},"constructor":{"prototype":{"polluted":true}}}'
    const value = readJson(text).value as Record<string, unknown>
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(value.polluted).toBeUndefined()
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    expect(JSON.stringify(value)).toBe(text)
  })
})

test('an error tells nothing of the text', () => {
  for (const text of ['{"password":"swordfish"', '{"swordfish":swordfish}', '["swordfish\u0000"]', '"\\swordfish"']) {
    try {
      readJson(text)
      expect.unreachable()
    } catch (error) {
      expectWithout(error, ['swordfish', 'password'])
    }
  }
})
