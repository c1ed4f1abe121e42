/**
 * How a value is taken apart: its parts as they stand in the cookie, and what comes out at each step, with sizes.
 * FORMATS §2, §4, §8, §11 and §12.
 */
import { decodeBase64 } from '../shared/base64.js'
import { decodeBase85, decodeCookie85 } from '../shared/base85.js'
import { decodeBase64Url, decodeUtf8, encodeUtf8 } from '../shared/bytes.js'
import type { CookieForm } from '../shared/cookie-forms.js'
import { openCompact, splitCompact } from '../shared/decode-compact.js'
import { inflateZlib } from '../shared/inflate.js'
import type { DecodedSession } from '../shared/types.js'

/** A stretch of the value. */
interface ValuePart {
  readonly part: 'header' | 'payload' | 'signature'
  readonly text: string
  readonly what: string
}

/** What came out, and how. */
interface Step {
  readonly what: string
  readonly size: number
  readonly unit: 'characters' | 'bytes'
}

export interface Unpacking {
  readonly parts: readonly ValuePart[]
  readonly steps: readonly Step[]
  readonly serializer?: 'BSON' | 'JSON' | 'pickle'
  readonly isCompressed: boolean
}

/**
 * Takes a value apart as far as that goes without a key.
 *
 * @param decoded - what was read from it, if anything was
 */
export function unpack(
  value: string,
  form: CookieForm | undefined,
  decoded: DecodedSession | undefined,
  maxInflated: number,
): Unpacking {
  const collected = new Steps(value)
  const parts = partsOf(value, form)
  try {
    payloadSteps(form, parts, decoded, collected, maxInflated)
  } catch {
    // What is wrong with the value is told beside it; these are the steps until there.
  }
  const { steps, serializer, isCompressed } = collected
  return { parts, steps, isCompressed, ...(serializer && { serializer }) }
}

class Steps {
  readonly steps: Step[]
  serializer: Unpacking['serializer']
  isCompressed = false

  constructor(value: string) {
    this.steps = [{ what: 'The value', size: value.length, unit: 'characters' }]
  }

  text(what: string, text: string): string {
    this.steps.push({ what, size: text.length, unit: 'characters' })
    return text
  }

  bytes(what: string, bytes: Uint8Array): Uint8Array {
    this.steps.push({ what, size: bytes.length, unit: 'bytes' })
    return bytes
  }

  inflated(stream: Uint8Array, limit: number): Uint8Array {
    this.isCompressed = true
    return this.bytes('Inflated by zlib', inflateZlib(stream, limit))
  }

  /** JSON or a pickle, which begins with PROTO. */
  serialized(bytes: Uint8Array): void {
    this.serializer = bytes[0] === 0x80 ? 'pickle' : 'JSON'
    this.bytes(this.serializer === 'pickle' ? 'Pickle of Python, read without running it' : 'JSON', bytes)
  }
}

function partsOf(value: string, form: CookieForm | undefined): ValuePart[] {
  const split = SPLIT[form?.name ?? '']
  return (split?.(value) ?? [{ part: 'payload', text: value, what: 'value' }]).filter(({ text }) => text !== '')
}

const SPLIT: Readonly<Record<string, (value: string) => ValuePart[]>> = {
  jwt(value) {
    const [header = '', payload = '', signature = ''] = value.split('.')
    return [
      { part: 'header', text: header, what: 'header' },
      { part: 'payload', text: payload, what: 'claims' },
      { part: 'signature', text: signature, what: 'signature' },
    ]
  },
  jwe(value) {
    const [header = '', key = '', iv = '', content = '', tag = ''] = value.split('.')
    return [
      { part: 'header', text: header, what: 'header' },
      { part: 'header', text: key, what: 'encrypted key' },
      { part: 'header', text: iv, what: 'initialization vector' },
      { part: 'payload', text: content, what: 'encrypted content' },
      { part: 'signature', text: tag, what: 'authentication tag' },
    ]
  },
  compact(value) {
    const { mac, body } = splitCompact(value)
    return [
      { part: 'signature', text: mac, what: 'signature' },
      { part: 'payload', text: body, what: 'session' },
    ]
  },
  beaker: (value) => [
    { part: 'signature', text: value.slice(0, 40), what: 'signature' },
    { part: 'payload', text: value.slice(40), what: 'session' },
  ],
  'django-signed': (value) => signedParts(value, ':'),
  itsdangerous: (value) => signedParts(value, '.'),
  'express-session'(value) {
    const end = value.lastIndexOf('.')
    return [
      { part: 'payload', text: value.slice(0, end), what: 'key of the session' },
      { part: 'signature', text: value.slice(end + 1), what: 'signature' },
    ]
  },
}

/** Payload, time and signature. */
function signedParts(value: string, separator: string): ValuePart[] {
  const [signature = '', time = '', ...payload] = value.split(separator).reverse()
  return [
    { part: 'payload', text: payload.reverse().join(separator), what: 'session' },
    { part: 'header', text: time, what: 'time of the signature' },
    { part: 'signature', text: signature, what: 'signature' },
  ]
}

function payloadSteps(
  form: CookieForm | undefined,
  parts: readonly ValuePart[],
  decoded: DecodedSession | undefined,
  steps: Steps,
  limit: number,
): void {
  const payload = parts.find(({ part }) => part === 'payload')?.text ?? ''
  switch (form?.name) {
    case 'jwt':
      tokenSteps(payload, decoded, steps, limit)
      return
    case 'jwe':
      steps.bytes('Encrypted content, from base64url', decodeBase64Url(payload))
      return
    case 'compact': {
      const bytes = steps.bytes('Session, from base85', decodeCookie85(payload))
      const { bson } = openCompact(payload, limit)
      steps.isCompressed = ((bytes[0] ?? 0) & 1) === 1
      steps.serializer = 'BSON'
      steps.bytes(steps.isCompressed ? 'BSON, inflated by zlib' : 'BSON', bson)
      return
    }
    case 'beaker':
      beakerSteps(payload, decoded, steps, limit)
      return
    case 'django-signed':
    case 'itsdangerous': {
      const isCompressed = payload.startsWith('.')
      const digits = payload.replace(/^\./, '').replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_')
      const bytes = steps.bytes('Session, from base64url', decodeBase64Url(digits))
      steps.serialized(isCompressed ? steps.inflated(bytes, limit) : bytes)
      return
    }
    default:
  }
}

function tokenSteps(payload: string, decoded: DecodedSession | undefined, steps: Steps, limit: number): void {
  const json = steps.bytes('Claims, JSON from base64url', decodeBase64Url(payload))
  steps.serializer = 'JSON'
  const { bsZ } = decoded?.claims ?? (JSON.parse(decodeUtf8(json)) as Record<string, unknown>)
  if (typeof bsZ !== 'string' || bsZ === '') return
  steps.text('The claim bsZ', bsZ)
  steps.serializer = 'BSON'
  steps.bytes('BSON', steps.inflated(steps.bytes('Compressed, from base85', decodeBase85(bsZ)), limit))
}

function beakerSteps(payload: string, decoded: DecodedSession | undefined, steps: Steps, limit: number): void {
  const bytes = steps.bytes('Session, from base64', decodeBase64(payload))
  // What is encrypted begins with random bytes, which may look like anything.
  if (decoded === undefined) return
  steps.serialized(bytes[0] === 0x78 ? steps.inflated(bytes, limit) : bytes)
}

/** What is nested deeper could overflow the stack: it counts for little. */
const DEEPEST = 200

/** Bytes that one key takes before it is compressed and encoded: about, for each serializer is told by JSON or BSON. */
export function weightOf(key: string, value: unknown): number {
  return encodeUtf8(JSON.stringify(key)).length + 2 + weight(value, new Set())
}

function weight(value: unknown, above: Set<unknown>): number {
  if (value === null || value === undefined || typeof value === 'boolean') return 4
  if (typeof value === 'number' || typeof value === 'bigint') return String(value).length
  if (typeof value === 'string') return encodeUtf8(value).length + 2
  if (ArrayBuffer.isView(value)) return value.byteLength + 5
  if (value instanceof Date) return 8
  if (typeof value !== 'object' || above.has(value) || above.size >= DEEPEST) return 4
  above.add(value)
  const isList = Array.isArray(value) || value instanceof Set || value instanceof Map
  const members: [string, unknown][] = isList
    ? [...(value as Iterable<unknown>)].map((member) => ['', member])
    : Object.entries(value)
  const sum = members.reduce((sum, [key, member]) => sum + key.length + 4 + weight(member, above), 2)
  above.delete(value)
  return sum
}
