import { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { writePickle } from '../../../src/server/pickle/writer.js'
import { findPickleObjects, PickleObject } from '../../../src/shared/pickle/object.js'
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
import { type Assembly, assemble, text } from './assemble.js'
import { normalized, taggedNode } from './tagged-node.js'
import { isExact, pickleVectors } from './vectors.js'

const py3 = pickleVectors('pickle_py3')
const py2 = pickleVectors('pickle_py2')

function read(...parts: Assembly[]): unknown {
  return readPickle(assemble(...parts)).value
}

function ofVector(name: string, form = 'p2'): unknown {
  const vector = [...py3, ...py2].find((one) => one.name === name && one.form === form)
  if (vector === undefined) throw new Error(`no vector ${name} ${form}`)
  return readPickle(vector.pickle, { encoding: vector.encoding }).value
}

describe('pickles of the real Pythons', () => {
  const exact = [...py3, ...py2].filter(({ value }) => isExact(value))

  test('there are enough of them', () => {
    expect(exact.length).toBeGreaterThan(200)
  })

  test.each(exact)('$name $form has the same value and types', ({ pickle, value, encoding }) => {
    expect(taggedNode(readPickle(pickle, { encoding }).root)).toEqual(normalized(value))
  })

  test.each([...py3, ...py2].filter(({ value }) => !isExact(value)))('$name $form can be read', ({ pickle }) => {
    expect(readPickle(pickle, { encoding: 'latin1' }).value).toBeDefined()
  })

  test('sessions of old Beaker releases', () => {
    const file = new URL('../../vectors/beaker_legacy_py2.json', import.meta.url)
    const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: { name: string; cookie?: string }[] }
    const signed = cases.filter(({ name, cookie }) => name === 'signed only' && cookie !== undefined)
    expect(signed.length).toBeGreaterThan(0)
    for (const { cookie } of signed) {
      const { value } = readPickle(Buffer.from((cookie as string).slice(40), 'base64'))
      expect(value).toMatchObject({ name: 'abc', roles: ['a', 'b'], user: 'Zoë', _id: 'f'.repeat(32) })
      expect((value as { when: Date }).when.toISOString()).toBe('2009-05-05T01:02:03.000Z')
    }
  })
})

describe('the JavaScript view', () => {
  test('of plain values', () => {
    expect(ofVector('None')).toBeNull()
    expect(ofVector('False', 'p0')).toBe(false)
    expect(ofVector('65535')).toBe(65535)
    expect(ofVector('-2**63')).toBe(-(2n ** 63n))
    expect(ofVector('255**300')).toBe(255n ** 300n)
    expect(ofVector('-0.0')).toBe(-0)
    expect(ofVector('bytes')).toEqual(Uint8Array.of(0x61, 0xff))
    expect(ofVector('bytearray', 'p5')).toEqual(Uint8Array.of(0x61, 0xff))
  })

  test('of containers', () => {
    expect(ofVector('tuple 3')).toEqual([1, 2, 3])
    expect(ofVector('set', 'p4')).toEqual(new Set([1]))
    expect(ofVector('frozenset', 'p4')).toEqual(new Set([1]))
    expect(ofVector('dict int key', 'c2')).toEqual(new Map([[1, 2]]))
    expect(ofVector('OrderedDict', 'c0')).toEqual({ b: 1, a: 2 })
    expect(ofVector('defaultdict int')).toEqual({ a: 1 })
  })

  test('of integers at the edge of safe numbers', () => {
    expect(read('L9007199254740991L\n.')).toBe(2 ** 53 - 1)
    expect(read('L9007199254740992L\n.')).toBe(2n ** 53n)
    expect(read([0x8a, 7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f], '.')).toBe(2 ** 53 - 1)
    expect(read([0x8a, 7, 0, 0, 0, 0, 0, 0, 0xe0], '.')).toBe(-(2n ** 53n))
    expect(read([0x8a, 6, 0, 0, 0, 0, 0, 0x80], '.')).toBe(-(2 ** 47))
    expect(read([0x8a, 0], '.')).toBe(0)
    expect(read('I00\n.')).toBe(false)
    expect(read('I0\n.')).toBe(0)
  })

  test('of time', () => {
    expect(ofVector('datetime low bytes')).toEqual(new Date('2000-01-01T00:00:00Z'))
    expect(ofVector('datetime utc')).toEqual(new Date('2023-05-05T00:00:00Z'))
    expect(ofVector('datetime', 'c2')).toEqual(new Date('2023-05-05T01:02:03.456Z'))
    expect(ofVector('date', 'c2')).toEqual(new PythonDate(2023, 5, 5))
    expect(ofVector('time')).toEqual(new PythonTime({ hour: 1, minute: 2, second: 3, microsecond: 4 }))
    expect(ofVector('timedelta neg')).toEqual(new PythonTimedelta(-1))
    expect(ofVector('timezone')).toEqual(new PythonTimezone({ offset: -18_000 }))
  })

  test('of numbers and ids', () => {
    expect(ofVector('Decimal', 'c2')).toEqual(new PythonDecimal('1.10'))
    expect(ofVector('complex', 'c0')).toEqual(new PythonComplex(1, 2))
    for (const form of ['p0', 'p2', 'p5']) {
      expect(ofVector('UUID', form)).toEqual(new PythonUuid('12345678-1234-5678-1234-567812345678'))
    }
  })

  test('of zones', () => {
    const zone = (...parts: Assembly[]): unknown => read([0x80, 2], ...parts, '.')
    const berlin = zone(
      'c__builtin__\ngetattr\nczoneinfo\nZoneInfo\n',
      text('_unpickle'),
      [0x86],
      'R',
      text('Europe/Berlin'),
      'K\x01',
      [0x86],
      'R',
    )
    expect(berlin).toEqual(new PythonTimezone({ zone: 'Europe/Berlin' }))
    expect(zone('cpytz\n_UTC\n)R')).toEqual(new PythonTimezone({ offset: 0, zone: 'UTC' }))
    expect(zone('cpytz\n_p\n(', text('Europe/Berlin'), 'M\x10\x0eK\x00', text('CET'), 'tR')).toEqual(
      new PythonTimezone({ offset: 3600, zone: 'Europe/Berlin', name: 'CET' }),
    )
    expect(zone('cpytz\n_p\n', text('Etc/GMT+5'), [0x85], 'R')).toEqual(new PythonTimezone({ zone: 'Etc/GMT+5' }))
    expect(zone('cpytz\nFixedOffset\nK\x3c', [0x85], 'R')).toEqual(new PythonTimezone({ offset: 3600 }))
  })

  test('of shared and recursive references', () => {
    const [first, second] = read(']q\x00(]q\x01h\x01h\x00e.') as unknown[][]
    expect(first).toBe(second)
    const recursive = ofVector('list recursive') as unknown[]
    expect(recursive[0]).toBe(recursive)
    const tuple = read(']q\x00h\x00', [0x85], 'q\x01a0h\x01.') as unknown[][]
    expect(tuple[0]?.[0]).toBe(tuple)
    // (x, f(x), [itself]) by CPython: three values are dropped, and no call for its effect is among them.
    const called = assemble(
      '\x80\x02cm\nC\nq\x00)\x81q\x01cm\nf\nq\x02h\x01\x85q\x03Rq\x04]q\x05h\x01h\x04h\x05\x87q\x06a000h\x06.',
    )
    const document = readPickle(called)
    const [object, result, list] = document.value as [PickleObject, PickleObject, unknown[]]
    expect(result.args?.[0]).toBe(object)
    expect(list[0]).toBe(document.value)
    expect(writePickle(document.value as never, { origin: document.origin })).toEqual(called)
  })

  test('copies its bytes', () => {
    const bytes = assemble('C\x02ab.')
    const { value } = readPickle(bytes)
    bytes.fill(0)
    expect(value).toEqual(Uint8Array.of(0x61, 0x62))
    const buffer = Buffer.from('C\x02ab.')
    const fromBuffer = readPickle(buffer).value
    buffer.fill(0)
    expect(fromBuffer).toEqual(Uint8Array.of(0x61, 0x62))
  })

  test('ignores what follows STOP', () => {
    expect(read('K\x05.', [0xff, 0xfe])).toBe(5)
  })
})

describe('unknown classes', () => {
  test('become inert objects', () => {
    expect(ofVector('namedtuple')).toMatchObject({ module: 'myapp.models', name: 'Point', args: [1, 2] })
    expect(ofVector('instance', 'c2')).toMatchObject({ module: 'myapp.models', name: 'User', state: { name: 'Z' } })
    expect(ofVector('list subclass', 'c2')).toMatchObject({ name: 'MyList', items: [1], state: { attr: 2 } })
    expect(ofVector('dict subclass')).toMatchObject({ name: 'MyDict', entries: { a: 1 }, state: { attr: 2 } })
    expect(ofVector('builtin function')).toMatchObject({ module: '__builtin__', name: 'len', args: undefined })
    expect(ofVector('deque', 'c2')).toMatchObject({ module: 'collections', name: 'deque', args: [[1, 2], 5] })
  })

  test('are shown by name, without their state', () => {
    const object = ofVector('instance', 'c2') as PickleObject
    expect(String(object)).toBe('<myapp.models.User>')
    expect(JSON.stringify(object)).toBe('{"$pickle":"myapp.models.User","args":[],"state":{"name":"Z"}}')
  })

  test('can be listed and removed', () => {
    const instance = 'cm\nUser\n)\x81q\x01}'
    const data = read('}(', text('a'), [...assemble(instance)].slice(0, -1), text('b'), ']h\x01au.') as Record<
      string,
      unknown
    >
    expect(findPickleObjects(data).map(({ path, object }) => [path, String(object)])).toEqual([['a', '<m.User>']])
    delete data.a
    expect(findPickleObjects(data).map(({ path }) => path)).toEqual(['b.0'])
    delete data.b
    expect(findPickleObjects(data)).toEqual([])
  })

  test('are listed inside others, in maps, sets and cycles', () => {
    const inner = new PickleObject({ module: 'm', name: 'Inner' })
    const outer = new PickleObject({ module: 'm', name: 'Outer', args: [new Set([inner])], state: {} })
    const data: Record<string, unknown> = { map: new Map([['key', outer]]) }
    data.self = data
    expect(findPickleObjects(data).map(({ path }) => path)).toEqual(['map.key', 'map.key.args.0.0'])
  })

  test.each([
    ['os system', 'cos\nsystem\n(S"echo pwned"\ntR.'],
    ['builtins eval', 'c__builtin__\neval\n(S"globalThis.pwned = 1"\ntR.'],
    ['subprocess', 'csubprocess\nPopen\n(S"id"\ntR.'],
    ['INST', '(S"id"\nios\nsystem\n.'],
    ['a chain through getattr', 'c__builtin__\ngetattr\n(c__builtin__\n__import__\nS"__call__"\ntR(S"os"\ntR.'],
    ['BUILD with __setstate__', 'cm\nC\n)\x81}S"__setstate__"\ncos\nsystem\nsbS"id"\nq\x010.'],
  ])('%s is never called', (_name, program) => {
    const value = readPickle(assemble(program)).value
    expect(value).toBeInstanceOf(PickleObject)
    expect((globalThis as { pwned?: unknown }).pwned).toBeUndefined()
  })

  test('of a malformed well-known class stay inert', () => {
    const malformed: Assembly[][] = [
      ['cdatetime\ndatetime\n', 'C\x0a\x00\x00\x05\x05\x00\x00\x00\x00\x00\x00', [0x85], 'R.'],
      ['cdatetime\ndatetime\n', 'C\x0a\x07\xe7\x02\x1e\x00\x00\x00\x00\x00\x00', [0x85], 'R.'],
      ['cdatetime\ndatetime\n', 'C\x0a\x07\xe7\x02\x01\x18\x00\x00\x00\x00\x00', [0x85], 'R.'],
      ['cdatetime\ndatetime\n', 'C\x09\x07\xe7\x02\x01\x00\x00\x00\x00\x00', [0x85], 'R.'],
      ['cdatetime\ndate\n', 'C\x04\x07\xe7\x0d\x01', [0x85], 'R.'],
      ['cdatetime\ntime\n', 'C\x06\x18\x00\x00\x00\x00\x00', [0x85], 'R.'],
      ['cdatetime\ntimedelta\n', 'J\xff\xff\xff\x7f', [0x85], 'R.'],
      ['cdatetime\ntimedelta\n', 'N', [0x85], 'R.'],
      ['cdatetime\ntimezone\n', 'N', [0x85], 'R.'],
      ['cdecimal\nDecimal\n', text('one'), [0x85], 'R.'],
      ['cuuid\nUUID\n)\x81.'],
      ['cuuid\nUUID\n)\x81}', text('int'), 'J\xff\xff\xff\xffsb.'],
      ['c__builtin__\ncomplex\n', 'K\x01K\x02', [0x86], 'R.'],
      ['cpytz\n_p\nN', [0x85], 'R.'],
      ['c_codecs\nencode\n', text('a'), text('rot13'), [0x86], 'R.'],
      ['c__builtin__\nset\nK\x01', [0x85], 'R.'],
      ['ccollections\nOrderedDict\n]K\x01a', [0x85], 'R.'],
    ]
    for (const parts of malformed) expect(read(...parts), String(parts)).toBeInstanceOf(PickleObject)
  })
})

describe('keys that JavaScript knows', () => {
  test('are plain own properties', () => {
    const value = read(
      '}(',
      text('__proto__'),
      '}',
      text('polluted'),
      'K\x01s',
      text('constructor'),
      'K\x02',
      text('toString'),
      'Nu.',
    )
    expect(Object.keys(value as object)).toEqual(['__proto__', 'constructor', 'toString'])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect((value as { polluted?: unknown }).polluted).toBeUndefined()
    expect(Object.getOwnPropertyDescriptor(value, '__proto__')?.value).toEqual({ polluted: 1 })
  })

  test('in state, keywords and entries leave Object.prototype alone', () => {
    const before = Reflect.ownKeys(Object.prototype)
    const proto = text('__proto__')
    const keyed = ['}', proto, '}', text('x'), 'K\x01ss']
    const object = read('cm\nC\n)\x81', proto, ...keyed, 's', ...keyed, 'b.') as PickleObject
    expect(Object.keys(object.state as object)).toEqual(['__proto__'])
    expect(Object.keys(object.entries as object)).toEqual(['__proto__'])
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before)
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })

  test('of equal text: the last value holds', () => {
    expect(read('}(', text('a'), 'K\x01U\x01aK\x02u.')).toEqual({ a: 2 })
  })
})

describe('text of Python 2', () => {
  const latin1 = assemble('U\x02\xe9a.')

  test('is ASCII unless told otherwise', () => {
    expect(readPickle(assemble('U\x02ab.')).value).toBe('ab')
    expect(() => readPickle(latin1)).toThrowError(expect.objectContaining({ code: 'ERR_SESSION_PICKLE' }))
    expect(readPickle(latin1, { encoding: 'latin1' }).value).toBe('éa')
    expect(() => readPickle(latin1, { encoding: 'utf-8' })).toThrowError(/utf-8/)
    expect(readPickle(assemble('U\x02\xc3\xa9.'), { encoding: 'utf-8' }).value).toBe('é')
    expect(() => readPickle(assemble('U\x02\xc3\xa9.'))).toThrowError(/ascii/)
  })

  test('needs no encoding inside a date', () => {
    expect(
      readPickle(py2.find(({ name, form }) => name === 'datetime' && form === 'c2')?.pickle as Uint8Array).value,
    ).toEqual(new Date('2023-05-05T01:02:03.456Z'))
  })

  test('of protocol 0 has escapes', () => {
    expect(read(`S'a\\n\\x41\\101\\'\\\\\\q\\0'\n.`)).toBe("a\nAA'\\\\q\0")
    expect(read('S"it\'s"\n.')).toBe("it's")
    for (const broken of [`S'a\n.`, `Sa\n.`, `S'\\x4'\n.`, `S'\n.`, 'S\n.']) {
      expect(() => read(broken), broken).toThrowError(expect.objectContaining({ code: 'ERR_SESSION_PICKLE' }))
    }
  })

  test('in unicode has escapes and surrogates', () => {
    expect(read('Va\\u20ac\\U0001f600\\\\u0041\xe9\n.')).toBe('a€😀\\\\u0041é')
    expect(read([0x58, 3, 0, 0, 0, 0xed, 0xa0, 0x80], '.')).toBe('\ud800')
    for (const broken of ['Va\\u12\n.', 'V\\U00110000\n.']) {
      expect(() => read(broken), broken).toThrowError(expect.objectContaining({ code: 'ERR_SESSION_PICKLE' }))
    }
    for (const bytes of [[0x80], [0xc0, 0x80], [0xe0, 0x80, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0xff]]) {
      expect(() => read([0x58, bytes.length, 0, 0, 0, ...bytes], '.')).toThrowError(/UTF-8/)
    }
    expect(read([0x58, 3, 0, 0, 0, 0xef, 0xbb, 0xbf], '.')).toBe('\ufeff')
  })

  test('names an unknown encoding', () => {
    expect(() => readPickle(latin1, { encoding: 'bytes' as never })).toThrowError(TypeError)
  })
})

describe('the origin', () => {
  test('tells numbers apart for other formats', () => {
    const { origin } = readPickle(
      assemble('}(', text('float'), 'F1.0\n', text('int'), 'K\x01', text('list'), ']F2.0\nau.'),
    )
    expect(origin.format).toBe('pickle')
    expect([...origin.keys()]).toEqual(['float', 'int', 'list'])
    expect(origin.child('float')).toMatchObject({ type: 'double', value: 1 })
    expect(origin.child('int')).toMatchObject({ type: 'integer', value: 1 })
    expect(origin.child('list')?.child('0')).toMatchObject({ type: 'double', value: 2 })
    expect(origin.child('none')).toBeUndefined()
    expect(origin.child('__proto__')).toBeUndefined()
    expect(origin.type).toBeUndefined()
  })
})

test('small classes print as Python does', () => {
  expect(String(new PythonTimedelta(-1, 86_399, 1))).toBe('-1 day, 23:59:59.000001')
  expect(String(new PythonTimedelta(2, 5))).toBe('2 days, 0:00:05')
  expect(JSON.stringify(new PythonTimedelta(1, 0, 500_000))).toBe('86400.5')
  expect(new PythonTimedelta(0, -1)).toEqual(new PythonTimedelta(-1, 86_399))
  expect(String(new PythonTime({ hour: 9, timezone: new PythonTimezone({ offset: -12_600 }) }))).toBe('09:00:00-03:30')
  expect(String(new PythonTimezone({ offset: 3600 }))).toBe('UTC+01:00')
  expect(String(new PythonTimezone({ offset: 0 }))).toBe('UTC')
  expect(new PythonDecimal('1.10').toNumber()).toBe(1.1)
  expect(new PythonDecimal('-Infinity').toNumber()).toBe(-Infinity)
  expect(String(new PythonComplex(1, -2))).toBe('(1-2j)')
  expect(String(new PythonComplex(0, 2))).toBe('2j')
  expect(String(new PythonComplex(-0, -0))).toBe('(-0-0j)')
  expect(String(new PythonComplex(0.0001, 1e16))).toBe('(0.0001+1e+16j)')
  expect(String(new PythonComplex(1.5e-5, -1e15))).toBe('(1.5e-05-1000000000000000j)')
  expect(String(new PythonComplex(-Infinity, Number.NaN))).toBe('(-inf+nanj)')
  expect(JSON.stringify(new PythonDate(33, 1, 2))).toBe('"0033-01-02"')
  expect(() => new PythonDate(2023, 2, 29)).toThrowError(TypeError)
  expect(() => new PythonTime({ hour: 24 })).toThrowError(TypeError)
  expect(() => new PythonDecimal('1,5')).toThrowError(TypeError)
  expect(() => new PythonUuid('1')).toThrowError(TypeError)
  expect(() => new PythonTimezone({})).toThrowError(TypeError)
  expect(() => new PythonTimedelta(1.5)).toThrowError(TypeError)
  expect(() => new PythonTimedelta(1e9)).toThrowError(TypeError)
})

test('an object inside its own arguments is read as CPython writes it', () => {
  // REDUCE, POP, GET: the inner writing of the object was first
  const value = read([0x80, 2], 'cm\nC\nq\x00]q\x01h\x00h\x01', [0x85], 'Rq\x02a', [0x85], 'R0h\x02.') as PickleObject
  expect(value.args).toEqual([[value]])
  const [list] = value.args as [unknown[]]
  expect(list[0]).toBe(value)
})

test('such an object may stand on the list that is its first argument', () => {
  const program = ']q\x00cm\nC\nq\x01h\x00]q\x02h\x01h\x00h\x02\x86Rq\x03a\x86R0h\x03a.'
  const list = read([0x80, 2], program) as PickleObject[]
  expect(list[0]?.args).toEqual([list, [list[0]]])
})

test('a datetime that its own zone refers to is one object', () => {
  // D = datetime(payload, Z), Z = m.Zone() with the state { d: D }
  const bytes = 'C\x0a\x07\xe7\x05\x05\x01\x02\x03\x00\x00\x00'
  const zone = ['cm\nZone\n)R', 'q\x01'].join('')
  const inner = `cdatetime\ndatetime\n${bytes}h\x01\x86Rq\x02`
  const program = `}Vd\ncdatetime\ndatetime\n${bytes}${zone}}Vd\n${inner}sb\x86R0h\x02s.`
  const { d } = read(program) as { d: PickleObject }
  const [, found] = d.args as [unknown, PickleObject]
  expect(found.toString()).toBe('<m.Zone>')
  expect((found.state as { d: unknown }).d).toBe(d)
})
