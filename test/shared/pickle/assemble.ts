/** Pickles made by hand: text stands for its bytes, an array for itself. */

export type Assembly = string | readonly number[] | Uint8Array

/** One pickle from its parts; characters are bytes, so that `\x81` is the opcode. */
export function assemble(...parts: Assembly[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => (typeof part === 'string' ? [...part].map((char) => char.charCodeAt(0)) : [...part])),
  )
}

/** BINUNICODE of ASCII text. */
export function text(value: string): number[] {
  const { length } = value
  return [0x58, length & 0xff, (length >> 8) & 0xff, (length >> 16) & 0xff, length >>> 24, ...assemble(value)]
}
