/** A session that no timeout could end, for it has no time that one could count from. */
import { expect, test } from 'vitest'
import {
  beakerJwt,
  compact,
  createReadStats,
  createSessions,
  defineSession,
  jwt,
  type SessionCodec,
  verifySessions,
} from '../../../src/server/index.js'
import { SECRET, START } from '../server.helpers.js'

const now = new Date(START)
const clock = () => now
const idle = defineSession({ name: 'sid', idleTimeout: '30m' })
const absolute = defineSession({ name: 'sid', absoluteTimeout: '8h' })
const both = defineSession({ name: 'sid', idleTimeout: '30m', absoluteTimeout: '8h' })
const plain = jwt({ secrets: SECRET })

/** A cookie whose payload has these times and no others. */
async function cookieOf(codec: SessionCodec, times: { createdAt?: Date; accessedAt?: Date; expiresAt?: Date }) {
  const value = await codec.sign?.({ data: { user: 'dave' }, id: 'f'.repeat(32), ...times }, context)
  return `sid=${value}`
}
const context = { cookieName: 'sid', purpose: 'session', now } as const

const later = new Date(START + 60_000)

test.each([
  ['idle, no time at all', idle, {}, true],
  ['idle, a beginning', idle, { createdAt: now }, true],
  ['idle, an end that tells the last access', idle, { expiresAt: later }, false],
  ['absolute, no time at all', absolute, {}, true],
  ['absolute, an end alone', absolute, { expiresAt: later }, true],
  ['absolute, a beginning', absolute, { createdAt: now }, false],
  ['both, an end alone', both, { expiresAt: later }, true],
  ['both, a beginning and an end', both, { createdAt: now, expiresAt: later }, false],
  ['no timeout, no time at all', defineSession({ name: 'sid', idleTimeout: false }), {}, false],
] as const)('plain claims, %s', async (_, session, times, isUntimed) => {
  const cookie = await cookieOf(plain, times)
  const stats = createReadStats({ clock })
  const lenient = verifySessions({ session, codecs: [plain], clock, on: stats.on })
  expect((await lenient.load(cookie)).data).toEqual({ user: 'dave' })
  expect(stats.untimed()).toBe(isUntimed ? 1 : 0)

  const strict = verifySessions({ session, codecs: [plain], clock, on: stats.on, requireTimes: true })
  const { data, rejected } = await strict.load(cookie)
  expect({ data, code: rejected?.code }).toEqual(
    isUntimed ? { data: {}, code: 'ERR_SESSION_EXPIRED' } : { data: { user: 'dave' }, code: undefined },
  )
  expect(stats.untimed()).toBe(isUntimed ? 1 : 0)
})

test.each([
  ['the default end', defineSession({ name: 'sid' })],
  ['the same end in a definition', defineSession({ name: 'sid', idleTimeout: '14d' })],
])('%s alone refuses no session without times; requireTimes does', async (_, session) => {
  const codecs = [plain, beakerJwt({ secrets: SECRET })]
  for (const codec of codecs) {
    const cookie = await cookieOf(codec, {})
    const load = async (options: object) =>
      (await verifySessions({ session, codecs, clock, ...options }).load(cookie)).rejected?.code
    expect(await load({})).toBeUndefined()
    expect(await load({ requireTimes: true })).toBe('ERR_SESSION_EXPIRED')
  }
})

test('compact sessions need their times, unless the option says otherwise', async () => {
  const own = compact({ secrets: SECRET })
  // As a server would read them whose sessions are written without times.
  const codec: SessionCodec = {
    ...own,
    async verify(value, given) {
      const { createdAt, accessedAt, ...rest } = await own.verify(value, given)
      return rest
    },
  }
  const cookie = await cookieOf(own, { createdAt: now, accessedAt: now })
  const load = async (options: object) =>
    (await createSessions({ session: both, codecs: [codec], expose: false, clock, ...options }).load(cookie)).rejected
      ?.code
  expect(await load({ codecs: [own] })).toBeUndefined()
  expect(await load({})).toBe('ERR_SESSION_EXPIRED')
  expect(await load({ requireTimes: false })).toBeUndefined()
  expect(await load({ session: defineSession({ name: 'sid', idleTimeout: false }) })).toBeUndefined()
})

test('the session that replaces a refused one has its times', async () => {
  const codec = beakerJwt({ secrets: SECRET })
  const sessions = createSessions({ session: both, codecs: [codec, plain], expose: false, clock, requireTimes: true })
  const session = await sessions.load(await cookieOf(plain, {}))
  expect(session.rejected?.code).toBe('ERR_SESSION_EXPIRED')
  session.data.user = 'erin'
  const [cookie = ''] = await sessions.commit(session)
  expect((await sessions.load(String(cookie).split(';')[0] ?? '')).data).toEqual({ user: 'erin' })
})

test.each(['yes', 1, null])('requireTimes: %o is refused', (requireTimes) => {
  expect(() => verifySessions({ codecs: [plain], requireTimes: requireTimes as never })).toThrow(
    'Option "requireTimes" must be true or false',
  )
})
