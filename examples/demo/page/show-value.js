/**
 * A value of the session as a person reads it: a date as a date, bytes as bytes, a list as a list.
 */
import { element } from './dom.js'
import { dateTime } from './words.js'

/** Longest value that stays on one line, in characters. */
const LINE = { wide: 56, narrow: 32 }
const narrow = matchMedia('(max-width: 70rem)')
const BYTES_SHOWN = 24

/**
 * @param {unknown} value
 * @returns {HTMLElement}
 */
export function showValue(value) {
  const text = element('span', { class: 'value' }, tokens(value, ''))
  return (text.textContent ?? '').includes('\n') ? element('pre', {}, text) : text
}

/**
 * @param {unknown} value
 * @returns {string} the type, as a programmer says it
 */
export function typeName(value) {
  if (value === null) return 'null'
  if (value instanceof Date) return 'Date'
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (Array.isArray(value)) return `list of ${value.length}`
  if (typeof value !== 'object') return typeof value
  return '_bsontype' in value ? String(value._bsontype) : 'object'
}

/**
 * @param {unknown} value
 * @param {string} indent
 * @returns {Node[]}
 */
function tokens(value, indent) {
  if (value instanceof Date)
    return [element('time', { class: 'is-date', datetime: value.toISOString() }, dateTime(value))]
  if (value instanceof Uint8Array) return [token('is-bytes', hex(value))]
  if (typeof value === 'string') return [token('is-text', JSON.stringify(value))]
  if (typeof value === 'bigint') return [token('is-number', `${value}n`)]
  if (typeof value !== 'object' || value === null) return [token('is-number', String(value))]
  if ('_bsontype' in value) return [token('is-bytes', `${value._bsontype}(${value})`)]
  const isList = Array.isArray(value)
  const items = Object.entries(value).map(([key, inner]) => ({ key, inner }))
  const [start, end] = isList ? ['[', ']'] : ['{', '}']
  if (items.length === 0) return [token('is-mark', start + end)]
  const onLine = items.flatMap(({ key, inner }, index) => [
    ...comma(index, ', '),
    ...member(isList, key, inner, indent),
  ])
  const short = [token('is-mark', isList ? start : `${start} `), ...onLine, token('is-mark', isList ? end : ` ${end}`)]
  const text = short.map((node) => node.textContent).join('')
  if (text.length <= (narrow.matches ? LINE.narrow : LINE.wide) && !text.includes('\n')) return short
  const deeper = `${indent}  `
  const lines = items.flatMap(({ key, inner }, index) => [
    ...comma(index, ','),
    token('is-mark', `\n${deeper}`),
    ...member(isList, key, inner, deeper),
  ])
  return [token('is-mark', start), ...lines, token('is-mark', `\n${indent}${end}`)]
}

/** @param {boolean} isList @param {string} key @param {unknown} inner @param {string} indent */
function member(isList, key, inner, indent) {
  return isList ? tokens(inner, indent) : [token('is-key', key), token('is-mark', ': '), ...tokens(inner, indent)]
}

/** @param {number} index @param {string} text */
function comma(index, text) {
  return index === 0 ? [] : [token('is-mark', text)]
}

/** @param {string} kind @param {string} text */
function token(kind, text) {
  return element('span', { class: kind }, text)
}

/** @param {Uint8Array} bytes */
function hex(bytes) {
  const shown = Array.from(bytes.subarray(0, BYTES_SHOWN), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
  return bytes.length > BYTES_SHOWN ? `${shown} …` : shown || 'empty'
}
