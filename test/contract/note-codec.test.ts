/** The example of docs/writing-a-codec.md: what stands there passes the contract, and works beside another codec. */

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { beakerJwt } from '../../src/server/index.js'
import { blocksOf } from '../docs/pages.js'
import { SECRET, serve, testBrowser } from '../server/server.helpers.js'
import { codecContract } from './codec-contract.js'
import { noteCodec } from './note-codec.js'

codecContract({ name: 'note, the example', create: noteCodec, bindsName: true, minusZero: false })

test('the page shows this very codec', () => {
  const [shown] = blocksOf('docs/writing-a-codec.md').filter(({ file }) => file === 'note-codec.ts')
  const tested = readFileSync(new URL('note-codec.ts', import.meta.url), 'utf8')
  expect(shown?.code.replace('// note-codec.ts\n', '').trim()).toBe(
    tested.replace("'../../src/server/index.js'", "'sessionglass/server'").trim(),
  )
})

test('sessions move to it and back by the order of the list', async () => {
  const browser = testBrowser()
  const note = noteCodec({ secrets: [SECRET] })
  const jwt = beakerJwt({ secrets: [SECRET] })
  const visit = (codecs: (typeof note)[]): Promise<string[]> =>
    serve({ codecs, expose: ['user'] }, { browser }).visit((data) => Object.assign(data, { user: 'dave' }))
  await visit([jwt])
  await visit([note, jwt])
  expect(browser.cookies.get('beaker.session.id')).toMatch(/^note~/)
  expect(browser.cookies.get('beaker.session.id.public')).toMatch(/^eyJ/)
  await visit([jwt, note])
  expect(browser.cookies.get('beaker.session.id')).toMatch(/^eyJ/)
})
