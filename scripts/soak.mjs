// @ts-check
/**
 * `npm run soak`: visitors over every adapter and store for half an hour, while stores fail, clocks jump and connections break.
 * Prints a line each minute; ends with exit code 1 if a session was lost, seen by another visitor, or the memory grew.
 */
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { bundle } from '../test/soak/bundle.mjs'

const HELP = `npm run soak -- [options]
  --minutes N      30
  --seed N         repeats the choices of an earlier run
  --only NAME      one system, as memory or postgres
  --sabotage KIND  drop: stores forget a write now and then; swap: they answer with another visitor's session. Must fail.`

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    only: { type: 'string' },
    sabotage: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(HELP)
else process.exitCode = (await main()) ? 0 : 1

/** @returns {Promise<boolean>} whether all was as it should be */
async function main() {
  const minutes = Number(values.minutes)
  const seed = Number(values.seed)
  const { sabotage, only } = values
  if (!(minutes > 0)) throw new TypeError('--minutes must be a number above 0')
  if (!Number.isInteger(seed)) throw new TypeError('--seed must be an integer')
  if (sabotage !== undefined && sabotage !== 'drop' && sabotage !== 'swap') {
    throw new TypeError('--sabotage must be drop or swap')
  }
  const [program, server] = [await bundle('soak'), await bundle('server')]
  /** @type {typeof import('../test/soak/soak.js')} */
  const { runSoak, summaryOf } = await import(pathToFileURL(program).href)
  console.log(`seed ${seed}`)
  const report = await runSoak({
    server,
    seed,
    minutes,
    restarts: Math.max(1, Math.floor(minutes) - 1),
    print: (line) => console.log(line),
    ...(sabotage && { sabotage }),
    ...(only && { only }),
  })
  console.log(`\n${report.systems.join(', ')}\n${summaryOf(report)}`)
  console.log(`memory: ${(report.growth / 2 ** 20).toFixed(1)} MiB more in the last quarter than in the second`)
  for (const problem of report.problems) console.log(problem)
  console.log(report.isFine ? 'fine' : 'FAILED')
  return report.isFine
}
