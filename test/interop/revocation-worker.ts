/**
 * One of two processes that serve stateless sessions and share what was revoked in a real Redis. Bundled and started by revocation.test.ts.
 */
import { createClient } from 'redis'
import {
  createRevocations,
  createSessions,
  jwt,
  type Revocations,
  redisStore,
  type Sessions,
} from '../../src/server/index.js'

export type RevocationQuestion =
  | { ask: 'open'; redisUrl: string; cacheFor: number }
  | { ask: 'start'; users: readonly string[] }
  /** Loads the sessions one after the other, so many each second, until the time. Answers with what it saw. */
  | { ask: 'serve'; cookies: readonly string[]; perSecond: number; until: number }
  | { ask: 'revoke'; owner: string }

export interface RevocationAnswer {
  cookies?: string[]
  requests?: number
  /** By user: the last time that a load which began then let one in, and the first that did not; milliseconds since 1970. */
  lastIn?: Record<string, number>
  firstOut?: Record<string, number>
  /** When the revocation was done. */
  done?: number
  error?: string
}

let sessions: Sessions
let revocations: Revocations

const answers = {
  async open({ redisUrl, cacheFor }) {
    const client = createClient({ url: redisUrl })
    await client.connect()
    revocations = createRevocations({ store: redisStore(client), cacheFor })
    sessions = createSessions({
      codecs: [jwt({ secrets: 'swordfish-one-of-the-keys-0123456789abcdef' })],
      expose: false,
      owner: ({ user }) => user as string | undefined,
      revocation: revocations,
    })
    return {}
  },
  async start({ users }) {
    const cookies: string[] = []
    for (const user of users) {
      const session = await sessions.load(null)
      session.regenerate({ authenticated: true })
      session.data.user = user
      cookies.push(String((await sessions.commit(session))[0]).split(';')[0] as string)
    }
    return { cookies }
  },
  async serve({ cookies, perSecond, until }) {
    const lastIn: Record<string, number> = {}
    const firstOut: Record<string, number> = {}
    let requests = 0
    const begun = Date.now()
    async function request(at: number): Promise<void> {
      const began = Date.now()
      const user = String(at % cookies.length)
      const { rejected } = await sessions.load(cookies[at % cookies.length] as string)
      if (rejected?.code === 'ERR_SESSION_REVOKED') firstOut[user] = Math.min(firstOut[user] ?? began, began)
      else lastIn[user] = Math.max(lastIn[user] ?? began, began)
    }
    while (Date.now() < until) {
      const due = Math.floor(((Date.now() - begun) / 1000) * perSecond)
      const batch: Promise<void>[] = []
      // A process that was stopped for a while does not try to catch up with everything.
      for (const end = Math.min(due, requests + perSecond / 10); requests < end; requests++)
        batch.push(request(requests))
      await Promise.all(batch)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    return { requests, lastIn, firstOut }
  },
  async revoke({ owner }) {
    await revocations.revokeOwner(owner)
    return { done: Date.now() }
  },
} satisfies {
  [Ask in RevocationQuestion['ask']]: (question: Extract<RevocationQuestion, { ask: Ask }>) => Promise<RevocationAnswer>
}

process.on('message', async ({ number, question }: { number: number; question: RevocationQuestion }) => {
  const answer = answers[question.ask] as (question: RevocationQuestion) => Promise<RevocationAnswer>
  process.send?.({ number, answer: await answer(question).catch((error: Error) => ({ error: String(error.stack) })) })
})
process.on('disconnect', () => process.exit())
