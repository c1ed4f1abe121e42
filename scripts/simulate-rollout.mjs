// @ts-check
/**
 * `npm run simulate:rollout`: a fleet of Beaker, beaker-session-jwt and Node workers leaves Beaker and then a key, while clients
 * keep using their sessions. Prints the sessions lost in each phase, and draws what the Node workers' events said.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { svgChart } from '../test/simulate/chart.mjs'
import { skippable } from '../test/simulate/plan.mjs'
import { simulateRollout } from '../test/simulate/rollout.mjs'
import { phaseHead, phaseLine, terminalChart } from '../test/simulate/terminal.mjs'
import { buildIfStale } from './build.mjs'
import { ensurePython } from './python-env.mjs'
import { root } from './run.mjs'

const HELP = `npm run simulate:rollout -- [options]
  --skip PHASE   leaves a phase out, which must cost sessions: ${skippable.join(', ')}
  --clients N    300
  --python N     3 Python workers
  --node N       3 Node workers
  --seed N       repeats the choices of an earlier run
  --svg FILE     .cache/rollout.svg`

const { values } = parseArgs({
  options: {
    skip: { type: 'string' },
    clients: { type: 'string', default: '300' },
    python: { type: 'string', default: '3' },
    node: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    svg: { type: 'string', default: `${root}.cache/rollout.svg` },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(HELP)
else process.exitCode = (await main()) ? 0 : 1

/** @returns {Promise<boolean>} whether all was as it should be: nothing lost, or something where a phase was left out */
async function main() {
  const { skip } = values
  const pythonWorkers = number('python', 0)
  const python = pythonWorkers > 0 ? (process.env.SESSIONGLASS_PYTHON ?? preparePython()) : undefined
  if (pythonWorkers > 0 && python === undefined) return false
  const nodeWorkers = number('node', 0)
  if (nodeWorkers > 0 && !buildIfStale()) return false
  const seed = number('seed', 0)
  console.log(`seed ${seed}${skip === undefined ? '' : `, without ${skip}`}\n\n${phaseHead}`)
  const report = await simulateRollout({
    seed,
    clients: number('clients', 1),
    pythonWorkers,
    nodeWorkers,
    python,
    pause: 3,
    life: 12,
    step: 2,
    ...(skip === undefined ? {} : { skip }),
    onPhase: (phase) => console.log(phaseLine(phase)),
  })
  const { losses, visits, failures, events } = report
  const file = resolve(values.svg)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, svgChart(report))
  console.log(`\n${terminalChart(report)}\n`)
  console.log(
    `events of the Node workers: ${Object.entries(events)
      .map(([type, count]) => `${type} ${count}`)
      .join(', ')}`,
  )
  for (const line of summaryOf(losses)) console.log(line)
  console.log(`chart: ${file}`)
  console.log(`${losses.length} sessions lost in ${visits} visits, ${failures} requests failed`)
  return failures === 0 && losses.length > 0 === (skip !== undefined)
}

function preparePython() {
  const result = ensurePython({ older: false })
  if ('python' in result) return result.python
  console.error(`${result.missing}; or take --python 0`)
  return undefined
}

/**
 * @param {'clients' | 'python' | 'node' | 'seed'} name
 * @param {number} least
 */
function number(name, least) {
  const value = Number(values[name])
  if (!Number.isInteger(value) || value < least) throw new TypeError(`--${name} must be an integer, at least ${least}`)
  return value
}

/** @param {import('../test/simulate/clients.mjs').Loss[]} losses */
function summaryOf(losses) {
  const counts = new Map()
  for (const { how, worker } of losses) {
    const line = `${how} by a ${worker} worker`
    counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  return [...counts].map(([line, count]) => `${line}: ${count}`)
}
