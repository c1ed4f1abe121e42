/**
 * The values that a person pastes: one alone, a Cookie header, a Set-Cookie header, or what a browser's tools copy of them.
 * RFC 6265 §4.1.1 and §4.2.1.
 */
import { readCookies } from '../../shared/cookie.js'
import { looksLikeCompact } from '../../shared/decode-compact.js'
import { UsageError } from './terminal.js'

/** A value, and the name of its cookie if it is known. */
export interface FoundValue {
  readonly name?: string
  readonly value: string
}

/** Longest text that is looked at: more than any header. */
const MAX_TEXT = 1_048_576

/** `Cookie: `, `Set-Cookie: `, also as one argument of curl. */
const HEADER = /^(?:-H\s*)?["']?\s*(set-cookie|cookie)\s*:\s*/i
/** A name and a value. */
const PAIR = /^\s*([!#-'*+.^`|~\w-]+)=(.*)$/s

/**
 * Finds the values in a text: of a Cookie header all, of Set-Cookie headers (one in each line) each one's own.
 *
 * @param wanted - the name of the only cookie that counts
 * @throws {UsageError} if there is none
 */
export function valuesIn(text: string, wanted?: string): FoundValue[] {
  if (text.length > MAX_TEXT) throw new UsageError(`The text is longer than ${MAX_TEXT} characters`)
  const found = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .flatMap(valuesOfLine)
  const values = wanted === undefined ? found : found.filter(({ name }) => name === undefined || name === wanted)
  if (values.length > 0) return joined(values)
  throw new UsageError(
    wanted === undefined || found.length === 0
      ? 'There is no cookie in that: give a value, a Cookie header or a Set-Cookie header'
      : `There is no cookie with the name ${JSON.stringify(wanted)} in that`,
  )
}

function valuesOfLine(line: string): FoundValue[] {
  const [head = '', kind] = HEADER.exec(line) ?? []
  const text = head === '' ? line : line.slice(head.length).replace(/["']$/, '')
  if (kind?.toLowerCase() === 'set-cookie') return pairsOf(text.split(';', 1)[0] ?? '')
  // Of the formats here only compact has a `=` before its end, so what has one is a name.
  if (kind === undefined && (looksLikeCompact(text) || !PAIR.test(text.replace(/=+$/, '')))) return [{ value: text }]
  return text.split(/;\s*/).flatMap(pairsOf)
}

function pairsOf(text: string): FoundValue[] {
  const [, name] = PAIR.exec(text) ?? []
  if (name === undefined) return []
  // With quotes and escapes as each codec gets it.
  const [value = ''] = readCookies(text, name)
  return value === '' ? [] : [{ name, value }]
}

/** Pieces of one value: NAME, NAME.1, NAME.2 … */
function joined(values: readonly FoundValue[]): FoundValue[] {
  const pieces = new Map(values.flatMap(({ name, value }) => (name === undefined ? [] : [[name, value] as const])))
  const isPiece = (name: string): boolean => {
    const [, first, digits] = /^(.+)\.([1-9]\d?)$/.exec(name) ?? []
    return first !== undefined && pieces.has(first) && digits !== undefined
  }
  return values.flatMap(({ name, value }) => {
    if (name === undefined) return [{ value }]
    if (isPiece(name)) return []
    let whole = value
    for (let index = 1; pieces.has(`${name}.${index}`); index++) whole += pieces.get(`${name}.${index}`)
    return [{ name, value: whole }]
  })
}
