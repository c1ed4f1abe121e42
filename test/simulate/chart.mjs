// @ts-check
/** A rollout as SVG: the share of each format and key over time, the phases, and when something was safe to retire. */
import { series } from './plan.mjs'
import { sharesOf } from './shares.mjs'

const WIDTH = 960
const HEIGHT = 390
const PLOT = { left: 44, right: 944, top: 84, bottom: 306 }
const SLICES = 120
/** Of the slices that are drawn; apart in lightness too, for whoever sees no colours. */
const COLOURS = ['#b45309', '#60a5fa', '#1e3a8a']

/** @param {import('./rollout.mjs').RolloutReport} report */
export function svgChart(report) {
  const { phases } = report
  const end = phases.at(-1)?.until ?? 1
  const x = (/** @type {number} */ at) => round(PLOT.left + (at / end) * (PLOT.right - PLOT.left))
  const y = (/** @type {number} */ share) => round(PLOT.bottom - share * (PLOT.bottom - PLOT.top))
  const lost = phases.reduce((sum, phase) => sum + phase.lost, 0)
  const title = `Leaving Beaker, then a key: ${lost} sessions lost`
  const description = 'What the Node workers read, by format and key, over time'
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title description">`,
    `<title id="title">${title}</title>`,
    `<desc id="description">${description}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="paper" width="${WIDTH}" height="${HEIGHT}"/>`,
    `<text class="head" x="${PLOT.left}" y="24">${title}</text>`,
    `<text x="${PLOT.left}" y="42">${description}</text>`,
    ...areas(sharesOf(report, SLICES), { x, y }),
    ...[0, 0.5, 1].map(
      (share) => `<text x="${PLOT.left - 6}" y="${y(share) + 4}" text-anchor="end">${share * 100} %</text>`,
    ),
    ...phases.flatMap((phase, index) => phaseMarks(phase, { x, isOdd: index % 2 === 1 })),
    ...legend(),
    '</svg>',
    '',
  ].join('\n')
}

const STYLE = [
  'text{font:12px system-ui,sans-serif;fill:#374151}.head{font-size:15px;font-weight:600}.paper{fill:#fff}',
  '.phase{stroke:#6b7280;stroke-dasharray:2 3}.safe{stroke:#10b981;stroke-width:3}.safe-text{fill:#047857;font-weight:600}',
  '.lost{fill:#b91c1c;font-weight:600}',
  '@media (prefers-color-scheme:dark){text{fill:#d1d5db}.paper{fill:#111827}.safe-text{fill:#34d399}.lost{fill:#f87171}}',
].join('')

/**
 * One area for each series, on top of the one before.
 *
 * @param {import('./shares.mjs').Slice[]} slices
 * @param {{ x: (at: number) => number, y: (share: number) => number }} scale
 */
function areas(slices, { x, y }) {
  return series.map((name, place) => {
    const sumTo = (/** @type {number[]} */ shares, /** @type {number} */ count) =>
      shares.slice(0, count).reduce((sum, share) => sum + share, 0)
    const upper = slices.flatMap(({ from, until, shares }) => {
      const at = y(sumTo(shares, place + 1))
      return [`${x(from)},${at}`, `${x(until)},${at}`]
    })
    const lower = slices.flatMap(({ from, until, shares }) => {
      const at = y(sumTo(shares, place))
      return [`${x(from)},${at}`, `${x(until)},${at}`]
    })
    return `<polygon fill="${COLOURS[place]}" points="${[...upper, ...lower.reverse()].join(' ')}"><title>${name}</title></polygon>`
  })
}

/**
 * @param {import('./rollout.mjs').PhaseReport} phase
 * @param {{ x: (at: number) => number, isOdd: boolean }} where - every second name stands lower, so that short phases fit
 */
function phaseMarks({ name, from, lost, safeAt }, { x, isOdd }) {
  const at = x(from)
  const marks = [
    `<line class="phase" x1="${at}" x2="${at}" y1="${PLOT.top - 22}" y2="${PLOT.bottom + 20}"/>`,
    `<text x="${at + 3}" y="${isOdd ? PLOT.top - 4 : PLOT.top - 17}">${name}</text>`,
    `<text class="${lost > 0 ? 'lost' : 'none'}" x="${at + 3}" y="${PLOT.bottom + 16}">${lost} lost</text>`,
  ]
  if (safeAt !== undefined) {
    const safe = x(safeAt)
    marks.push(
      `<line class="safe" x1="${safe}" x2="${safe}" y1="${PLOT.top}" y2="${PLOT.bottom + 34}"/>`,
      `<text class="safe-text" x="${safe - 4}" y="${PLOT.bottom + 34}" text-anchor="end">safeToRetire</text>`,
    )
  }
  return marks
}

function legend() {
  return series.flatMap((name, place) => {
    const at = PLOT.left + place * 190
    return [
      `<rect fill="${COLOURS[place]}" x="${at}" y="${HEIGHT - 26}" width="12" height="12"/>`,
      `<text x="${at + 18}" y="${HEIGHT - 16}">${name}</text>`,
    ]
  })
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10
}
