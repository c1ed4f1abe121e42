// @ts-check
/**
 * `npm run corpora -- FOLDER`: the vectors of others that are no part of this repository. FOLDER holds a checkout of each:
 * wycheproof, specifications (of MongoDB), JSONTestSuite, http-state. docs/security.md explains every difference.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { runModule } from './run.mjs'

const corpora = ['wycheproof', 'specifications', 'JSONTestSuite', 'http-state']
const folder = resolve(process.argv[2] ?? '')
const missing = corpora.filter((name) => !existsSync(resolve(folder, name)))
if (process.argv[2] === undefined || missing.length > 0) {
  console.error(`usage: npm run corpora -- FOLDER, with a checkout of ${corpora.join(', ')} in it`)
  if (process.argv[2] !== undefined) console.error(`missing: ${missing.join(', ')}`)
  process.exit(2)
}
const config = '--config=test/corpora/vitest.config.ts'
if (!runModule('vitest/vitest.mjs', ['run', config], { env: { CORPORA: folder } })) process.exitCode = 1
