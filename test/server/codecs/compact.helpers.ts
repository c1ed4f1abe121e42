/** Compact values put together from FORMATS §11 alone, by node:crypto and node:zlib. */
import { createHmac } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'

const ALPHABET = '!#$()*+-./0123456789:=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~'

export interface ValueOptions {
  secret: string
  cookieName?: string
  purpose?: string
  /** The first bytes; default: none of the facts. */
  head?: readonly number[]
  /** Bytes of the MAC. */
  bytes?: number
}

/** A signed value around bytes that follow its head as they are. */
export function compactValue(
  rest: Uint8Array,
  { secret, cookieName = 'sid', purpose = 'session', head = [0], bytes = 16 }: ValueOptions,
): string {
  const body = digits(Buffer.concat([Uint8Array.from(head), rest]))
  const mac = createHmac('sha256', secret).update(`sessionglass compact 1 ${purpose} ${cookieName} ${body}`).digest()
  return `~${digits(mac.subarray(0, bytes))}${body}`
}

/** A zlib stream without its first two bytes. */
export function deflated(bytes: Uint8Array): Uint8Array {
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(adler32(bytes))
  return Buffer.concat([deflateRawSync(bytes), sum])
}

/** Groups of 4 bytes, filled up with zeros, as 5 digits; as many digits fall away as zeros were added. */
export function digits(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 4) {
    const part = bytes.subarray(at, at + 4)
    let group = Buffer.concat([part, Buffer.alloc(4 - part.length)]).readUInt32BE()
    let five = ''
    for (let digit = 0; digit < 5; digit++) {
      five = ALPHABET.charAt(group % 85) + five
      group = Math.floor(group / 85)
    }
    text += five.slice(0, part.length + 1)
  }
  return text
}

function adler32(bytes: Uint8Array): number {
  let low = 1
  let high = 0
  for (const byte of bytes) {
    low = (low + byte) % 65_521
    high = (high + low) % 65_521
  }
  return high * 65_536 + low
}
