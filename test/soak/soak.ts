/** A soak: visitors over every adapter and system, with faults, while databases restart. Then the verdict. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { hasPostgres, type Postgres, startPostgres } from '../setup/postgres.js'
import { hasRedis, type Redis, startRedis } from '../setup/redis.js'
import { createRandom } from '../simulate/random.mjs'
import type { Sabotage } from './faults.js'
import type { Answers, Complaint, Question } from './server.js'
import type { SystemInfo } from './systems.js'
import { Visitor } from './visitor.js'

export interface SoakOptions {
  /** The bundle of server.ts. */
  server: string
  seed: number
  /** How long: one of the two. */
  requests?: number
  minutes?: number
  /** How often each database is started again. */
  restarts: number
  /** Which are started, if they are installed. Default: all. */
  databases?: readonly Database[]
  /** Bytes that the memory may grow by. */
  maxGrowth?: number
  sabotage?: Sabotage
  /** Of one system alone. */
  only?: string
  /** Called with a line each minute. */
  print?(line: string): void
}

type Database = 'redis' | 'postgres'

export interface SoakReport {
  requests: number
  sessions: number
  /** By status or code, and `aborted`. */
  answers: Record<string, number>
  systems: string[]
  lost: number
  crossed: number
  /** Answers that nothing explains. */
  failed: number
  /** Bytes in use: the mean of the last quarter less that of the second. */
  growth: number
  /** The first of each kind, and all that came from the server by itself. */
  problems: string[]
  /** Nothing of all that went wrong. */
  isFine: boolean
}

/** Visitors of each system at one time. */
const VISITORS = 4
/** What the memory may grow by, in bytes: caches of the runtime fill slowly, a leak of 200 bytes per request would be more in a minute. */
const MAX_GROWTH = 8 * 2 ** 20
/** How often the memory is looked at. */
const SAMPLES = 24
const MAX_PROBLEMS = 20
const MINUTE = 60_000

export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const { databases = ['redis', 'postgres'] } = options
  const redis = databases.includes('redis') && hasRedis() ? await startRedis({ keeps: true }) : undefined
  const postgres = databases.includes('postgres') && hasPostgres() ? await startPostgres() : undefined
  const child = fork(options.server, { execArgv: ['--expose-gc', '--enable-source-maps'] })
  try {
    return await soak(options, child, { ...(redis && { redis }), ...(postgres && { postgres }) })
  } finally {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    await Promise.all([redis?.stop(), postgres?.stop()])
  }
}

interface Servers {
  redis?: Redis
  postgres?: Postgres
}

async function soak(options: SoakOptions, child: ChildProcess, servers: Servers): Promise<SoakReport> {
  const { maxGrowth = MAX_GROWTH, print = () => {} } = options
  const { seed, requests = Infinity, minutes = Infinity, restarts, sabotage, only } = options
  const report: SoakReport = {
    requests: 0,
    sessions: 0,
    answers: {},
    systems: [],
    lost: 0,
    crossed: 0,
    failed: 0,
    growth: Number.NaN,
    problems: [],
    isFine: false,
  }
  const heaps: number[] = []
  const outages = { redis: 0, postgres: 0 }
  let begin = Number.NaN
  let isDead = false

  const progress = (): number =>
    isDead ? 1 : Math.max(report.requests / requests, (performance.now() - begin) / (minutes * MINUTE))
  child.on('message', (message: Complaint | { type: 'other' }) => {
    if (message.type === 'complaint') report.problems.push(message.text)
  })
  child.on('exit', (code, signal) => {
    isDead = true
    report.problems.push(`the server ended by itself: ${signal ?? code}`)
  })

  const { redis, postgres } = servers
  const databases = { ...(redis && { redis: redis.port }), ...(postgres && { postgres: settingsOf(postgres) }) }
  const apps = await ask(child, { type: 'start', databases, ...(sabotage && { sabotage }), ...(only && { only }) })
  begin = performance.now()
  report.systems = apps.map(({ system }) => system.name)

  let visitors = 0
  async function visit(system: SystemInfo, ports: readonly number[]): Promise<void> {
    while (progress() < 1) {
      const number = ++visitors
      const numbers = createRandom(seed + number)
      await new Visitor(number, {
        system,
        ports,
        random: () => numbers.between(0, 1),
        outages: () => (system.database ? outages[system.database] : 0),
        isOver: () => progress() >= 1,
        answered(result) {
          report.requests++
          report.answers[result] = (report.answers[result] ?? 0) + 1
        },
        began: () => report.sessions++,
        complain({ what, text }) {
          if (report[what]++ < MAX_PROBLEMS) report.problems.push(`${what}: ${text}`)
        },
      }).live()
    }
  }

  /** Looks at the memory, prints, and starts databases again, each at its time. */
  async function watch(): Promise<void> {
    let [samples, lines, restarted] = [0, 0, 0]
    for (; progress() < 1; await wait(20)) {
      if (progress() * SAMPLES >= samples) {
        samples++
        heaps.push(await ask(child, { type: 'heap' }))
      }
      if (performance.now() - begin >= (lines + 1) * MINUTE) print(lineOf(++lines, report, heaps.at(-1)))
      if (progress() * (restarts + 1) >= restarted + 1) {
        restarted++
        if (redis) await outage('redis', () => redis.stop().then(redis.start))
        if (postgres) await outage('postgres', postgres.restart)
      }
    }
  }

  async function outage(name: Database, restart: () => Promise<void>): Promise<void> {
    outages[name] += 0.5
    await restart()
    while (!isDead && !(await ask(child, { type: 'probe', database: name }))) await wait(20)
    outages[name] += 0.5
  }

  const loops = apps.flatMap(({ system, ports }) => Array.from({ length: VISITORS }, () => visit(system, ports)))
  await Promise.all([...loops, watch()])
  if (!isDead) heaps.push(await ask(child, { type: 'heap' }))
  child.removeAllListeners('exit')
  report.growth = growthOf(heaps)
  if (!(report.growth <= maxGrowth)) report.problems.push(`the memory grew by ${megabytes(report.growth)}`)
  report.isFine = report.problems.length === 0
  return report
}

function settingsOf({ host, port, user, database }: Postgres) {
  return { host, port, user, database }
}

/** One question at a time of each type. */
function ask<Type extends Question['type']>(
  child: ChildProcess,
  question: Extract<Question, { type: Type }>,
): Promise<Answers[Type]> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      child.off('message', onMessage)
      child.off('exit', onExit)
      act()
    }
    const onMessage = (message: { type: string; answer: Answers[Type] }): void => {
      if (message.type === question.type) settle(() => resolve(message.answer))
    }
    const onExit = (): void => settle(() => reject(new Error('The server has ended')))
    child.on('message', onMessage)
    child.on('exit', onExit)
    child.send(question, (error) => error && settle(() => reject(error)))
  })
}

function growthOf(heaps: readonly number[]): number {
  const quarter = (number: number): number[] =>
    heaps.slice(Math.floor((heaps.length * (number - 1)) / 4), Math.floor((heaps.length * number) / 4))
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  return mean(quarter(4)) - mean(quarter(2))
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}

function lineOf(minute: number, report: SoakReport, heap: number | undefined): string {
  return `${String(minute).padStart(3)} min  ${summaryOf(report)}  heap ${megabytes(heap ?? Number.NaN)}`
}

/** What there was, in one line. */
export function summaryOf({ requests, sessions, lost, crossed, failed, answers }: SoakReport): string {
  const errors = Object.entries(answers)
    .filter(([answer]) => answer !== '200')
    .map(([answer, count]) => `${answer} ${count}`)
  return `${requests} requests, ${sessions} sessions, ${lost} lost, ${crossed} crossed, ${failed} unexplained; ${errors.join(', ')}`
}
