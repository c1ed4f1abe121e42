// @ts-check
/** What the package ships, on every runtime: each codec that writes takes a session out and back. */
import { expect, test } from 'vitest'
import * as subpath from '../../dist/server/codecs/beaker-jwt.js'
import * as server from '../../dist/server/index.js'
import * as shared from '../../dist/shared/index.js'

const secret = 'a secret of at least thirty-two bytes'
const secrets = [secret]
const data = { user: 'dave', score: 1.5, text: 'ä'.repeat(100) }

/** @type {Record<string, () => import('../../dist/server/index.js').SessionCodec>} */
const codecs = {
  beakerJwt: () => server.beakerJwt({ secrets }),
  beaker: () => server.beaker({ validateKey: secret }),
  'beaker, encrypted': () =>
    server.beaker({ validateKey: secret, encryptKey: secret, cryptoType: 'cryptography', serializer: 'json' }),
  jwt: () => server.jwt({ secrets }),
  compact: () => server.compact({ secrets }),
  jwe: () => server.jwe({ secrets }),
  'jwe, A256CBC-HS512': () => server.jwe({ secrets, enc: 'A256CBC-HS512', payload: 'claims' }),
  djangoSigned: () => server.djangoSigned({ secretKey: secret }),
}

test.each(Object.entries(codecs))('%s', async (_name, codec) => {
  const sessions = server.createSessions({ codecs: [codec()], expose: false })
  const first = await sessions.load('')
  Object.assign(first.data, data)
  const cookies = await sessions.commit(first)
  const second = await sessions.load(cookies.map((cookie) => cookie.split(';')[0]).join('; '))
  expect(second.rejected).toBe(undefined)
  expect(second.data).toEqual(data)
})

test('what two entries export is one', () => {
  expect(shared.SessionError).toBe(server.SessionError)
  expect(subpath.beakerJwt).toBe(server.beakerJwt)
})
