import { deflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { inflateZlib } from '../../src/shared/inflate.js'

test('inflates what zlib wrote', () => {
  const text = new TextEncoder().encode('the session of dave, '.repeat(40))
  for (const level of [0, 1, 6, 9]) expect(inflateZlib(deflateSync(text, { level }), 65_536)).toEqual(new Uint8Array(text))
})
