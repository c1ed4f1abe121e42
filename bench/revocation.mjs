/**
 * What the look at revocations adds to a load: a known cookie, a whole request, without a store that is far away.
 */
import { beakerJwt, createRevocations, createSessions, memoryStore } from '../dist/server/index.js'
import { timeInRounds } from './measure.mjs'
import { data, secret } from './session.mjs'

export async function measureRevocation() {
  const codecs = [beakerJwt({ secrets: [secret] })]
  const owner = ({ user }) => user?.id
  const idle = createRevocations({ store: memoryStore(), cacheFor: '10s' })
  const busy = createRevocations({ store: memoryStore(), cacheFor: '10s' })
  await busy.revokeSession('another')
  const fresh = createRevocations({ store: memoryStore(), cacheFor: 0 })
  await fresh.revokeSession('another')
  const loads = (revocation) => createSessions({ codecs, expose: false, owner, ...(revocation && { revocation }) })
  const session = await loads().load('')
  session.regenerate({ authenticated: true })
  Object.assign(session.data, data)
  const cookie = String((await loads().commit(session))[0]).split(';')[0]
  const thing = (name, sessions) => ({ name, call: () => sessions.load(cookie) })
  return timeInRounds([
    thing('without revocations', loads()),
    thing('nothing was revoked', loads(idle)),
    thing('something was, and this session is remembered', loads(busy)),
    thing('something was, three rows in the memory of the process (cacheFor: 0)', loads(fresh)),
  ])
}
