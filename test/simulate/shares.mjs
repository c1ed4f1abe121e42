// @ts-check
/** What the samples of a rollout say: the share of each format and key in each slice of time. */
import { series } from './plan.mjs'

/**
 * @typedef {object} Slice
 * @property {number} from - in rounds
 * @property {number} until
 * @property {number[]} shares - one for each series, together 1
 */

/**
 * @param {import('./rollout.mjs').RolloutReport} report
 * @param {number} count - of slices of the same length
 * @returns {Slice[]} without those before the first read; a slice without reads is as the one before
 */
export function sharesOf({ samples, phases }, count) {
  const end = phases.at(-1)?.until ?? 0
  const reads = Array.from({ length: count }, () => series.map(() => 0))
  for (const { at, series: name, reads: more } of samples) {
    const slice = reads[Math.min(count - 1, Math.floor((at / end) * count))]
    const place = series.indexOf(name)
    if (slice) slice[place] = (slice[place] ?? 0) + more
  }
  /** @type {Slice[]} */
  const slices = []
  for (const [index, counts] of reads.entries()) {
    const total = counts.reduce((sum, number) => sum + number, 0)
    const shares = total > 0 ? counts.map((number) => number / total) : slices.at(-1)?.shares
    if (shares) slices.push({ from: (index / count) * end, until: ((index + 1) / count) * end, shares })
  }
  return slices
}
