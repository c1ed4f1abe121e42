/** Limits of the server that no other file looks at, at the limit and one past it. docs/security.md has the table. */
import { createHmac } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { createCookieWriter } from '../../../src/server/core/cookies.js'
import { beakerJwt } from '../../../src/server/index.js'
import { equalValues } from '../../../src/server/values.js'
import { writeBson } from '../../../src/shared/bson/writer.js'
import { encodeBase85 } from '../../../src/shared/encode-base85.js'
import { SECRET } from '../server.helpers.js'

test('a comparison descends 100 levels; deeper values count as different', () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)])
  expect(equalValues(nested(101), nested(101))).toBe(true)
  expect(equalValues(nested(102), nested(102))).toBe(false)
})

test('a cookie may live for 1000 years, not a second longer', () => {
  const years = 1000 * 365 * 86_400
  for (const option of ['maxAge', 'expires']) {
    expect(() => createCookieWriter({ [option]: years }, ['n'])).not.toThrow()
    expect(() => createCookieWriter({ [option]: years + 1 }, ['n'])).toThrow(new RegExp(`"${option}".*1000 years`))
  }
})

test('a verified payload may inflate to 1 MiB, not to one byte more; maxInflated moves it', async () => {
  const frame = writeBson({ a: '' }, { maxBytes: Infinity }).length
  const token = (bytes: number): string => {
    const bson = writeBson({ a: 'x'.repeat(bytes - frame) }, { maxBytes: Infinity })
    expect(bson.length).toBe(bytes)
    const text = (json: string) => Buffer.from(json).toString('base64url')
    const claims = JSON.stringify({ bsZ: encodeBase85(deflateSync(bson)) })
    const signingInput = `${text('{"typ":"JWT","alg":"HS256"}')}.${text(claims)}`
    return `${signingInput}.${createHmac('sha256', SECRET).update(signingInput).digest('base64url')}`
  }
  const context = { cookieName: 'n', purpose: 'session', now: new Date() } as const
  const read = async (bytes: number, maxInflated?: number) =>
    beakerJwt({ secrets: [SECRET], ...(maxInflated === undefined ? {} : { maxInflated }) }).verify(
      token(bytes),
      context,
    )
  expect((await read(1_048_576)).data.a).toHaveLength(1_048_576 - frame)
  await expect(read(1_048_577)).rejects.toMatchObject({ code: 'ERR_SESSION_LIMIT', verified: true })
  expect((await read(1000, 1000)).data.a).toHaveLength(1000 - frame)
  await expect(read(1001, 1000)).rejects.toMatchObject({ code: 'ERR_SESSION_LIMIT', verified: true })
  for (const maxInflated of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '1MB' as unknown as number]) {
    expect(() => beakerJwt({ secrets: [SECRET], maxInflated })).toThrow(/maxInflated/)
  }
})
