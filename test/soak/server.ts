/** The server under test, a process of its own: every adapter over every system. Its parent talks to it by messages. */
import { adapters, startApp } from './apps.js'
import { type Sabotage, watchRequests } from './faults.js'
import { type Databases, openSystems, type System, type SystemInfo } from './systems.js'

export type Question =
  | { type: 'start'; databases: Databases; sabotage?: Sabotage; only?: string }
  | { type: 'heap' }
  /** Whether every system over that database answers. */
  | { type: 'probe'; database: 'redis' | 'postgres' }

export interface Answers {
  start: { system: SystemInfo; ports: number[] }[]
  /** Bytes in use after everything unused is gone. */
  heap: number
  probe: boolean
}

/** What nobody asked for: an error that nobody caught, or a leak of listeners. */
export interface Complaint {
  type: 'complaint'
  text: string
}

let systems: System[] = []

async function answer(question: Question): Promise<unknown> {
  if (question.type === 'start') return start(question)
  if (question.type === 'heap') {
    for (let round = 0; round < 2; round++) (globalThis as unknown as { gc(): void }).gc()
    return process.memoryUsage().heapUsed
  }
  const probes = systems.filter(({ database }) => database === question.database).map(({ probe }) => probe())
  return (await Promise.allSettled(probes)).every(({ status }) => status === 'fulfilled')
}

async function start({ databases, sabotage, only }: Extract<Question, { type: 'start' }>): Promise<Answers['start']> {
  watchRequests()
  systems = (await openSystems(databases, sabotage)).filter(({ name }) => only === undefined || name === only)
  return Promise.all(
    systems.map(async ({ sessions, probe: _, ...system }) => ({
      system,
      ports: await Promise.all(Object.keys(adapters).map((adapter) => startApp(adapter, sessions))),
    })),
  )
}

function complain(kind: string, error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.send?.({ type: 'complaint', text: `${kind}: ${text}` } satisfies Complaint)
}

process.on('uncaughtException', (error) => complain('uncaught exception', error))
process.on('unhandledRejection', (error) => complain('unhandled rejection', error))
process.on('warning', (warning) => {
  if (warning.name === 'MaxListenersExceededWarning') complain('warning', warning)
})
process.on('disconnect', () => process.exit())
process.on('message', async (question: Question) => {
  process.send?.({ type: question.type, answer: await answer(question) })
})
