/** The rollout simulation, small: no phase costs a session, and a phase that is left out does. */
import { beforeAll, expect, test } from 'vitest'
import { buildIfStale } from '../../scripts/build.mjs'
import { svgChart } from '../simulate/chart.mjs'
import { phases, planOf, series } from '../simulate/plan.mjs'
import { type RolloutOptions, type RolloutReport, simulateRollout } from '../simulate/rollout.mjs'
import { sharesOf } from '../simulate/shares.mjs'
import { phaseLine, terminalChart } from '../simulate/terminal.mjs'
import { findPython } from './find-python.js'
import { describeWithPython } from './peer.js'

/** Rounds. */
const life = 6

describeWithPython('a rollout', () => {
  beforeAll(() => {
    // The Node workers are processes of their own and take the package as it is built.
    if (!buildIfStale()) throw new Error('dist/ could not be built')
  })

  test('loses no session, and events tell when Beaker and the old key can go', async () => {
    const { report, seed } = await simulate({})
    expect(report.losses, seed).toEqual([])
    expect(report.failures, seed).toBe(0)
    expect(report.phases.map(({ name }) => name)).toEqual(phases.map(({ name }) => name))
    for (const { name, visits } of report.phases) expect(visits, `${name}, ${seed}`).toBeGreaterThan(20)
    expect(report.visits).toBe(report.phases.reduce((sum, { visits }) => sum + visits, 0))

    const retiring = report.phases.filter(({ safeAt }) => safeAt !== undefined)
    expect(retiring.map(({ name }) => name)).toEqual(['write-new', 'sign-with-key'])
    for (const [index, { name, safeAt = 0, until }] of retiring.entries()) {
      const old = report.samples.filter((sample) => sample.series === series[index])
      // A sample stands in the middle of its round.
      expect(safeAt - Math.max(...old.map(({ at }) => at)), `${name}, ${seed}`).toBeGreaterThanOrEqual(life - 0.5)
      expect(safeAt).toBe(until)
    }
    // Beaker's tuple is a list of the new format; nothing has to stay in the old one.
    expect(Object.keys(report.events).sort()).toEqual(['committed', 'read', 'upgraded'])

    // By the events alone: one format, then a mixture, then the other; the same with the keys.
    expect(seriesDuring(report, 'old')).toEqual([series[0]])
    expect(seriesDuring(report, 'write-new')).toEqual([series[0], series[1]])
    expect(seriesDuring(report, 'accept-key')).toEqual([series[1]])
    expect(seriesDuring(report, 'sign-with-key')).toEqual([series[1], series[2]])
    expect(seriesDuring(report, 'drop-key')).toEqual([series[2]])

    const slices = sharesOf(report, 40)
    expect(slices[0]?.shares).toEqual([1, 0, 0])
    expect(slices.at(-1)?.shares).toEqual([0, 0, 1])
    const svg = svgChart(report)
    for (const name of [...series, ...phases.map(({ name }) => name), ': 0 sessions lost']) expect(svg).toContain(name)
    expect(svg.match(/>safeToRetire</g)).toHaveLength(2)
    expect(svg).not.toMatch(/NaN|undefined/)
    expect(terminalChart(report).match(/▲safe/g)).toHaveLength(2)
  })

  test('loses sessions where nobody reads both first', async () => {
    const { report, seed } = await simulate({ skip: 'read-both', until: 'write-new', step: 3 })
    expect(report.phases.map(({ name }) => name)).toEqual(['old', 'write-new'])
    expect(report.losses.length, seed).toBeGreaterThan(0)
    expect(report.phases.map(({ lost }) => lost > 0)).toEqual([false, true])
    expect(report.losses.map(({ how }) => how)).toContain('signed out')
    expect(svgChart(report)).toContain(`: ${report.losses.length} sessions lost`)
  })
})

test('only a phase that matters can be left out', () => {
  expect(planOf({ skip: 'sign-with-key' }).map(({ name }) => name)).not.toContain('sign-with-key')
  expect(planOf({ skip: 'wait' })).toEqual(phases)
  expect(() => planOf({ skip: 'old' })).toThrow('--skip must be one of')
  expect(() => planOf({ until: 'never' })).toThrow('--until must be one of')
})

async function simulate(options: Partial<RolloutOptions>): Promise<{ report: RolloutReport; seed: string }> {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const report = await simulateRollout({
    seed,
    clients: 30,
    pythonWorkers: 2,
    nodeWorkers: 1,
    python: findPython(),
    pause: 2,
    life,
    step: 1,
    ...options,
  })
  return { report, seed: `seed ${seed}\n${report.phases.map(phaseLine).join('\n')}` }
}

/** What was read from the time when all workers were in a phase, or were getting there, to its end. */
function seriesDuring({ phases, samples }: RolloutReport, name: string): (string | undefined)[] {
  const phase = phases.find((phase) => phase.name === name)
  const during = samples.filter(({ at }) => at >= (phase?.from ?? 0) && at < (phase?.until ?? 0))
  return series.filter((name) => during.some((sample) => sample.series === name))
}
