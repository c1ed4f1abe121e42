/**
 * One of two processes that do the same work for requests of one session. Bundled and started by once.test.ts.
 */
import { appendFileSync } from 'node:fs'
import { createSessions, jwt, type Session, type SessionData, type Sessions } from '../../src/server/index.js'
import { openSharedStore, type SharedStore, type StorePlaces } from '../setup/stores.js'

export interface OnceSettings extends StorePlaces {
  store: SharedStore
  /** Gets a line for each time that the work is begun, as the server of tokens would count it. */
  log: string
}

export type OnceQuestion =
  | { ask: 'open'; settings: OnceSettings }
  | { ask: 'start' }
  /** So many requests of a session at once; the work takes so long. */
  | { ask: 'once'; cookie: string; requests: number; milliseconds: number; fails?: boolean }
  | { ask: 'destroy'; cookie: string }
  /** A sign-in: another id. */
  | { ask: 'regenerate'; cookie: string }
  /** The codes of the warnings of this process until now. */
  | { ask: 'warnings' }

export interface OnceAnswer {
  cookie?: string
  /** Results, or codes or messages of errors. */
  results?: string[]
  warnings?: (string | undefined)[]
  error?: string
}

const SECRET = 'swordfish-one-of-the-keys-0123456789abcdef'

let sessions: Sessions
let log: string
const warnings: (string | undefined)[] = []
process.on('warning', (warning) => warnings.push((warning as { code?: string }).code))

const answers = {
  async open({ settings }) {
    log = settings.log
    sessions = createSessions<SessionData>({
      store: await openSharedStore(settings.store, settings, { secretKey: SECRET }),
      codecs: [jwt({ secrets: [SECRET] })],
      expose: false,
    })
    return {}
  },
  async start() {
    const session = await sessions.load('')
    session.data.user = 'dave'
    return await commit(session)
  },
  async once({ cookie, requests, milliseconds, fails }) {
    const request = async (): Promise<string> => {
      const session = await sessions.load(cookie)
      const work = async (): Promise<string> => {
        appendFileSync(log, `${process.pid}\n`)
        await new Promise((resolve) => setTimeout(resolve, milliseconds))
        if (fails) throw new Error('invalid_grant')
        return `swordfish ${process.pid}`
      }
      // On a slow machine the last of many requests comes late.
      return await session.once('tokens', work, { resultFor: '10m' })
    }
    const told = (error: { code?: string; message: string }): string => error.code ?? error.message
    return { results: await Promise.all(Array.from({ length: requests }, () => request().catch(told))) }
  },
  async destroy({ cookie }) {
    await sessions.destroy(await sessions.load(cookie))
    return {}
  },
  async regenerate({ cookie }) {
    const session = await sessions.load(cookie)
    session.regenerate()
    return await commit(session)
  },
  async warnings() {
    return { warnings }
  },
} satisfies { [Ask in OnceQuestion['ask']]: (question: Extract<OnceQuestion, { ask: Ask }>) => Promise<OnceAnswer> }

async function commit(session: Session): Promise<OnceAnswer> {
  const [cookie = ''] = await sessions.commit(session)
  return { cookie: cookie.slice(0, cookie.indexOf(';')) }
}

process.on('message', async ({ number, question }: { number: number; question: OnceQuestion }) => {
  const answer = answers[question.ask] as (question: OnceQuestion) => Promise<OnceAnswer>
  const told = await answer(question).catch((error: Error) => ({ error: `${error.message}: ${error.cause}` }))
  process.send?.({ number, answer: told })
})
process.on('disconnect', () => process.exit())
