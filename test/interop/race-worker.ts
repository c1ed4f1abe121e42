/**
 * One of two processes that share a store: it does what its parent asks, and answers. Bundled and started by store-races.test.ts.
 */
import { createSessions, defineSession, jwt, type Sessions } from '../../src/server/index.js'
import { openSharedStore, type SharedStore, type StorePlaces } from '../setup/stores.js'

export interface RaceSettings extends StorePlaces {
  store: SharedStore
}

export type RaceAction = 'change' | 'touch' | 'regenerate' | 'destroy' | 'end all'

/** All for several sessions at once, each a Cookie header. */
export type RaceQuestion =
  | { ask: 'open'; settings: RaceSettings }
  /** New sessions of visitors. */
  | { ask: 'start'; count: number }
  /** The sessions of requests that will end later. */
  | { ask: 'load'; cookies: readonly string[] }
  /** What each of those requests does at its end, so many milliseconds from now. */
  | { ask: 'end'; action: RaceAction; delays: readonly number[] }
  /** Which of them a later request still finds, or how many sessions the visitor has. */
  | { ask: 'look'; cookies: readonly string[] }
  | { ask: 'list' }

export interface RaceAnswer {
  cookies?: string[]
  /** How many of the sessions are there, or were destroyed. */
  count?: number
  error?: string
}

const SECRET = 'swordfish-one-of-the-keys-0123456789abcdef'

const OWNER = 'dave'

let sessions: Sessions<{ user?: string; late?: boolean }>
let loaded: Awaited<ReturnType<typeof sessions.load>>[] = []

const answers = {
  async open({ settings }) {
    sessions = createSessions({
      session: defineSession<{ user?: string; late?: boolean }>({ name: 'sid', idleTimeout: '30m' }),
      store: await openSharedStore(settings.store, settings, { secretKey: SECRET }),
      codecs: [jwt({ secrets: [SECRET] })],
      expose: false,
      owner: ({ user }) => user,
      // Each commit is due.
      touchEvery: 0,
    })
    return {}
  },
  async start({ count }) {
    const started = Array.from({ length: count }, async () => {
      const session = await sessions.load('')
      session.data.user = OWNER
      return cookieOf(await sessions.commit(session))
    })
    return { cookies: await Promise.all(started) }
  },
  async load({ cookies }) {
    loaded = await Promise.all(cookies.map((cookie) => sessions.load(cookie)))
    return { count: loaded.filter(({ isNew }) => !isNew).length }
  },
  async end({ action, delays }) {
    await Promise.all(
      loaded.map(async (session, index) => {
        await new Promise((resolve) => setTimeout(resolve, delays[index]))
        if (action === 'regenerate') session.regenerate()
        if (action === 'change' || action === 'regenerate') session.data.late = true
        if (action === 'end all') return void (index === 0 && (await sessions.endSessions(OWNER)))
        await (action === 'destroy' ? sessions.destroy(session) : sessions.commit(session))
      }),
    )
    return { count: loaded.filter(({ isDestroyed }) => isDestroyed).length }
  },
  async look({ cookies }) {
    const found = await Promise.all(cookies.map((cookie) => sessions.load(cookie)))
    return { count: found.filter(({ isNew }) => !isNew).length }
  },
  async list() {
    return { count: (await sessions.listSessions(OWNER)).sessions.length }
  },
} satisfies { [Ask in RaceQuestion['ask']]: (question: Extract<RaceQuestion, { ask: Ask }>) => Promise<RaceAnswer> }

function cookieOf(cookies: readonly string[]): string {
  return cookies.map((cookie) => cookie.slice(0, cookie.indexOf(';'))).join('; ')
}

process.on('message', async (question: RaceQuestion) => {
  const answer = answers[question.ask] as (question: RaceQuestion) => Promise<RaceAnswer>
  // An error is an answer: the parent counts it.
  process.send?.(await answer(question).catch((error: Error) => ({ error: `${error.message}: ${error.cause}` })))
})
process.on('disconnect', () => process.exit())
