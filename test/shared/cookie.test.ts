/** Cookies of a name, out of headers good and bad (RFC 6265 §5.4, FORMATS §1). */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readCookies } from '../../src/shared/cookie.js'

interface Vector {
  name: string
  header: string
  django: Record<string, string>
}
// read as text, as the other vectors are
const { cases } = JSON.parse(readFileSync(new URL('../vectors/cookie_quoting.json', import.meta.url), 'utf8')) as {
  cases: Vector[]
}

describe('headers of the vectors, split as Django does: by semicolons alone', () => {
  const parsed = cases.filter(({ name }) => name === 'parse')

  test('there are some', () => expect(parsed.length).toBeGreaterThan(9))

  test.each(parsed.map(({ header, django }): [string, Record<string, string>] => [header, django]))(
    '%j',
    (header, django) => {
      // a word without an equals sign is a cookie without a name there, and none here
      const named = Object.entries(django).filter(([name]) => name)
      for (const [name, value] of named) expect(readCookies(header, name).at(-1)).toBe(value)
      const names = header.split(/[;,=\s]+/)
      for (const name of ['', 'b', 'c', ...names])
        if (!Object.hasOwn(django, name)) expect(readCookies(header, name)).toEqual([])
    },
  )
})

describe('candidates', () => {
  test('all of a name, in order', () => {
    expect(readCookies('n=1; m=x; n=2;n=;  n=1', 'n')).toEqual(['1', '2', '', '1'])
  })

  test('none', () => {
    for (const header of ['', ';', '; ;', '=', 'n', 'm=n', 'nn=1', 'm=1 n=2', 'm=n=1'])
      expect(readCookies(header, 'n')).toEqual([])
  })

  test('malformed neighbours change nothing', () => {
    for (const bad of ['a', '=', '=n=9', 'a=x y', 'a={"n=1"}', 'a="', '"n=1"', 'path=/', 'a,n=1', '\0', 'é=é']) {
      expect(readCookies(`${bad}; n=1; ${bad}`, 'n')).toEqual(['1'])
    }
  })

  test('names are compared whole, and in their case', () => {
    expect(readCookies('N=1; n =2; xn=3; nx=4; n.public=5', 'n')).toEqual(['2'])
    expect(readCookies('n.public=5; nxpublic=6', 'n.public')).toEqual(['5'])
  })

  test('values keep what is in them: equals signs, commas, percents, spaces inside', () => {
    expect(readCookies('n=a==b=; n=a, b; n=%22+%3B; n=a  b', 'n')).toEqual(['a==b=', 'a, b', '%22+%3B', 'a  b'])
  })

  test('16 at most, the last ones', () => {
    const header = Array.from({ length: 40 }, (_, index) => `n=${index}`).join('; ')
    expect(readCookies(header, 'n')).toEqual(Array.from({ length: 16 }, (_, index) => `${24 + index}`))
  })
})

describe('white space', () => {
  test('SP and HTAB are taken off both ends of name and value', () => {
    expect(readCookies(' \t n\t =\t 1 \t;\tn= ; n=\t', 'n')).toEqual(['1', '', ''])
  })

  test.each([
    '\u00a0',
    '\u2000',
    '\u3000',
    '\ufeff',
    '\n',
    '\r',
    '\v',
    '\f',
    '\0',
    '\u0085',
    '\u2028',
    '%20',
    '%09',
    '\\',
  ])('no other does: %j makes another name, and stays in a value', (space) => {
    expect(readCookies(`${space}n=1`, 'n')).toEqual([])
    expect(readCookies(`n${space}=1`, 'n')).toEqual([])
    expect(readCookies(`n=${space}1${space}`, 'n')).toEqual([`${space}1${space}`])
    expect(readCookies(`n=1;${space}n=2`, 'n')).toEqual(['1'])
  })

  test('encoded names are other names', () => {
    expect(readCookies('%6e=1; n%3D=2; \\156=3; "n"=4; __%48ost-n=5', 'n')).toEqual([])
    expect(readCookies('__%48ost-n=5', '__Host-n')).toEqual([])
  })
})

describe('quotes', () => {
  test.each([
    ['"v"', 'v'],
    ['""', ''],
    ['"', '"'],
    ['"v', '"v'],
    ['v"', 'v"'],
    ['""v""', '"v"'],
    ['"a"b"', 'a"b'],
    ['" v "', ' v '],
    ['"a\\073b"', 'a\\073b'],
    ['"a\\"b"', 'a\\"b'],
    ["'v'", "'v'"],
    ['"a\nb"', 'a\nb'],
    ['"v" x', '"v" x'],
  ])('%s is %s: one pair at most, and no escapes', (coded, value) => {
    expect(readCookies(`n=${coded}`, 'n')).toEqual([value])
  })

  test('a semicolon ends a value within them too', () => {
    expect(readCookies('a="; n=1; b="', 'n')).toEqual(['1'])
    expect(readCookies('n="a;b"', 'n')).toEqual(['"a'])
  })
})

describe('names that mean something elsewhere', () => {
  test('$Version and $Path are cookies like others', () => {
    const header = '$Version=1; n=1; $Path=/; $Domain=x'
    expect(readCookies(header, 'n')).toEqual(['1'])
    expect(readCookies(header, '$Version')).toEqual(['1'])
  })

  test('a cookie without a name never gives one', () => {
    for (const header of ['=n=1', ' =n=1', '\t=n=1', '==n', '=n', 'n']) {
      expect(readCookies(header, 'n')).toEqual([])
      expect(readCookies(header, '')).toEqual([])
      expect(readCookies(header, '=n')).toEqual([])
    }
  })

  test('__proto__, constructor and toString', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(readCookies('', name)).toEqual([])
      expect(readCookies(`a=1; ${name}=2`, name)).toEqual(['2'])
    }
    expect(({} as { a?: unknown }).a).toBeUndefined()
  })
})

describe('time grows only with the length', () => {
  const shapes: Record<string, (length: number) => string> = {
    semicolons: (length) => ';'.repeat(length),
    'equals signs': (length) => '='.repeat(length),
    'our name': (length) => 'n=1;'.repeat(length / 4),
    'spaces before a name': (length) => `${' '.repeat(length)}n=1`,
    'spaces in a name': (length) => `n${' '.repeat(length)}x=1`,
    'spaces and tabs after a value': (length) => `n=1${' \t'.repeat(length / 2)}x`,
    'only spaces in a value': (length) => `n=${' '.repeat(length)}`,
    quotes: (length) => `n=${'"'.repeat(length)}`,
    'a quote that never ends': (length) => `n="${'a'.repeat(length)}`,
    'quotes and spaces': (length) => `n="${'" '.repeat(length / 2)}`,
    backslashes: (length) => `n="${'\\"'.repeat(length / 2)}`,
    'names without values': (length) => 'n;'.repeat(length / 2),
    'one cookie': (length) => `n=${'a'.repeat(length)}`,
  }

  // Reading half a megabyte takes milliseconds; if the time grew with its square, it would take longer than the timeout.
  test.each(Object.entries(shapes))('%s', (_, shape) => {
    expect(readCookies(shape(524_288), 'n').length).toBeLessThanOrEqual(16)
  })
})
