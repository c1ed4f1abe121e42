// @ts-check
/** A rollout as text: a table of the phases, and the shares over time as blocks. */
import { series } from './plan.mjs'
import { sharesOf } from './shares.mjs'

const BLOCKS = [...' ▁▂▃▄▅▆▇█']
const COLUMNS = 84
const NAME_WIDTH = Math.max(...series.map((name) => name.length)) + 2

/** The head of the table that `phaseLine` fills. */
export const phaseHead = 'phase              rounds    visits  sessions lost  safeToRetire'

/** @param {import('./rollout.mjs').PhaseReport} phase */
export function phaseLine({ name, from, until, visits, lost, safeAt }) {
  const safe = safeAt === undefined ? '' : `after round ${safeAt - from}`
  return `${name.padEnd(14)}${String(until - from).padStart(11)}${String(visits).padStart(10)}${String(lost).padStart(15)}  ${safe}`.trimEnd()
}

/** @param {import('./rollout.mjs').RolloutReport} report */
export function terminalChart(report) {
  const end = report.phases.at(-1)?.until ?? 1
  const slices = sharesOf(report, COLUMNS)
  const columnOf = (/** @type {number} */ at) => Math.min(COLUMNS - 1, Math.floor((at / end) * COLUMNS))
  const rows = series.map((name, place) => {
    const cells = Array.from({ length: COLUMNS }, () => ' ')
    for (const { from, shares } of slices) {
      const share = shares[place] ?? 0
      const level = share === 0 ? 0 : Math.max(1, Math.round(share * (BLOCKS.length - 1)))
      cells[Math.round((from / end) * COLUMNS)] = BLOCKS[level] ?? ' '
    }
    return name.padEnd(NAME_WIDTH) + cells.join('').trimEnd()
  })
  const phases = line(report.phases.map(({ name, from }) => ({ at: columnOf(from), text: `│${name}` })))
  const safe = line(
    report.phases.flatMap(({ safeAt }) => (safeAt === undefined ? [] : [{ at: columnOf(safeAt), text: '▲safe' }])),
  )
  return [phases, ...rows, safe].join('\n')
}

/** @param {{ at: number, text: string }[]} labels - a later one goes over an earlier one */
function line(labels) {
  const cells = Array.from({ length: COLUMNS + NAME_WIDTH }, () => ' ')
  for (const { at, text } of labels) {
    for (const [offset, character] of [...text].entries()) cells[at + offset] = character
  }
  return (' '.repeat(NAME_WIDTH) + cells.join('')).trimEnd()
}
