/** A compact session beside a cookie of Python: it must hide nothing from `SimpleCookie` (FORMATS §1.3, trap 9), and come through whole. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { compact } from '../../src/server/index.js'
import { findPython } from './find-python.js'
import { describeWithPython } from './peer.js'

const program = `
import json, sys
from http.cookies import SimpleCookie
for line in sys.stdin.read().split('\\n'):
    found = SimpleCookie()
    found.load(f'first=1; sid={line}; last=2')
    print(json.dumps({name: morsel.value for name, morsel in found.items()}))
`

describeWithPython('compact sessions and SimpleCookie', () => {
  test('300 of them, each with all of its neighbours', async () => {
    const { sign } = compact({ secrets: 'swordfish-one-of-the-keys-0123456789abcdef' })
    const context = { cookieName: 'sid', purpose: 'session', now: new Date(0) } as const
    const values = (await Promise.all(
      Array.from({ length: 300 }, () => sign?.({ data: { bytes: new Uint8Array(randomBytes(60)) } }, context)),
    )) as string[]
    // every digit is in one of them
    expect(new Set(values.join('')).size).toBe(85)
    const output = execFileSync(findPython() as string, ['-c', program], { input: values.join('\n'), encoding: 'utf8' })
    const found = output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    expect(found).toEqual(values.map((sid) => ({ first: '1', sid, last: '2' })))
  })
})
