/** A thousand tenants: `with()` leaves nothing behind, and what a tenant keeps is small. It asks the garbage collector, so it is for Node alone. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { compact, createSessions, jwt, memoryStore, type SessionData, type Sessions } from '../../src/server/index.js'
import { SECRET } from '../server/server.helpers.js'

const TENANTS = Array.from({ length: 1000 }, (_, index) => `tenant ${index}`)
const MEBIBYTE = 1_048_576

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heapNow(): number {
  for (let round = 0; round < 3; round++) collect()
  return process.memoryUsage().heapUsed
}

/** One request that signs in, and one that comes back. */
async function visit(sessions: Sessions, user: string): Promise<void> {
  const session = await sessions.load('')
  session.data.user = user
  const token = session.csrfToken()
  const cookie = (await sessions.commit(session)).map((text) => text.split(';')[0]).join('; ')
  const again = await sessions.load(cookie)
  expect(again.data).toEqual({ user })
  expect(again.verifyCsrf(token)).toBe(true)
}

test.each([
  [
    'in cookies',
    () => createSessions<SessionData>({ codecs: [compact({ secrets: SECRET })], expose: ['user'], on() {} }),
  ],
  [
    'in a store',
    () =>
      createSessions<SessionData>({
        codecs: [jwt({ secrets: SECRET })],
        store: memoryStore({ maxSessions: 100 }),
        expose: ['user'],
      }),
  ],
])('with() in each request leaves nothing behind: %s', async (_, make) => {
  const sessions = make()
  const round = async (): Promise<void> => {
    for (const tenant of TENANTS) await visit(sessions.with({ tenant, domain: 'example.com' }), tenant)
  }
  // The caches are full then.
  await round()
  const before = heapNow()
  for (let index = 0; index < 2; index++) await round()
  expect(heapNow() - before).toBeLessThan(2 * MEBIBYTE)
})

test('a tenant that is kept takes a few KiB', async () => {
  const sessions = createSessions<SessionData>({ codecs: [compact({ secrets: SECRET })], expose: ['user'] })
  const kept = new Map<string, Sessions>()
  const before = heapNow()
  for (const tenant of TENANTS) {
    const own = sessions.with({ tenant })
    kept.set(tenant, own)
    await visit(own, tenant)
  }
  expect(heapNow() - before).toBeLessThan(24 * MEBIBYTE)
  expect(kept.size).toBe(TENANTS.length)
})
