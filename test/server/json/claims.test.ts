import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createJsonClaims, readClaims } from '../../../src/server/json/claims.js'
import { readJson } from '../../../src/server/json/reader.js'
import { writeJson } from '../../../src/server/json/writer.js'
import { runs } from '../../random.js'
import { expectWithout, rejection } from '../server.helpers.js'

describe('claims', () => {
  test('are what the exact reader reads, whatever the text', () => {
    const number = fc.oneof(
      fc.double().map((value) => JSON.stringify(value)),
      fc.bigInt().map(String),
      fc.constantFrom(
        'NaN',
        '-Infinity',
        '1e400',
        '-0',
        '-0.0',
        '9007199254740992',
        '9007199254740991',
        '999999999999999',
      ),
    )
    const text = fc
      .tuple(fc.jsonValue(), number)
      .map(([value, token]) => `{"a":${JSON.stringify(value)},"b":[${token}]}`)
    fc.assert(
      fc.property(text, (payload) => {
        expect(readClaims(payload)).toStrictEqual(readJson(payload).value)
      }),
      { numRuns: runs(300) },
    )
  })

  test.each(['[]', '[{}]', '1', '"{}"', 'null', 'true', 'NaN', '1234567890123456'])('%s is no object', async (text) => {
    await rejection('ERR_SESSION_JSON', () => readClaims(text))
  })

  test.each(['', '{', '{}x', '{"a":swordfish}', '{"a":NaN,swordfish}'])('%s is no JSON', async (text) => {
    expectWithout(await rejection('ERR_SESSION_JSON', () => readClaims(text)), ['swordfish'])
  })

  test('64 levels are read, one more is not', async () => {
    const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    expect(() => readClaims(nested(64))).not.toThrow()
    await rejection('ERR_SESSION_LIMIT', () => readClaims(nested(65)))
  })

  test('many brackets beside each other are read', () => {
    expect(readClaims(`{"a":[${Array(500).fill('{}').join(',')}]}`).a).toHaveLength(500)
  })

  test('names of the prototype are plain members on both ways through', () => {
    for (const extra of ['1', 'NaN']) {
      const claims = readClaims(
        `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"b":${extra}}`,
      )
      expect(Object.keys(claims)).toEqual(['__proto__', 'constructor', 'b'])
      expect(Object.getPrototypeOf(claims)).toBe(Object.prototype)
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    }
  })
})

describe('the claims of one token, for several sessions', () => {
  test('are equal each time and share nothing', () => {
    const claims = createJsonClaims('{"user":{"roles":["a"]},"big":12345678901234567890}')
    const first = claims.read() as { user: { roles: string[] } }
    first.user.roles.push('b')
    expect(claims.read()).toStrictEqual({ user: { roles: ['a'] }, big: 12345678901234567890n })
  })

  test('leave the root as it was read', () => {
    const claims = createJsonClaims('{"user":{"name":"ada"},"rate":1.0}')
    const session = claims.read() as { user: { name: string } }
    session.user.name = 'eve'
    expect(claims.root().value).toStrictEqual({ user: { name: 'ada' }, rate: 1 })
    expect(claims.root().child?.('rate')?.raw).toBe('1.0')
    expect(claims.root()).toBe(claims.root())
  })

  test('are refused each time if they are not an object', async () => {
    const claims = createJsonClaims('[1]')
    for (let time = 0; time < 2; time++) await rejection('ERR_SESSION_JSON', () => claims.read())
  })
})

describe('the number of values', () => {
  const list = (items: string[]): string => `{"a":[${items}]}`
  const of = (item: string, count: number): string[] => new Array(count).fill(item)

  test.each([
    ['numbers', '0'],
    ['objects', '{}'],
    ['texts with brackets and commas', '"[,{\\","'],
    ['numbers that only our reader reads', '12345678901234567890'],
  ])('of %s is bounded, exactly as where they are written', async (_, item) => {
    // The object, its list and the items.
    const most = list(of(item, 98))
    expect(readClaims(most, 100)).toEqual(readJson(most, 100).value)
    expect(writeJson(readClaims(most), { maxValues: 100 })).toBe(most)
    const more = list(of(item, 99))
    await rejection('ERR_SESSION_LIMIT', () => readClaims(more, 100))
    await rejection('ERR_SESSION_LIMIT', () => readJson(more, 100))
    await rejection('ERR_SESSION_LIMIT', () => writeJson(readClaims(more), { maxValues: 100 }))
  })

  test('is 100 000 at most', async () => {
    expect((readClaims(list(of('0', 99_998))).a as unknown[]).length).toBe(99_998)
    await rejection('ERR_SESSION_LIMIT', () => readClaims(list(of('0', 99_999))))
    await rejection('ERR_SESSION_LIMIT', () => writeJson({ a: of('', 99_999) }))
  })

  test('a bracket in a text closes nothing', async () => {
    const deep = `{"a":"${']'.repeat(200)}","b":${'['.repeat(64)}${']'.repeat(64)}}`
    await rejection('ERR_SESSION_LIMIT', () => readClaims(deep))
    const wide = `{"a":[${of('[]', 200)}],"b":"${'['.repeat(200)}"}`
    expect(readClaims(wide)).toEqual(readJson(wide).value)
  })
})
