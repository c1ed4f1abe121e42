/** BSON documents put together by hand, so that a test says each byte, also the wrong ones. */

/** The bytes of hexadecimal digits; spaces are for the eye. */
export function hexBytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** A document of elements, with the length that is right. */
export function documentOf(...elements: Uint8Array[]): Uint8Array {
  const body = Buffer.concat(elements)
  return Buffer.concat([int32(body.length + 5), body, hexBytes('00')])
}

export function element(type: number, key: string, ...value: Uint8Array[]): Uint8Array {
  return Buffer.concat([Uint8Array.of(type), cstring(key), ...value])
}

export function cstring(text: string): Uint8Array {
  return Buffer.from(`${text}\0`)
}

export function string(text: string): Uint8Array {
  const bytes = cstring(text)
  return Buffer.concat([int32(bytes.length), bytes])
}

export function int32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

export function int64(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(BigInt.asIntN(64, value))
  return bytes
}

/** So many documents inside each other. */
export function nested(levels: number): Uint8Array {
  let document = documentOf()
  for (let level = 1; level < levels; level++) document = documentOf(element(0x03, 'a', document))
  return document
}

/** What was thrown; fails where nothing was. */
export function thrownBy(run: () => unknown): { code?: unknown; path?: unknown; message?: unknown } {
  try {
    run()
  } catch (error) {
    return error as { code?: unknown }
  }
  throw new Error('nothing was thrown')
}
