/** Timeouts of sessions as plain claims, which have no time of the last access of their own. */
import { expect, test } from 'vitest'
import { createSessions, defineSession, jwt, type SessionCodec, type SessionEvent } from '../../../src/server/index.js'

const START = Date.parse('2026-03-04T05:06:07Z')
const SECRET = 'a secret for plain claims, long enough'

function serve(minutes: { now: number }, timeouts: { idleTimeout?: '30m'; absoluteTimeout?: '2h' }) {
  const events: SessionEvent[] = []
  const sessions = createSessions({
    session: defineSession<{ user?: string }>({ name: 'sid', ...timeouts }),
    codecs: [jwt({ secrets: [SECRET] })],
    expose: true,
    clock: () => new Date(START + minutes.now * 60_000),
    on: (event) => events.push(event),
  })
  let cookie = ''
  return {
    events,
    take(value: string) {
      cookie = `sid=${value}`
    },
    async visit(user?: string) {
      const session = await sessions.load(cookie)
      if (user) session.data.user = user
      const [written] = await sessions.commit(session)
      if (written) cookie = written.split(';')[0] as string
      return { session, isWritten: written !== undefined }
    },
  }
}

test('a session that is used lives on, and one that is not used expires after the idle timeout', async () => {
  const minutes = { now: 0 }
  const { visit } = serve(minutes, { idleTimeout: '30m' })
  await visit('ada')
  for (minutes.now of [29, 58, 87]) expect((await visit()).session.data.user).toBe('ada')
  minutes.now = 118
  expect((await visit()).session.rejected?.code).toBe('ERR_SESSION_EXPIRED')
})

test('it is not written again before a touch is due', async () => {
  const minutes = { now: 0 }
  const { visit } = serve(minutes, { idleTimeout: '30m' })
  await visit('ada')
  minutes.now = 0.5
  expect((await visit()).isWritten).toBe(false)
  minutes.now = 1.1
  expect((await visit()).isWritten).toBe(true)
})

test('use does not move the absolute timeout', async () => {
  const minutes = { now: 0 }
  const { visit } = serve(minutes, { idleTimeout: '30m', absoluteTimeout: '2h' })
  await visit('ada')
  for (minutes.now of [25, 50, 75, 100, 119]) expect((await visit()).session.data.user).toBe('ada')
  minutes.now = 121
  expect((await visit()).session.data).toEqual({})
})

test('a token of another issuer with an end far ahead is a session like any other', async () => {
  const minutes = { now: 0 }
  const { visit, take } = serve(minutes, { idleTimeout: '30m' })
  const foreign = jwt({ secrets: [SECRET], expires: '1d' }) as Required<SessionCodec>
  const now = new Date(START)
  take(await foreign.sign({ data: { user: 'ada' }, createdAt: now }, { cookieName: 'sid', purpose: 'session', now }))
  const { session } = await visit()
  expect([session.rejected, session.data.user]).toEqual([undefined, 'ada'])
})

test('near the absolute end it is not written with each request', async () => {
  const minutes = { now: 0 }
  const { visit } = serve(minutes, { idleTimeout: '30m', absoluteTimeout: '2h' })
  await visit('ada')
  for (minutes.now of [25, 50, 75, 100, 110]) await visit()
  minutes.now = 110.1
  expect((await visit()).isWritten).toBe(false)
})
