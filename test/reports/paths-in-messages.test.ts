/** workerd logs the message of an error alone, so the path of the value that can't be written stands in it; a value never does. */
import { expect, test } from 'vitest'
import {
  beaker,
  beakerJwt,
  compact,
  createSessions,
  djangoSigned,
  jwt,
  memoryStore,
  type SessionCodec,
  SessionError,
  type SessionStore,
} from '../../src/server/index.js'
import { SECRET } from '../server/server.helpers.js'

const secrets = [SECRET]
const wrong = (): string => 'swordfish'

test.each<[string, SessionCodec, SessionStore?]>([
  ['BSON', beakerJwt({ secrets })],
  ['BSON of compact', compact({ secrets })],
  ['plain claims', beakerJwt({ secrets, compress: false })],
  ['JSON of jwt', jwt({ secrets })],
  ['a pickle', beaker({ validateKey: SECRET })],
  ['JSON of Beaker', beaker({ validateKey: SECRET, serializer: 'json' })],
  ['JSON of Django', djangoSigned({ secretKey: SECRET })],
  ['a row', jwt({ secrets }), memoryStore()],
])('%s', async (_, codec, store) => {
  const sessions = createSessions({ codecs: [codec], expose: false, ...(store && { store }) })
  const session = await sessions.load('')
  session.data.cart = { items: [{ price: wrong }] }
  const error = await sessions.commit(session).then(
    () => undefined,
    (failure: unknown) => failure,
  )
  expect(error).toMatchObject({ code: 'ERR_SESSION_UNWRITABLE', path: 'cart.items.0.price' })
  expect((error as SessionError).message).toContain('(at "cart.items.0.price")')
  expect((error as SessionError).message).not.toContain('swordfish')
})

test('a key can not break the line of a log, nor fill it', async () => {
  const sessions = createSessions({ secrets, expose: false })
  const session = await sessions.load('')
  session.data[`a\nb${'c'.repeat(5000)}`] = wrong
  const error = (await sessions.commit(session).catch((failure: unknown) => failure)) as SessionError
  expect(error).toBeInstanceOf(SessionError)
  expect(error.message).toContain('(at "a\\nbccc')
  expect(error.message.length).toBeLessThan(400)
})
