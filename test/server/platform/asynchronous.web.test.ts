/** WebCrypto answers with promises; the session is the same, and one request still has one session. */

import { expect, test } from 'vitest'
import { platform } from '#platform'
import { trips } from '../../../src/server/core/sessions.js'
import { createSessions } from '../../../src/server/index.js'
import { SECRET } from '../server.helpers.js'

test('load and commit answer with promises where a key is asked', async () => {
  expect(platform.name).toBe('web')
  const { load, commit } = createSessions({ secrets: [SECRET], expose: ['user'] })[trips]
  const session = await load(null)
  session.data.user = 'dave'
  const cookies = commit(session)
  expect(cookies).toBeInstanceOf(Promise)
  const request = { headers: { cookie: (await cookies).map((cookie) => cookie.split(';')[0]).join('; ') } }
  const first = load(request)
  expect(first).toBeInstanceOf(Promise)
  expect(load(request)).toBe(first)
  expect(await first).toMatchObject({ data: { user: 'dave' }, isNew: false })
})
