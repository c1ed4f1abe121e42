/** On Node nothing of a session has to be awaited, so that an adapter can set the cookie inside `writeHead`. */

import { expect, test } from 'vitest'
import { platform } from '#platform'
import { createSessions } from '../../../src/server/index.js'
import { trips } from '../../../src/server/sessions.js'
import { SECRET } from '../server.helpers.js'

test('load, commit and destroy answer at once', () => {
  expect(platform.name).toBe('node')
  const { load, commit, destroy } = createSessions({ secrets: [SECRET], expose: ['user'] })[trips]
  const session = load(null)
  if (session instanceof Promise) return expect.unreachable()
  session.data.user = 'dave'
  const cookies = commit(session)
  expect(cookies).toHaveLength(2)
  const again = load((cookies as string[]).map((cookie) => cookie.split(';')[0]).join('; '))
  expect(again).toMatchObject({ data: { user: 'dave' }, isNew: false })
  expect(commit(again as typeof session)).toEqual([])
  expect(destroy(again as typeof session)).toHaveLength(2)
})
