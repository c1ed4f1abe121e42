/**
 * What a session holds, in words: what each value is, and the value itself only if a person asks for it.
 */
import { inspect } from 'node:util'
import { encodeBase64 } from '../../shared/base64.js'
import { encodeHex } from '../../shared/bytes.js'
import { isPlainObject, type SessionData, type SessionMeta } from '../../shared/types.js'
import { count, fromNow, kindOf } from '../../shared/words.js'
import { printable } from './terminal.js'

/** What a value is, without what it says. */
function kindWithLength(value: unknown): string {
  return typeof value === 'string' ? `text, ${count(value.length, 'character')}` : kindOf(value)
}

/** The value, for a person. */
function textOf(value: unknown): string {
  if (value instanceof Date) return Number.isNaN(+value) ? 'no date' : value.toISOString()
  if (value instanceof Uint8Array) return `${encodeHex(value)} (${count(value.length, 'byte')})`
  if (typeof value === 'string') return printable(JSON.stringify(value))
  return printable(inspect(value, { depth: 8, maxArrayLength: 1000, maxStringLength: 10_000, breakLength: 72 }))
}

/** What is nested deeper could overflow the stack. */
const DEEPEST = 200

/** The value, for a machine. What JSON lacks has a key that begins with `$`, as in Extended JSON of MongoDB. */
function jsonOf(value: unknown, depth = 0): unknown {
  if (value === undefined || value === null) return null
  if (typeof value === 'bigint') return { $numberLong: String(value) }
  if (typeof value === 'number') return Number.isFinite(value) ? value : { $numberDouble: String(value) }
  if (typeof value !== 'object') return value
  if (value instanceof Date) return { $date: Number.isNaN(+value) ? null : value.toISOString() }
  if (value instanceof Uint8Array) return { $binary: encodeBase64(value) }
  if (depth >= DEEPEST) return { $text: 'nested too deeply to show' }
  const inner = (member: unknown): unknown => jsonOf(member, depth + 1)
  if (Array.isArray(value)) return value.map(inner)
  if (value instanceof Set) return [...value].map(inner)
  if (value instanceof Map) return [...value].map(([key, member]) => [inner(key), inner(member)])
  if (isPlainObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, inner(member)]))
  return { $text: inspect(value) }
}

/** The keys of a session, each with what it is or what it says. */
export function rowsOf(data: SessionData, shows: boolean): [name: string, value: string][] {
  return Object.entries(data).map(([key, value]) => [printable(key), shows ? textOf(value) : kindWithLength(value)])
}

export function jsonRowsOf(data: SessionData, shows: boolean): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, shows ? jsonOf(value) : kindWithLength(value)]),
  )
}

/** The times of a session, with how long ago that was. */
export function timeRows(
  { createdAt, accessedAt, notBefore, expiresAt }: SessionMeta,
  now: Date,
): [name: string, value: string][] {
  const rows: [string, Date | undefined][] = [
    ['created', createdAt],
    ['last used', accessedAt],
    ['valid from', notBefore],
    ['expires', expiresAt],
  ]
  return rows.flatMap(([name, time]) => (time ? [[name, `${time.toISOString()} (${fromNow(time, now)})`]] : []))
}
