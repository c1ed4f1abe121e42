/**
 * The work that streams without output cost. V8 counts how often each statement runs, so the machine does not matter; it does so
 * only for code that was compiled after the counting began, hence a file for this test and a late import.
 */
import { Session } from 'node:inspector/promises'
import { inflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { type DeflateWriter, deflateWriter } from './deflate-stream.js'

const BYTES = 4_000
/** As many empty blocks as go into so many bytes, and one more. */
const filled = (length: number, block: (writer: DeflateWriter, last: boolean) => DeflateWriter) => {
  const writer = deflateWriter()
  for (let count = Math.floor(BYTES / length); count > 0; count--) block(writer, false)
  return block(writer, true).zlib(new Uint8Array())
}
const streams = {
  'empty fixed blocks': filled(1.25, (writer, last) => writer.fixed([], last)),
  // 256 zeros, then a code of one bit for the end and one for a distance.
  'the shortest codes': filled(12, (writer, last) =>
    writer
      .dynamicHead(257, 1, { 16: 1, 1: 2, 18: 2 }, last)
      .code(3, 2)
      .bits(138 - 11, 7)
      .code(3, 2)
      .bits(118 - 11, 7)
      .code(2, 2)
      .code(2, 2)
      .code(0, 1),
  ),
  // In both alphabets one code of each length, and a second one of 15 bits.
  'the longest codes': filled(26, (writer, last) => {
    const lengths = [15, ...Array.from({ length: 14 }, (_, index) => index + 2), 1]
    const four = Object.fromEntries([...lengths, 18].map((symbol) => [symbol, 4]))
    writer.dynamicHead(257, 16, four, last)
    writer
      .code(15, 4)
      .bits(138 - 11, 7)
      .code(15, 4)
      .bits(103 - 11, 7)
    for (const length of [...lengths, ...lengths]) writer.code(length - 1, 4)
    return writer.code(0, 1)
  }),
  'empty stored blocks': filled(5, (writer, last) =>
    writer
      .bits(last ? 1 : 0, 3)
      .align()
      .bytes(0, 0, 255, 255),
  ),
}

test('no statement runs more than 50 times for a byte', async () => {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  const { inflateZlib } = await import('../../src/shared/inflate.js')
  for (const [name, stream] of Object.entries(streams)) {
    expect(new Uint8Array(inflateSync(stream)), name).toEqual(new Uint8Array())
    await session.post('Profiler.takePreciseCoverage')
    expect(inflateZlib(stream, 0), name).toEqual(new Uint8Array())
    const { result } = await session.post('Profiler.takePreciseCoverage')
    const ranges = result
      .filter(({ url }) => /shared\/inflate\.ts/.test(url))
      .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
    const most = Math.max(...ranges.map(({ count }) => count)) / stream.length
    expect(most, name).toBeGreaterThan(0.5)
    expect(most, name).toBeLessThan(50)
  }
  session.disconnect()
})
