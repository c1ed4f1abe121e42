/** What fails after a signature was good is never taken for a stranger's cookie, and never overwritten. */

import * as bson from 'bson'
import { ObjectId } from 'bson'
import { expect, test } from 'vitest'
import { bsonTypesOf } from '../../../src/server/bson-types.js'
import { beakerJwt, createSessions, expressSessions, fetchSessions, type Sessions } from '../../../src/server/index.js'

const bsonPackageTypes = bsonTypesOf(bson)

const SECRET = 'a secret that is long enough for HMAC'

test('maxInflated must be a number of octets', () => {
  for (const maxInflated of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '1MB' as unknown as number]) {
    expect(() => beakerJwt({ secrets: [SECRET], maxInflated })).toThrow(/maxInflated/)
  }
})

test('a maker of special values that throws costs nobody the session', async () => {
  const good = createSessions({ secrets: [SECRET], expose: true })
  const session = await good.load('')
  session.data.user = new ObjectId()
  const [cookie = ''] = await good.commit(session)
  const objectId = () => {
    throw new Error('a broken driver')
  }
  const broken = createSessions({
    codecs: [beakerJwt({ secrets: [SECRET], bsonTypes: { ...bsonPackageTypes, objectId } })],
    expose: true,
  })
  const unreadable = await broken.load(cookie.split(';')[0])
  expect(unreadable.rejected).toMatchObject({ code: 'ERR_SESSION_MALFORMED', verified: true })
  unreadable.data.user = 'another'
  await expect(broken.commit(unreadable)).rejects.toMatchObject({ code: 'ERR_SESSION_PROTECTED' })
})

test('sessions that are read only have nothing to write with, for adapters either', () => {
  const reading = createSessions({ secrets: [SECRET], expose: true, readOnly: true })
  expect(reading).not.toHaveProperty('commit')
  expect(() => expressSessions(reading as unknown as Sessions)).toThrow(/read only/)
})

test('an answer whose headers can not be changed passes as it is', async () => {
  const handler = fetchSessions(createSessions({ secrets: [SECRET], expose: true }), () => Response.error())
  expect((await handler(new Request('http://localhost/'))).type).toBe('error')
})
