/**
 * The values that a person pastes: one alone, a Cookie header, a Set-Cookie header, or what a browser's tools copy of them.
 * RFC 6265 §4.1.1 and §4.2.1.
 */
import { readCookies } from './cookie.js'
import { formOf } from './cookie-forms.js'

/** A value, and what stood beside it. */
export interface PastedCookie {
  readonly name?: string
  /** Pieces of one value are joined. */
  readonly value: string
  /** Of a Set-Cookie header, each as `Path=/`. */
  readonly attributes?: readonly string[]
  /** In how many cookies it came, if more than one. */
  readonly pieces?: number
}

/** `Cookie: `, `Set-Cookie: `, also as one argument of curl. */
const HEADER = /^(?:-H\s*)?["']?\s*(set-cookie|cookie)\s*:\s*/i
/** A name and a value. */
const PAIR = /^\s*([!#-'*+.^`|~\w-]+)=(.*)$/s
/** An attribute of Set-Cookie. */
const ATTRIBUTE = /^\s*(?:path|domain|expires|max-age|samesite|priority)\s*=|^\s*(?:secure|httponly|partitioned)\s*$/i

/**
 * Finds the values in a text: all of a Cookie header, and the first of each Set-Cookie header, one header on each line.
 *
 * @returns none if there is no cookie in it
 */
export function cookiesIn(text: string): PastedCookie[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  return joined(lines.filter((line) => line !== '').flatMap(cookiesOfLine))
}

function cookiesOfLine(line: string): PastedCookie[] {
  const [head = '', kind] = HEADER.exec(line) ?? []
  const text = head === '' ? line : line.slice(head.length).replace(/["']$/, '')
  const parts = text.split(/;\s*/)
  const attributes = parts.slice(1).filter((part) => part !== '')
  const isSetCookie = kind?.toLowerCase() === 'set-cookie' || (kind === undefined && attributes.some(isAttribute))
  if (isSetCookie) return pairsOf(parts[0] ?? '').map((cookie) => ({ ...cookie, attributes }))
  // No form has a `=` before its end, except compact; what else has one there has a name.
  if (kind === undefined && (formOf(text) || !PAIR.test(text.replace(/=+$/, '')))) return [{ value: text }]
  return parts.flatMap(pairsOf)
}

function isAttribute(text: string): boolean {
  return ATTRIBUTE.test(text)
}

function pairsOf(text: string): PastedCookie[] {
  const [, name] = PAIR.exec(text) ?? []
  if (name === undefined) return []
  // Without quotes, as each codec gets it.
  const [value = ''] = readCookies(text, name)
  return value === '' ? [] : [{ name, value }]
}

/** Pieces of one value: NAME, NAME.1, NAME.2 … */
function joined(cookies: readonly PastedCookie[]): PastedCookie[] {
  const values = new Map(cookies.flatMap(({ name, value }) => (name === undefined ? [] : [[name, value] as const])))
  const isPiece = (name: string): boolean => {
    const [, first] = /^(.+)\.[1-9]\d?$/.exec(name) ?? []
    return first !== undefined && values.has(first)
  }
  return cookies.flatMap((cookie) => {
    const { name } = cookie
    if (name === undefined) return [cookie]
    if (isPiece(name)) return []
    let { value } = cookie
    let pieces = 1
    for (; values.has(`${name}.${pieces}`); pieces++) value += values.get(`${name}.${pieces}`)
    return [{ ...cookie, value, ...(pieces > 1 && { pieces }) }]
  })
}
