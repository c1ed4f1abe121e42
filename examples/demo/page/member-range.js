/**
 * Where in a plain payload a member stands, so that its very characters in the cookie can be lit. Compressed payloads
 * have no such place: there a key is everywhere.
 */

/** The name of the highlight in the style sheet (CSS Custom Highlight API). */
const HIGHLIGHT = 'member'

/**
 * Lights the characters of one member up, or none.
 *
 * @param {object} [member]
 * @param {string} member.cookie - name of the cookie
 * @param {string} member.key
 */
export function lightMember(member) {
  if (!('highlights' in CSS)) return
  CSS.highlights.delete(HIGHLIGHT)
  const part = member && document.querySelector(`[data-cookie="${CSS.escape(member.cookie)}"][data-part="payload"]`)
  const text = part?.firstChild
  if (!member || !(text instanceof Text)) return
  const place = memberPlace(text.data, member.key)
  if (!place) return
  const range = new Range()
  range.setStart(text, place.start)
  range.setEnd(text, place.end)
  CSS.highlights.set(HIGHLIGHT, new Highlight(range))
}

/**
 * @param {string} payload - base64url of a JSON object
 * @param {string} key
 * @returns {{ start: number, end: number } | undefined} characters of the payload
 */
export function memberPlace(payload, key) {
  let json
  try {
    // One character for each byte, so that places in the text are places in the payload.
    json = atob(payload.replaceAll('-', '+').replaceAll('_', '/'))
  } catch {
    return undefined
  }
  const text = String.fromCharCode(...new TextEncoder().encode(JSON.stringify(key)))
  const found = topLevelMembers(json).find(({ start }) => json.startsWith(`${text}:`, start))
  // Three bytes are four characters.
  return found && { start: Math.floor((found.start * 4) / 3), end: Math.ceil((found.end * 4) / 3) }
}

/** A string, or a character that matters between strings; only for text that is JSON already. */
const STRING_OR_MARK = /"(?:[^"\\]|\\.)*"|[[\]{},]/g

/** @param {string} json */
function topLevelMembers(json) {
  const members = []
  let depth = 0
  let start = 1
  for (const { 0: token, index } of json.matchAll(STRING_OR_MARK)) {
    if (token === '{' || token === '[') depth++
    else if (token === '}' || token === ']') depth--
    if ((token === ',' && depth === 1) || (token === '}' && depth === 0)) {
      members.push({ start, end: index })
      start = index + 1
    }
  }
  return members
}
