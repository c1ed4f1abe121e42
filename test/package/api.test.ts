/**
 * The public API is what api.txt says. If a change of it is intended, `npx vitest run --project package test/package/api -u`
 * writes the file anew.
 */
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { readPublicApi } from './public-api.js'

const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  name: string
  exports: Record<string, string | { default: string }>
}
const api = readPublicApi(manifest)

test('every export of every entry has the type that is written down', async () => {
  await expect(api.text).toMatchFileSnapshot('api.txt')
})

test.each(api.entries)('$name exports the values that its types declare', async ({ name, values }) => {
  const target = manifest.exports[`.${name.slice(manifest.name.length)}`] as { default: string }
  const module: object = await import(/* @vite-ignore */ pathToFileURL(root + target.default).href)
  expect(Object.keys(module).sort()).toEqual(values)
})
