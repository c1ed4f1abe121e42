/**
 * JSON with the text of every number: 1.0, 1e-05 or an integer beyond 2^53 can be written back as Python wrote it.
 * Grammar of RFC 8259, with the NaN, Infinity and -Infinity of Python's json module (FORMATS §9).
 */
import { SessionError } from '../../shared/errors.js'
import type { NeutralType, OriginNode } from '../../shared/types.js'
import { setOwn } from '../values.js'

/** The deepest nesting of objects and arrays, as for BSON: enough for sessions, and safe for recursion. */
export const MAX_JSON_DEPTH = 64

/** Objects, arrays and all that is in them: a text of a thousand characters may inflate to half a million of them. As in a pickle. */
export const MAX_JSON_VALUES = 100_000

/**
 * Reads JSON text into a node for each value. Integers beyond 2^53 become bigints; of equal keys the last wins.
 *
 * @throws {SessionError} `ERR_SESSION_JSON`, or `ERR_SESSION_LIMIT` past 64 levels or `maxValues`
 */
export function readJson(text: string, maxValues: number = MAX_JSON_VALUES): OriginNode {
  const source: Source = { text, at: 0, left: maxValues }
  const node = readValue(source, 0)
  skipSpace(source)
  if (source.at !== text.length) throw malformed()
  return node
}

interface Source {
  readonly text: string
  at: number
  /** Values that may still come. */
  left: number
}

/** RFC 8259 §6, and the three names Python adds. */
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|NaN|-?Infinity/y
/** RFC 8259 §7: no control characters; escapes are checked by JSON.parse. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the grammar names them
const STRING = /"[^"\\\u0000-\u001f]*(?:\\.[^"\\\u0000-\u001f]*)*"/y
/** RFC 8259 §2. */
const SPACE = /[ \t\n\r]*/y

function readValue(source: Source, depth: number): OriginNode {
  if (--source.left < 0) throw new SessionError('ERR_SESSION_LIMIT', 'The JSON holds too many values')
  skipSpace(source)
  switch (source.text[source.at]) {
    case '{':
      return readObject(source, depth + 1)
    case '[':
      return readArray(source, depth + 1)
    case '"':
      return leaf(readString(source))
    case 't':
      return leaf(readWord(source, 'true', true))
    case 'f':
      return leaf(readWord(source, 'false', false))
    case 'n':
      return leaf(readWord(source, 'null', null))
    default:
      return readNumber(source)
  }
}

function readObject(source: Source, depth: number): OriginNode {
  checkDepth(depth)
  const members = new Map<string, OriginNode>()
  source.at++
  if (!closes(source, '}')) {
    do {
      skipSpace(source)
      const key = readString(source)
      expect(source, ':')
      members.set(key, readValue(source, depth))
    } while (continues(source, '}'))
  }
  const value: Record<string, unknown> = {}
  for (const [key, node] of members) setOwn(value, key, node.value)
  return container(value, members)
}

function readArray(source: Source, depth: number): OriginNode {
  checkDepth(depth)
  const items = new Map<string, OriginNode>()
  source.at++
  if (!closes(source, ']')) {
    do items.set(String(items.size), readValue(source, depth))
    while (continues(source, ']'))
  }
  return container(
    Array.from(items.values(), (node) => node.value),
    items,
  )
}

function readString(source: Source): string {
  const text = match(source, STRING)
  if (!text.includes('\\')) return text.slice(1, -1)
  try {
    return JSON.parse(text) as string
  } catch {
    throw malformed()
  }
}

function readNumber(source: Source): OriginNode {
  const start = source.at
  NUMBER.lastIndex = start
  const found = NUMBER.exec(source.text)
  if (!found) throw malformed()
  source.at = NUMBER.lastIndex
  const raw = found[0]
  const isInteger = found[1] === undefined && found[2] === undefined && /[0-9]$/.test(raw)
  const type: NeutralType = isInteger ? 'integer' : 'double'
  const number = Number(raw)
  const value = isInteger && !Number.isSafeInteger(number) ? BigInt(raw) : number
  return { format: 'json', value, type, raw }
}

function readWord<T>(source: Source, word: string, value: T): T {
  if (!source.text.startsWith(word, source.at)) throw malformed()
  source.at += word.length
  return value
}

function leaf(value: unknown): OriginNode {
  return { format: 'json', value }
}

function container(value: unknown, nodes: Map<string, OriginNode>): OriginNode {
  return { format: 'json', value, keys: () => nodes.keys(), child: (key) => nodes.get(key) }
}

function closes(source: Source, bracket: string): boolean {
  skipSpace(source)
  if (source.text[source.at] !== bracket) return false
  source.at++
  return true
}

function continues(source: Source, bracket: string): boolean {
  if (closes(source, bracket)) return false
  expect(source, ',')
  return true
}

function expect(source: Source, mark: string): void {
  if (!closes(source, mark)) throw malformed()
}

function skipSpace(source: Source): void {
  match(source, SPACE)
}

function match(source: Source, grammar: RegExp): string {
  grammar.lastIndex = source.at
  const found = grammar.exec(source.text)
  if (!found) throw malformed()
  source.at = grammar.lastIndex
  return found[0]
}

function checkDepth(depth: number): void {
  if (depth > MAX_JSON_DEPTH) {
    throw new SessionError('ERR_SESSION_LIMIT', `JSON is nested deeper than ${MAX_JSON_DEPTH} levels`)
  }
}

function malformed(): SessionError {
  return new SessionError('ERR_SESSION_JSON', 'The payload is not JSON text')
}
