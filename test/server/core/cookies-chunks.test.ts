import { describe, expect, test } from 'vitest'
import { chunkRoom, createChunkLimits, readSessionCookies, splitValue } from '../../../src/server/core/cookies.js'

const limits = createChunkLimits({})
const bytesInHeader = (pieces: readonly string[]): number =>
  pieces.map((piece, index) => `sid${index === 0 ? '' : `.${index}`}=${piece}; `).join('').length

describe('the pieces of a value', () => {
  test('one, where one is enough', () => {
    expect(splitValue('sid', 'x'.repeat(4093), limits)).toEqual(['x'.repeat(4093)])
    expect(splitValue('sid', 'x'.repeat(4094), limits).map((piece) => piece.length)).toEqual([4093, 1])
  })

  test.each<[{ chunks?: number; headerBudget?: number }, number[]]>([
    [{}, [4093, 8192 - 4099 - 8]],
    [{ headerBudget: 100_000 }, [4093, 4091, 4091]],
    [{ headerBudget: 100_000, chunks: 4 }, [4093, 4091, 4091, 4091]],
    [{ headerBudget: 9000 }, [4093, 4091, 9000 - 2 * 4099 - 8]],
    [{ headerBudget: 8199 }, [4093, 4091]],
    [{ chunks: 1 }, [4093]],
    [{ headerBudget: 4096 }, [4090]],
  ])('fill the cookies and the header to the byte: %j', (options, lengths) => {
    const own = createChunkLimits(options)
    const room = chunkRoom('sid', own)
    expect(room).toBe(lengths.reduce((sum, length) => sum + length, 0))
    const value = Array.from({ length: room }, (_, at) => String.fromCharCode(65 + (at % 26))).join('')
    const pieces = splitValue('sid', value, own)
    expect(pieces.map((piece) => piece.length)).toEqual(lengths)
    expect(pieces.join('')).toBe(value)
    expect(bytesInHeader(pieces)).toBeLessThanOrEqual(options.headerBudget ?? 8192)
  })

  test.each([{ chunks: 0 }, { chunks: 5 }, { chunks: 1.5 }, { headerBudget: 4095 }, { headerBudget: Number.NaN }])(
    'no limits of %j',
    (options) => {
      expect(() => createChunkLimits(options)).toThrow(`"${Object.keys(options)[0]}"`)
    },
  )
})

describe('pieces of a request', () => {
  const read = (header: string) => readSessionCookies(header, 'sid', true)
  /** All candidates; the joined ones in parentheses. */
  const found = (header: string): string[] =>
    read(header).candidates.map(({ value, isJoined }) => (isJoined ? `(${value})` : value))
  /** A piece that fills its cookie, short to look at. */
  const full = (letter: string, index = 0): string => letter.repeat(index === 0 ? 4093 : 4091)
  const short = (text: string): string => text.replace(/(.)\1{4000,}/g, '$1…')

  test.each<[string, number[], string[]]>([
    ['sid=a', [], ['a']],
    ['sid=a; sid.public=x', [], ['a']],
    ['sid=a; sid.1=b; sid.2=c', [1, 2], ['a', '(abc)', '(ab)']],
    ['sid.2=c; sid.1=b; sid=a', [1, 2], ['a', '(abc)', '(ab)']],
    ['sid=a; sid.2=c', [2], ['a']],
    ['sid.1=b', [1], []],
    ['sid=a; sid.1=b; sid.9=z; sid.01=y; sid.=x', [1], ['a', '(ab)']],
    ['sid=a; sid.1=b; sid.2=c; sid.3=d; sid.4=e', [1, 2, 3], ['a', '(abcd)', '(abc)', '(ab)']],
    ['sid=a; sid.1=', [1], ['a', '(a)']],
  ])('%s', (header, chunks, candidates) => {
    expect(read(header).chunks).toEqual(chunks)
    expect(found(header)).toEqual(candidates)
    const alone = readSessionCookies(header, 'sid', false)
    expect([alone.chunks, alone.candidates.map(({ isJoined }) => isJoined)]).toEqual([
      [],
      header.includes('sid=') ? [false] : [],
    ])
  })

  test.each<[string, string, string[]]>([
    ['two pieces', `sid=${full('a')}; sid.1=b`, ['(a…b)', 'a…']],
    ['a third one left over', `sid=${full('a')}; sid.1=b; sid.2=c`, ['(a…b)', '(a…bc)', 'a…']],
    ['three pieces', `sid=${full('a')}; sid.1=${full('b', 1)}; sid.2=c`, ['(a…b…c)', '(a…b…)', 'a…']],
    ['one planted beside a short session', 'sid=old; sid=a; sid.1=b', ['a', '(ab)', '(oldb)', 'old']],
    ['one planted over a piece', `sid=${full('a')}; sid.1=b; sid.1=B`, ['(a…B)', '(a…b)', 'a…']],
    [
      'the pieces of two places',
      `sid=${full('a')}; sid.1=b; sid=${full('A')}; sid.1=B`,
      ['(A…B)', '(A…b)', '(a…B)', '(a…b)', 'A…', 'a…'],
    ],
  ])('the likeliest first: %s', (_, header, candidates) => {
    expect(found(header).map(short)).toEqual(candidates)
  })

  test('a name that stands several times is told, and what a join begins with', () => {
    expect(read('sid=a; sid.1=b').hasSeveral).toBe(false)
    expect(read('sid=a; sid.1=b; sid.1=c').hasSeveral).toBe(true)
    expect(read('sid=a; sid=b').hasSeveral).toBe(true)
    const [best] = read(`sid=${full('a')}; sid.1=b`).candidates
    expect(best).toMatchObject({ first: full('a'), isJoined: true })
  })

  test('12 joins at most, whatever is planted', () => {
    const planted = Array.from({ length: 16 }, (_, n) => `sid=${full('a')}${n}; sid.1=${n}; sid.2=${n}; sid.3=${n}`)
    const joins = read(planted.join('; ')).candidates.filter(({ isJoined }) => isJoined)
    expect(joins).toHaveLength(12)
    expect(read(planted.join('; ')).isCutShort).toBe(true)
  })

  test('nothing is cut short where three pieces each stand there twice', () => {
    const twice = ['a', 'b'].map((text) => `sid=${full(text)}; sid.1=${full(text, 1)}; sid.2=${text}`).join('; ')
    expect(read(twice).candidates).toHaveLength(14)
    expect(read(twice).isCutShort).toBe(false)
    expect(read(`${twice}; sid.2=c`).isCutShort).toBe(true)
  })
})
