/**
 * Opcodes that have only an argument: numbers, text, octets.
 * FORMATS §7.1, §7.2.
 */
import { SessionError } from '../errors.js'
import { type Cursor, float64, int32, line, octet, take, uint16, uint32, uint64 } from './cursor.js'
import { decodeInteger, parseInteger } from './integer.js'
import { type PickleKind, type PickleNode, plainNode, scalarNode } from './node.js'
import * as op from './opcodes.js'
import { decodeLatin1, decodeLiteral, decodeRawUnicode, decodeText, decodeTextWithSurrogates } from './text.js'

/**
 * The node of an opcode that takes nothing from the stack.
 *
 * @returns `undefined` where the opcode is another
 * @throws {SessionError} `ERR_SESSION_PICKLE`, `ERR_SESSION_LIMIT`
 */
export function argumentNode(code: number, cursor: Cursor): PickleNode | undefined {
  switch (code) {
    case op.NONE:
      return scalarNode('none', null)
    case op.NEWTRUE:
      return scalarNode('bool', true)
    case op.NEWFALSE:
      return scalarNode('bool', false)
    case op.BININT:
      return scalarNode('int', int32(cursor))
    case op.BININT1:
      return scalarNode('int', octet(cursor))
    case op.BININT2:
      return scalarNode('int', uint16(cursor))
    case op.INT: {
      const text = decodeLatin1(line(cursor)).trim()
      return text === '00' || text === '01' ? scalarNode('bool', text === '01') : scalarNode('int', parseInteger(text))
    }
    case op.LONG:
      return scalarNode('long', parseInteger(decodeLatin1(line(cursor)).trim().replace(/L$/, '')))
    case op.LONG1:
      return integerNode(cursor, octet(cursor))
    case op.LONG4:
      return integerNode(cursor, uint32(cursor))
    case op.FLOAT:
      return scalarNode('float', parseFloat64(line(cursor)))
    case op.BINFLOAT:
      return scalarNode('float', float64(cursor))
    case op.STRING:
      return plainNode('str2', decodeLiteral(line(cursor)), undefined)
    case op.BINSTRING:
      return octetsNode('str2', cursor, uint32(cursor))
    case op.SHORT_BINSTRING:
      return octetsNode('str2', cursor, octet(cursor))
    case op.UNICODE:
      return scalarNode('str', decodeRawUnicode(line(cursor)))
    case op.SHORT_BINUNICODE:
      return textNode(cursor, octet(cursor))
    case op.BINUNICODE:
      return textNode(cursor, uint32(cursor))
    case op.BINUNICODE8:
      return textNode(cursor, uint64(cursor))
    case op.SHORT_BINBYTES:
      return octetsNode('bytes', cursor, octet(cursor))
    case op.BINBYTES:
      return octetsNode('bytes', cursor, uint32(cursor))
    case op.BINBYTES8:
      return octetsNode('bytes', cursor, uint64(cursor))
    case op.BYTEARRAY8:
      return octetsNode('bytearray', cursor, uint64(cursor))
    default:
      return undefined
  }
}

function textNode(cursor: Cursor, size: number): PickleNode {
  const start = take(cursor, size)
  const text = decodeText(cursor.bytes, start, start + size)
  if (text !== undefined) return scalarNode('str', text)
  const octets = cursor.bytes.slice(start, start + size)
  return plainNode('str', octets, decodeTextWithSurrogates(octets))
}

function octetsNode(kind: PickleKind, cursor: Cursor, size: number): PickleNode {
  const start = take(cursor, size)
  const octets = cursor.bytes.slice(start, start + size)
  return plainNode(kind, octets, undefined)
}

function integerNode(cursor: Cursor, size: number): PickleNode {
  const start = take(cursor, size)
  return scalarNode('long', decodeInteger(cursor.bytes, start, start + size))
}

const FLOAT_TEXT = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/

function parseFloat64(octets: Uint8Array): number {
  const text = decodeLatin1(octets).trim()
  if (FLOAT_TEXT.test(text)) return Number(text)
  const special = { nan: Number.NaN, inf: Number.POSITIVE_INFINITY }[text.replace(/^[+-]/, '')]
  if (special === undefined) throw new SessionError('ERR_SESSION_PICKLE', 'the pickle has a malformed float')
  return text.startsWith('-') ? -special : special
}
