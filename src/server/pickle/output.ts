/**
 * Octets of a pickle being written, and the opcodes of plain values.
 * FORMATS §7.1, protocol 2.
 */
import * as op from '../../shared/pickle/opcodes.js'

/** Grows as needed; `length` octets of it are written. */
export interface Output {
  bytes: Uint8Array<ArrayBuffer>
  length: number
}

/** An empty output with room for a typical session. */
export function createOutput(): Output {
  return { bytes: new Uint8Array(1024), length: 0 }
}

export function writeOctet(output: Output, octet: number): void {
  reserve(output, 1)
  output.bytes[output.length++] = octet
}

/** Little-endian. */
export function writeUint32(output: Output, number: number): void {
  reserve(output, 4)
  for (let shift = 0; shift < 32; shift += 8) output.bytes[output.length++] = (number >>> shift) & 0xff
}

export function writeOctets(output: Output, octets: Uint8Array): void {
  reserve(output, octets.length)
  output.bytes.set(octets, output.length)
  output.length += octets.length
}

/** Text that is known to be ASCII. */
export function writeAscii(output: Output, text: string): void {
  reserve(output, text.length)
  for (let at = 0; at < text.length; at++) output.bytes[output.length++] = text.charCodeAt(at)
}

/** BINFLOAT: big-endian. */
export function writeFloat(output: Output, number: number): void {
  writeOctet(output, op.BINFLOAT)
  reserve(output, 8)
  new DataView(output.bytes.buffer).setFloat64(output.length, number)
  output.length += 8
}

/** The shortest integer opcode: K, M, J, and beyond 32 bits LONG1 or LONG4. */
export function writeInteger(output: Output, integer: number | bigint): void {
  if (integer >= 0 && integer <= 0xff) {
    writeOctet(output, op.BININT1)
    writeOctet(output, Number(integer))
  } else if (integer >= 0 && integer <= 0xffff) {
    const number = Number(integer)
    writeOctet(output, op.BININT2)
    writeOctet(output, number & 0xff)
    writeOctet(output, number >>> 8)
  } else if (integer >= -0x80000000 && integer <= 0x7fffffff) {
    writeOctet(output, op.BININT)
    writeUint32(output, Number(integer))
  } else {
    writeLong(output, integer)
  }
}

/** LONG1 or LONG4 also where the integer is small: a long of Python 2. */
export function writeLong(output: Output, integer: number | bigint): void {
  const octets = twosComplement(BigInt(integer))
  if (octets.length < 256) {
    writeOctet(output, op.LONG1)
    writeOctet(output, octets.length)
  } else {
    writeOctet(output, op.LONG4)
    writeUint32(output, octets.length)
  }
  writeOctets(output, octets)
}

/** Octets an integer takes in two's complement; none for 0. */
export function integerOctets(integer: bigint): number {
  if (integer === 0n) return 0
  const magnitude = integer < 0n ? ~integer : integer
  const digits = magnitude.toString(16)
  // A set top bit would say negative, so that eight full bits need one octet more.
  return Math.ceil(digits.length / 2) + (digits.length % 2 === 0 && digits >= '8' ? 1 : 0)
}

/** BINUNICODE: UTF-8 in which a lone surrogate is encoded by itself, as Python's `surrogatepass`. */
export function writeText(output: Output, text: string): void {
  writeOctet(output, op.BINUNICODE)
  writeUint32(output, 0)
  const start = output.length
  reserve(output, 3 * text.length)
  const { bytes } = output
  let { length } = output
  for (let at = 0; at < text.length; at++) {
    const point = text.codePointAt(at) as number
    if (point < 0x80) bytes[length++] = point
    else {
      if (point > 0xffff) at++
      if (point < 0x800) bytes[length++] = 0xc0 | (point >> 6)
      else {
        if (point < 0x10000) bytes[length++] = 0xe0 | (point >> 12)
        else {
          bytes[length++] = 0xf0 | (point >> 18)
          bytes[length++] = 0x80 | ((point >> 12) & 0x3f)
        }
        bytes[length++] = 0x80 | ((point >> 6) & 0x3f)
      }
      bytes[length++] = 0x80 | (point & 0x3f)
    }
  }
  output.length = start - 4
  writeUint32(output, length - start)
  output.length = length
}

function twosComplement(integer: bigint): Uint8Array {
  const octets = new Uint8Array(integerOctets(integer))
  const unsigned = BigInt.asUintN(8 * octets.length, integer)
  const hex = unsigned.toString(16).padStart(2 * octets.length, '0')
  for (let at = 0; at < octets.length; at++) {
    octets[octets.length - 1 - at] = Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16)
  }
  return octets
}

function reserve(output: Output, size: number): void {
  const needed = output.length + size
  if (needed <= output.bytes.length) return
  const bytes = new Uint8Array(Math.max(needed, 2 * output.bytes.length))
  bytes.set(output.bytes.subarray(0, output.length))
  output.bytes = bytes
}
