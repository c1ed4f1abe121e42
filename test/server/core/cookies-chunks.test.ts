import { describe, expect, test } from 'vitest'
import { chunkRoom, createChunkLimits, readChunks, splitValue } from '../../../src/server/core/cookies.js'

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
  test.each<[string, object]>([
    ['sid=a', { indexes: [] }],
    ['sid=a; sid.public=x', { indexes: [] }],
    ['sid=a; sid.1=b; sid.2=c', { indexes: [1, 2], joined: 'abc' }],
    ['sid.2=c; sid.1=b; sid=a', { indexes: [1, 2], joined: 'abc' }],
    ['sid=a; sid.2=c', { indexes: [2] }],
    ['sid.1=b', { indexes: [1] }],
    ['sid=a; sid.1=b; sid.9=z; sid.01=y; sid.=x', { indexes: [1], joined: 'ab' }],
    ['sid=a; sid.1=b; sid.2=c; sid.3=d; sid.4=e', { indexes: [1, 2, 3], joined: 'abcd' }],
    ['sid=a; sid=A; sid.1=b; sid.1=B', { indexes: [1], joined: 'AB' }],
    ['sid=a; sid.1=', { indexes: [1], joined: 'a' }],
  ])('%s', (header, found) => {
    expect(readChunks(header, 'sid')).toEqual(found)
  })
})
