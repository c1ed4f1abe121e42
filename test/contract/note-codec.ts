import { createHmac, timingSafeEqual } from 'node:crypto'
import {
  type CodecContext,
  type SessionCodec,
  type SessionData,
  SessionError,
  type SessionRecord,
} from '../../src/server/index.js'

/** `note~BASE64URL(JSON)~BASE64URL(MAC)`: HMAC-SHA256 has 32 bytes, so 43 digits. */
const SHAPE = /^note~([\w-]+)~([\w-]{43})$/
const MAX_DEPTH = 64
const MAX_VALUES = 10_000

/** Sessions as signed JSON. Each value is valid for one cookie name and one purpose. */
export function noteCodec({ secrets }: { secrets: readonly string[] }): SessionCodec {
  if (secrets.length === 0 || secrets.some((secret) => Buffer.byteLength(secret) < 32)) {
    throw new TypeError('Option "secrets" needs one or more secrets of 32 bytes or more')
  }
  return {
    name: 'note',
    family: 'note',
    readable: false,
    matches: (value) => SHAPE.test(value),
    async verify(value, context) {
      const [, payload = '', mac = ''] = SHAPE.exec(value) ?? []
      const given = strictBytes(mac)
      const keyIndex = secrets.findIndex((secret) => timingSafeEqual(macOf(payload, secret, context), given))
      if (keyIndex === -1) throw new SessionError('ERR_SESSION_SIGNATURE', 'No key verifies the signature')
      return { ...parse(payload), keyIndex }
    },
    async sign({ data, id, createdAt, accessedAt }, context) {
      refuseUnwritable(data, [], { left: MAX_VALUES })
      const times = { created: createdAt?.getTime(), accessed: accessedAt?.getTime() }
      const payload = Buffer.from(JSON.stringify({ id, ...times, data })).toString('base64url')
      return `note~${payload}~${macOf(payload, secrets[0] as string, context).toString('base64url')}`
    },
  }
}

/** The MAC covers what the value is for. Neither a purpose nor a cookie name contains a space. */
function macOf(payload: string, secret: string, { purpose, cookieName }: CodecContext): Buffer {
  return createHmac('sha256', secret).update(`${purpose} ${cookieName} ${payload}`).digest()
}

/** Buffer accepts several texts for the same bytes; only one is valid. */
function strictBytes(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length === 32 && bytes.toString('base64url') === text) return bytes
  throw new SessionError('ERR_SESSION_MALFORMED', 'The signature is no base64url')
}

/** The signature was right: an error says so with `verified`, and the cookie will not be overwritten. */
function parse(payload: string): SessionRecord {
  try {
    const { id, created, accessed, data } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Payload
    return {
      data,
      ...(id !== undefined && { id }),
      ...(created !== undefined && { createdAt: new Date(created) }),
      ...(accessed !== undefined && { accessedAt: new Date(accessed) }),
    }
  } catch {
    // JSON.parse quotes the text in its message, so that error is not passed on.
    throw new SessionError('ERR_SESSION_JSON', 'The payload is not a JSON object', { verified: true })
  }
}

interface Payload {
  id?: string
  created?: number
  accessed?: number
  data: SessionData
}

/** JSON.stringify drops or changes values that JSON has no type for, so they are refused, and what would take too long. */
function refuseUnwritable(value: unknown, path: readonly string[], budget: { left: number }): void {
  if (path.length > MAX_DEPTH) throw new SessionError('ERR_SESSION_LIMIT', `More than ${MAX_DEPTH} levels`)
  // Each hole of a list and each place of a shared object is written.
  budget.left -= Array.isArray(value) ? value.length + 1 : 1
  if (budget.left < 0) throw new SessionError('ERR_SESSION_LIMIT', `More than ${MAX_VALUES} values`)
  if (value === null || ['string', 'boolean', 'undefined'].includes(typeof value) || Number.isFinite(value)) return
  const isPlain =
    typeof value === 'object' && [Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(value))
  if (!isPlain) throw new SessionError('ERR_SESSION_UNWRITABLE', 'JSON has no such type', { path: path.join('.') })
  for (const [key, member] of Object.entries(value as object)) refuseUnwritable(member, [...path, key], budget)
}
