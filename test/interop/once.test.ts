/**
 * `session.once` over real databases and two processes: one does the work, also if it is slower than its lease; one that is killed is
 * replaced. Over stores that can't change a row in one step two may work, and the process is warned.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import pg from 'pg'
import { createClient } from 'redis'
import { afterAll, describe, expect, test } from 'vitest'
import { openSqlite } from '../server/stores/sqlite.helpers.js'
import { hasPostgres, type Postgres, postgresHint } from '../setup/postgres.js'
import { hasRedis, type Redis, redisHint } from '../setup/redis.js'
import type { OnceAnswer, OnceQuestion, OnceSettings } from './once-worker.js'
import { workerProgram } from './worker-program.js'

const { path: worker, folder, servers } = workerProgram('once')

/** One process. It answers several questions at a time. */
interface Process {
  readonly pid: number
  ask(question: OnceQuestion): Promise<OnceAnswer>
  /** At once, whatever it does. */
  kill(): void
}

async function startProcess(settings: OnceSettings): Promise<Process> {
  const child: ChildProcess = fork(worker, [], { execArgv: ['--no-warnings'] })
  const waiting = new Map<number, (answer: OnceAnswer) => void>()
  let last = 0
  child.on('message', ({ number, answer }: { number: number; answer: OnceAnswer }) => waiting.get(number)?.(answer))
  const started: Process = {
    pid: child.pid as number,
    async ask(question) {
      const number = ++last
      const answered = new Promise<OnceAnswer>((resolve) => waiting.set(number, resolve))
      child.send({ number, question })
      const answer = await answered
      expect(answer.error).toBeUndefined()
      return answer
    },
    kill: () => void child.kill('SIGKILL'),
  }
  await started.ask({ ask: 'open', settings })
  return started
}

/** Every row of the store as text. */
type ReadRows = () => Promise<string[]>

async function redisRows(): Promise<string[]> {
  const client = createClient({ url: (servers.redis as Redis).url })
  await client.connect()
  const keys = await client.keys('*')
  const rows = await Promise.all(keys.map(async (key) => (await client.get(key)) ?? ''))
  await client.quit()
  return rows
}

async function djangoRows(): Promise<string[]> {
  const { host, port, user, database } = servers.postgres as Postgres
  const client = new pg.Client({ host, port, user, database })
  await client.connect()
  const { rows } = await client.query<{ session_data: string }>('SELECT session_data FROM django_session')
  await client.end()
  return rows.map(({ session_data: text }) => djangoText(text))
}

function djangoText(text: string): string {
  const [payload = ''] = text.split(':')
  const isDeflated = payload.startsWith('.')
  const bytes = Buffer.from(isDeflated ? payload.slice(1) : payload, 'base64url')
  return (isDeflated ? inflateSync(bytes) : bytes).toString()
}

async function sqliteRows(): Promise<string[]> {
  const database = await openSqlite(`${folder}/sessions.sqlite3`)
  try {
    const rows = database.prepare('SELECT session_data FROM django_session').all() as { session_data: string }[]
    return rows.map(({ session_data: text }) => djangoText(text))
  } catch (error) {
    if (!/locked/.test(String(error))) throw error
    await pause(20)
    return await sqliteRows()
  } finally {
    database.close()
  }
}

async function pgSimpleRows(): Promise<string[]> {
  const { host, port, user, database } = servers.postgres as Postgres
  const client = new pg.Client({ host, port, user, database })
  await client.connect()
  const { rows } = await client.query<{ text: string }>('SELECT sess::text AS text FROM session')
  await client.end()
  return rows.map(({ text }) => text)
}

const files = join(folder, 'files')
mkdirSync(files)

async function fileRows(): Promise<string[]> {
  return readdirSync(files).map((name) => readFileSync(join(files, name), 'utf8'))
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

interface Place {
  readonly places: () => Omit<OnceSettings, 'store' | 'log'>
  readonly rows: ReadRows
  /** It can't read and write in one step: two processes that begin at the same moment may both work. */
  readonly isWeak?: true
}

function overStore(store: OnceSettings['store'], { places, rows, isWeak }: Place): void {
  const most = isWeak ? 2 : 1
  describe.concurrent(`two processes over ${store}`, () => {
    const processes: Process[] = []

    /** New processes and a new session. @returns how often the work was begun until now, too */
    async function begin(name: string): Promise<{ here: Process; there: Process; cookie: string; begun(): number }> {
      const log = join(folder, `${store} ${name}`.replaceAll(' ', '-'))
      writeFileSync(log, '')
      const settings: OnceSettings = { store, log, ...places() }
      const [here, there] = [await startProcess(settings), await startProcess(settings)]
      processes.push(here, there)
      const { cookie = '' } = await here.ask({ ask: 'start' })
      return { here, there, cookie, begun: () => readFileSync(log, 'utf8').split('\n').length - 1 }
    }

    /** The first process works. */
    async function untilBegun(begun: () => number): Promise<void> {
      while (begun() === 0) await pause(20)
    }

    afterAll(() => {
      for (const each of processes) each.kill()
    })

    test('50 requests: one does the work, and its result is encrypted in the store', { timeout: 120_000 }, async () => {
      const { here, there, cookie, begun } = await begin('many')
      const question: OnceQuestion = { ask: 'once', cookie, requests: 25, milliseconds: 500 }
      const answers = await Promise.all([here.ask(question), there.ask(question)])
      const results = answers.flatMap((answer) => answer.results ?? [])
      expect(results).toHaveLength(50)
      for (const result of results) expect(result).toMatch(/^swordfish \d+$/)
      expect(begun()).toBeLessThanOrEqual(most)
      expect(new Set(results).size).toBeLessThanOrEqual(begun())
      const stored = (await rows()).filter((text) => text.includes('"result"'))
      expect(stored.length).toBeGreaterThan(0)
      expect(stored.join()).not.toContain('swordfish')
      const { warnings } = await here.ask({ ask: 'warnings' })
      expect(warnings?.filter((code) => code === 'ERR_SESSION_STORE')).toHaveLength(isWeak ? 1 : 0)
    })

    test('one that is slower than its lease keeps it', { timeout: 120_000 }, async () => {
      const { here, there, cookie, begun } = await begin('slow')
      const question: OnceQuestion = { ask: 'once', cookie, requests: 2, milliseconds: 14_000 }
      const first = here.ask(question)
      await untilBegun(begun)
      const second = await there.ask(question)
      const result = `swordfish ${here.pid}`
      expect([await first, second]).toEqual([{ results: [result, result] }, { results: [result, result] }])
      expect(begun()).toBe(1)
    })

    test('one that is killed is replaced', { timeout: 120_000 }, async () => {
      const { here, there, cookie, begun } = await begin('killed')
      here.ask({ ask: 'once', cookie, requests: 1, milliseconds: 100_000 }).catch(() => {})
      await untilBegun(begun)
      const waiting = there.ask({ ask: 'once', cookie, requests: 3, milliseconds: 10 })
      await pause(500)
      expect(begun()).toBe(1)
      here.kill()
      const result = `swordfish ${there.pid}`
      expect(await waiting).toEqual({ results: [result, result, result] })
      expect(begun()).toBe(2)
    })

    test('an error is told and not stored; a session that is destroyed leaves no result', {
      timeout: 120_000,
    }, async () => {
      const { here, there, cookie, begun } = await begin('failed')
      const failing = here.ask({ ask: 'once', cookie, requests: 2, milliseconds: 5000, fails: true })
      await untilBegun(begun)
      const other = there.ask({ ask: 'once', cookie, requests: 1, milliseconds: 10 })
      expect(await failing).toEqual({ results: ['invalid_grant', 'invalid_grant'] })
      expect(await other).toEqual({ results: ['ERR_SESSION_WORK'] })
      expect((await rows()).join()).not.toContain('invalid_grant')

      const { results } = await here.ask({ ask: 'once', cookie, requests: 1, milliseconds: 10 })
      expect(results).toEqual([`swordfish ${here.pid}`])

      const { cookie: ended = '' } = await here.ask({ ask: 'start' })
      const before = begun()
      const working = here.ask({ ask: 'once', cookie: ended, requests: 1, milliseconds: 6000 })
      while (begun() === before) await pause(20)
      const late = there.ask({ ask: 'once', cookie: ended, requests: 1, milliseconds: 10 })
      await pause(2000) // until the other one waits
      await there.ask({ ask: 'destroy', cookie: ended })
      expect(await working).toEqual({ results: [`swordfish ${here.pid}`] })
      expect(await late).toEqual({ results: ['ERR_SESSION_DESTROYED'] })
    })

    test('regenerate() in another process begins another session, which does its own work', {
      timeout: 120_000,
    }, async () => {
      const { here, there, cookie, begun } = await begin('regenerated')
      const working = here.ask({ ask: 'once', cookie, requests: 2, milliseconds: 6000 })
      await untilBegun(begun)
      const late = there.ask({ ask: 'once', cookie, requests: 1, milliseconds: 10 })
      await pause(2000) // until the other one waits
      const { cookie: next = '' } = await there.ask({ ask: 'regenerate', cookie })
      const { results } = await there.ask({ ask: 'once', cookie: next, requests: 2, milliseconds: 10 })
      const [first, second] = [here, there].map(({ pid }) => `swordfish ${pid}`)
      expect(results).toEqual([second, second])
      expect(await working).toEqual({ results: [first, first] })
      expect(await late).toEqual({ results: ['ERR_SESSION_DESTROYED'] })
      expect(begun()).toBe(2)
    })
  })
}

overStore('djangoStore in SQLite', { places: () => ({ folder }), rows: sqliteRows })
overStore('session-file-store', { places: () => ({ folder: files }), rows: fileRows, isWeak: true })
if (hasRedis()) {
  const places = (): Omit<OnceSettings, 'store' | 'log'> => ({
    ...(servers.redis && { redisPort: servers.redis.port }),
  })
  const stores = ['redisStore', 'redisStore with ioredis', 'redisStore with owners'] as const
  for (const store of stores) overStore(store, { places, rows: redisRows })
  overStore('connect-redis', { places, rows: redisRows, isWeak: true })
} else test.skip(redisHint, () => {})
if (hasPostgres()) {
  const places = (): Omit<OnceSettings, 'store' | 'log'> => {
    if (!servers.postgres) return {}
    const { host, port, user, database } = servers.postgres
    return { postgres: { host, port, user, database } }
  }
  overStore('djangoStore in PostgreSQL', { places, rows: djangoRows })
  overStore('connect-pg-simple', { places, rows: pgSimpleRows, isWeak: true })
} else test.skip(postgresHint, () => {})
