/**
 * The members of a JSON object as their text, in order: what a format says, types and all.
 *
 * @param text - JSON without white space, as every codec here writes it
 */
export function jsonMembers(text: string): Record<string, string> {
  const members: [string, string][] = []
  let depth = 0
  let start = 1
  // A string, or a mark of the structure (RFC 8259 §2).
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},]/g)) {
    if ('[{'.includes(token)) depth++
    if (']}'.includes(token)) depth--
    const isEnd = (token === ',' && depth === 1) || depth === 0
    if (!isEnd || index === start) continue
    const [, key = '', value = ''] = /^("(?:[^"\\]|\\.)*"):(.*)$/s.exec(text.slice(start, index)) ?? []
    members.push([JSON.parse(key) as string, value])
    start = index + 1
  }
  return Object.fromEntries(members)
}
