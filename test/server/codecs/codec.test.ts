import { describe, expect, test } from 'vitest'
import { refuseMeta } from '../../../src/server/codecs/codec.js'

const META = { _id: 'session.regenerate()', exp: 'the option "expires"' }

describe('the check at writing', () => {
  test('refuses a key that came in another way', () => {
    expect(() => refuseMeta({ user: 'dave', exp: 5 }, META)).toThrow(/"exp" is not session data/)
    expect(() => refuseMeta(JSON.parse('{"_id":null}'), META)).toThrow(TypeError)
  })

  test('lets other data, undefined and inherited keys pass', () => {
    expect(() => refuseMeta({ user: 'dave' }, META)).not.toThrow()
    expect(() => refuseMeta({ _id: undefined }, META)).not.toThrow()
    expect(() => refuseMeta(Object.create({ _id: 1 }), META)).not.toThrow()
    expect(() => refuseMeta({}, { constructor: 'x', toString: 'y' })).not.toThrow()
  })
})
