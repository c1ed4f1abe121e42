import { describe, expect, test } from 'vitest'
import { checkExpires, checkMaxInflated, refuseMeta, refuseTokenTimes } from '../../../src/server/codecs/checks.js'
import type { SessionError } from '../../../src/shared/errors.js'
import type { SessionMeta } from '../../../src/shared/types.js'
import { START } from '../server.helpers.js'

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

test.each([0, -1, 1.5, 2 ** 30 + 1, Number.NaN, '1'])('maxInflated is no %s', (value) => {
  expect(() => checkMaxInflated(value as number)).toThrow('Option "maxInflated"')
})

test('maxInflated is 1 MiB unless it is given, up to 1 GiB', () => {
  expect([checkMaxInflated(), checkMaxInflated(1), checkMaxInflated(2 ** 30)]).toEqual([2 ** 20, 1, 2 ** 30])
})

test('a token lives for a second or more', () => {
  expect([checkExpires(undefined), checkExpires('1s'), checkExpires('2m')]).toEqual([undefined, 1000, 120_000])
  expect(() => checkExpires(0.999)).toThrow('Option "expires"')
})

describe('the times of a token', () => {
  const at = (seconds: number): Date => new Date(START + seconds * 1000)
  const refused = (times: SessionMeta): string | undefined => {
    try {
      refuseTokenTimes(times, new Date(START), 30_000)
    } catch (error) {
      expect((error as SessionError).verified).toBe(true)
      return (error as SessionError).code
    }
    return undefined
  }

  test('a token expires from that moment and the tolerance on (RFC 7519 §4.1.4)', () => {
    expect(refused({ expiresAt: at(-29.999) })).toBeUndefined()
    expect(refused({ expiresAt: at(-30) })).toBe('ERR_SESSION_EXPIRED')
    expect(refused({ expiresAt: new Date(0) })).toBe('ERR_SESSION_EXPIRED')
  })

  test.each(['notBefore', 'createdAt'])('%s may be ahead by the tolerance', (name) => {
    expect(refused({ [name]: at(30) })).toBeUndefined()
    expect(refused({ [name]: at(30.001) })).toBe('ERR_SESSION_NOT_YET_VALID')
    expect(refused({ [name]: new Date(0) })).toBeUndefined()
  })
})
