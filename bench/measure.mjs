/** Measures one thing: the median time of a call in microseconds, over at least 400 ms. */
import { measure } from 'mitata'

/**
 * @param {string} name
 * @param {() => unknown} call - may answer with a promise
 * @returns {Promise<{ name: string, microseconds: number }>}
 */
export async function time(name, call) {
  const { p50 } = await measure(call, { min_cpu_time: 400e6, min_samples: 50, batch_threshold: 1e9 })
  return { name, microseconds: p50 / 1000 }
}
