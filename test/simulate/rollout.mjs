// @ts-check
/**
 * A fleet whose workers are restarted one by one through all phases, while clients keep using it. Time is counted in rounds of
 * the clients; a restart falls into the middle of one.
 */
import { startClients } from './clients.mjs'
import { planOf, seriesOf } from './plan.mjs'
import { startProxy } from './proxy.mjs'
import { createRandom } from './random.mjs'
import { startNodeWorker, startPythonWorker } from './worker.mjs'

/** After so many lives of a session without a yes the fleet is not going where it should. */
const MOST_LIVES = 10

/**
 * @typedef {import('./worker.mjs').Worker} Worker
 *
 * @typedef {object} RolloutOptions
 * @property {number} seed
 * @property {number} clients
 * @property {number} pythonWorkers
 * @property {number} nodeWorkers - only they have events
 * @property {string | undefined} python - the interpreter with the packages; not needed without Python workers
 * @property {number} pause - rounds between two visits of a quick client, at most
 * @property {number} life - rounds after which nobody comes back: the life of a session
 * @property {number} step - rounds from one restart to the next
 * @property {string} [skip] - a phase to leave out, or `wait`
 * @property {string} [until] - the last phase
 * @property {(phase: PhaseReport) => void} [onPhase]
 *
 * @typedef {object} PhaseReport
 * @property {string} name
 * @property {number} from - the round that it begins with
 * @property {number} until
 * @property {number} visits
 * @property {number} lost - sessions
 * @property {number} [safeAt] - the round after which `safeToRetire` was true on every Node worker
 *
 * @typedef {object} Sample
 * @property {number} at - in the middle of a round
 * @property {string} series
 * @property {number} reads
 *
 * @typedef {object} RolloutReport
 * @property {PhaseReport[]} phases
 * @property {Sample[]} samples - what the Node workers read
 * @property {Record<string, number>} events - how many of each type there were
 * @property {import('./clients.mjs').Loss[]} losses
 * @property {number} visits
 * @property {number} failures - requests without an answer
 */

/**
 * Goes through the plan.
 *
 * @param {RolloutOptions} options
 * @returns {Promise<RolloutReport>}
 * @throws {Error} where a worker does not start, or nothing is ever safe to retire
 */
export async function simulateRollout(options) {
  const { seed, life, step, skip, onPhase } = options
  const plan = planOf(options)
  let round = 0
  /** @type {RolloutReport} */
  const report = { phases: [], samples: [], events: {}, losses: [], visits: 0, failures: 0 }
  /** @type {Set<Worker>} */
  const running = new Set()
  const proxy = await startProxy()
  /** @type {import('./clients.mjs').Clients | undefined} */
  let clients

  /** @param {import('./plan.mjs').Phase} phase */
  async function startWorkers(phase) {
    const starts = [
      ...Array.from({ length: options.pythonWorkers }, () => startPythonWorker(options.python ?? 'python3', phase)),
      ...Array.from({ length: options.nodeWorkers }, () => startNodeWorker(phase, (counts) => record(phase, counts))),
    ]
    const results = await Promise.allSettled(starts)
    for (const result of results) if (result.status === 'fulfilled') running.add(result.value)
    return results.map((result) => {
      if (result.status === 'rejected') throw result.reason
      return result.value
    })
  }

  /**
   * @param {import('./plan.mjs').Phase} phase
   * @param {[string, number][]} counts
   */
  function record(phase, counts) {
    for (const [what, count] of counts) {
      const [type = '', codec = '', keyIndex] = what.split(' ')
      report.events[type] = (report.events[type] ?? 0) + count
      const series = seriesOf(phase, codec, Number(keyIndex))
      if (type === 'read' && series !== undefined) report.samples.push({ at: round + 0.5, series, reads: count })
    }
  }

  const nodes = () => proxy.workers().filter(({ kind }) => kind === 'node')
  const everyNode = (/** @type {(worker: Worker) => Promise<unknown>} */ ask) => Promise.all([...nodes()].map(ask))

  /**
   * @param {number} count
   * @param {() => Promise<void>} [half] - in the middle of the first
   */
  async function goOn(count, half) {
    for (let at = 0; at < count; at++) {
      await everyNode((worker) => worker.setRound(round))
      await clients?.visit(round, at === 0 ? half : undefined)
      await everyNode((worker) => worker.report())
      round++
    }
  }

  /** @returns {Promise<number | undefined>} when it was safe; without Node workers nobody knows, and a life of a session must do */
  async function untilSafe() {
    if (nodes().length === 0) return void (await goOn(life))
    for (let waited = 0; waited <= MOST_LIVES * life; waited++) {
      await everyNode((worker) => worker.setRound(round))
      const answers = await everyNode((worker) => worker.safeToRetire(life))
      if (answers.every(Boolean)) return round
      await goOn(1)
    }
    throw new Error('what is old was used to the end: nothing can be retired')
  }

  try {
    for (const [index, phase] of plan.entries()) {
      /** @type {PhaseReport} */
      const current = { name: phase.name, from: round, until: 0, visits: 0, lost: 0 }
      report.phases.push(current)
      const visitsBefore = clients?.visits() ?? 0
      const old = proxy.workers()
      const fresh = await startWorkers(phase)
      for (const [place, worker] of fresh.entries()) {
        const replaced = old[place]
        await worker.setRound(round)
        if (replaced === undefined) {
          await proxy.replace(worker)
          continue
        }
        await goOn(step, async () => {
          await proxy.replace(worker, replaced)
          await replaced.report()
          await replaced.stop()
          running.delete(replaced)
        })
      }
      clients ??= startClients({
        port: proxy.port,
        count: options.clients,
        pause: options.pause,
        life,
        random: createRandom(seed),
        onLoss: (loss) => {
          report.losses.push(loss)
          const last = report.phases.at(-1)
          if (last) last.lost++
        },
      })
      const hasNext = index < plan.length - 1
      if (phase.ends) await goOn(life)
      else if (skip !== 'wait' || !phase.retires) await goOn((index === 0 ? life : 2) * step)
      const safeAt = phase.retires && hasNext && skip !== 'wait' ? await untilSafe() : undefined
      if (safeAt !== undefined) current.safeAt = safeAt
      current.until = round
      current.visits = clients.visits() - visitsBefore
      onPhase?.(current)
    }
  } finally {
    clients?.stop()
    await Promise.all([...running].map((worker) => worker.stop()))
    await proxy.close()
  }
  return { ...report, visits: clients?.visits() ?? 0, failures: clients?.failures() ?? 0 }
}
