/** zlib streams bit by bit (RFC 1950, RFC 1951), also such as no compressor writes. */

/** Symbol, then the value and number of its extra bits. */
interface Match {
  length: number
  lengthExtra?: [value: number, bits: number]
  distance: number
  distanceExtra?: [value: number, bits: number]
}

export interface DeflateWriter {
  /** A number, its lowest bit first. */
  bits(value: number, count: number): DeflateWriter
  /** Zero bits up to the next byte. */
  align(): DeflateWriter
  bytes(...bytes: number[]): DeflateWriter
  /** A block of fixed codes, its end included. */
  fixed(symbols: readonly (number | Match)[], last?: boolean): DeflateWriter
  /** A block whose codes have these lengths; those of the code for lengths are 4 for each of 0 to 15. */
  dynamic(
    codes: { literals: readonly number[]; distances: readonly number[] },
    symbols: readonly (number | Match)[],
  ): DeflateWriter
  /** The first bits of a block with codes of its own: how many there are, and the lengths of the code for lengths. */
  dynamicHead(
    literals: number,
    distances: number,
    codeLengths: Readonly<Record<number, number>>,
    last?: boolean,
  ): DeflateWriter
  /** A Huffman code, its highest bit first. */
  code(code: number, length: number): DeflateWriter
  /** The stream with header and checksum. */
  zlib(content: Uint8Array): Uint8Array<ArrayBuffer>
}

const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
const FIXED = [...Array(144).fill(8), ...Array(112).fill(9), ...Array(24).fill(7), ...Array(8).fill(8)] as number[]
const END = 256

export function deflateWriter(): DeflateWriter {
  const stream: number[] = []
  const writer: DeflateWriter = {
    bits(value, count) {
      for (let bit = 0; bit < count; bit++) stream.push((value >> bit) & 1)
      return writer
    },
    align() {
      while (stream.length % 8) stream.push(0)
      return writer
    },
    bytes(...bytes) {
      for (const byte of bytes) writer.bits(byte, 8)
      return writer
    },
    fixed(symbols, last = true) {
      writer.bits(last ? 1 : 0, 1).bits(1, 2)
      return put([...symbols, END], FIXED, Array(32).fill(5))
    },
    dynamic({ literals, distances }, symbols) {
      const four = Object.fromEntries(Array.from({ length: 16 }, (_, length) => [length, 4]))
      writer.dynamicHead(literals.length, distances.length, four)
      for (const length of [...literals, ...distances]) writer.code(length, 4)
      return put(symbols, literals, distances)
    },
    dynamicHead(literals, distances, codeLengths, last = true) {
      writer
        .bits(last ? 1 : 0, 1)
        .bits(2, 2)
        .bits(literals - 257, 5)
        .bits(distances - 1, 5)
        .bits(15, 4)
      for (const symbol of LENGTH_ORDER) writer.bits(codeLengths[symbol] ?? 0, 3)
      return writer
    },
    code(code, length) {
      for (let bit = length - 1; bit >= 0; bit--) stream.push((code >> bit) & 1)
      return writer
    },
    zlib(content) {
      writer.align()
      const bytes = Array.from({ length: stream.length / 8 }, (_, index) =>
        stream.slice(index * 8, index * 8 + 8).reduce((byte, bit, place) => byte | (bit << place), 0),
      )
      return zlibOf(Uint8Array.from(bytes), content)
    },
  }
  function put(
    symbols: readonly (number | Match)[],
    literals: number[] | readonly number[],
    distances: readonly number[],
  ): DeflateWriter {
    for (const symbol of symbols) {
      if (typeof symbol === 'number') writer.code(codeOfSymbol(literals, symbol), literals[symbol] as number)
      else {
        const { length, lengthExtra = [0, 0], distance, distanceExtra = [0, 0] } = symbol
        writer.code(codeOfSymbol(literals, length), literals[length] as number).bits(...lengthExtra)
        writer.code(codeOfSymbol(distances, distance), distances[distance] as number).bits(...distanceExtra)
      }
    }
    return writer
  }
  return writer
}

/** Blocks between the header of a 32 KiB window and the checksum of what they should give. */
export function zlibOf(blocks: Uint8Array, content: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0x78, 0x9c, ...blocks, ...adler32(content))
}

/** RFC 1950 §8.2, as the sums it is. */
function adler32(content: Uint8Array): number[] {
  let low = 1
  let high = 0
  for (const byte of content) {
    low = (low + byte) % 65_521
    high = (high + low) % 65_521
  }
  return [high >> 8, high & 255, low >> 8, low & 255]
}

/** RFC 1951 §3.2.2: the codes of one length follow each other, the shorter before the longer. */
function codeOfSymbol(lengths: readonly number[], symbol: number): number {
  const own = lengths[symbol] as number
  const before = lengths.flatMap((length, other) =>
    length > 0 && (length < own || (length === own && other < symbol)) ? [length] : [],
  )
  return before.reduce((code, length) => code + 2 ** (own - length), 0)
}
