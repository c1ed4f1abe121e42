/**
 * How long the words of a Huffman code are, without its tree: A. Moffat and J. Katajainen, "In-place calculation of
 * minimum-redundancy codes" (1995), with a limit for the longest.
 */

/** Most bits of a word that DEFLATE has (RFC 1951 §3.2.7). */
export const WORD_BITS = 15

/** First the weight of each node of the tree, then its parent, then its depth. */
const nodes: Int32Array = new Int32Array(512)

/**
 * Counts the words of each length in a code of least redundancy.
 *
 * @param ranks - numbers that begin with a frequency, in ascending order
 * @param size - how many of them, 2 or more
 * @param skipped - bits of each behind its frequency
 * @param limit - most bits of a word, up to `WORD_BITS`; `2 ** limit` is at least `size`
 * @param counts - gets the number of words at the place of their length
 */
export function countWords(ranks: Int32Array, size: number, skipped: number, limit: number, counts: Int32Array): void {
  counts.fill(0)
  joinNodes(ranks, size, skipped)
  const deepest = countDepths(size, limit, counts)
  if (deepest > limit) shorten(limit, counts)
}

/** Joins the two lightest nodes until one is left. The last inner node is the root. */
function joinNodes(ranks: Int32Array, size: number, skipped: number): void {
  let leaf = 0
  let inner = 0
  for (let node = 0; node < size - 1; node++) {
    let weight = 0
    for (let child = 0; child < 2; child++) {
      const lightest = leaf < size ? (ranks[leaf] as number) >> skipped : -1
      if (inner < node && (lightest < 0 || (nodes[inner] as number) < lightest)) {
        weight += nodes[inner] as number
        nodes[inner++] = node
      } else {
        weight += lightest
        leaf++
      }
    }
    nodes[node] = weight
  }
}

/** A level has twice as many places as the inner nodes of the one above; what is no inner node there is a word. */
function countDepths(size: number, limit: number, counts: Int32Array): number {
  const root = size - 2
  nodes[root] = 0
  for (let node = root - 1; node >= 0; node--) nodes[node] = (nodes[nodes[node] as number] as number) + 1
  let node = root
  let depth = 0
  for (let places = 1; places > 0; depth++) {
    let inner = 0
    for (; node >= 0 && nodes[node] === depth; node--) inner++
    const length = depth < limit ? depth : limit
    counts[length] = (counts[length] as number) + places - inner
    places = inner * 2
  }
  return depth - 1
}

/**
 * Words that were cut to the limit are too many for it: others get longer until there is a place for each, which there is, for there are
 * no more than `2 ** limit`.
 */
function shorten(limit: number, counts: Int32Array): void {
  let taken = 0
  for (let length = 1; length <= limit; length++) taken += (counts[length] as number) << (limit - length)
  for (; taken > 1 << limit; taken--) {
    let length = limit - 1
    while (!counts[length]) length--
    counts[length] = (counts[length] as number) - 1
    counts[length + 1] = (counts[length + 1] as number) + 2
    counts[limit] = (counts[limit] as number) - 1
  }
}
