// @ts-check
/** Builds dist/ with Rollup; with `--if-stale` only when a source has changed since the last build. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root, runModule } from './run.mjs'

const stamp = `${root}.cache/build`
const bundle = `${root}dist/client.bundle.js`
/** Besides src/: what decides how the sources are built. */
const inputs = ['package.json', 'package-lock.json', 'tsconfig.json', 'rollup.config.mjs', 'scripts/inspector-page.mjs']

/**
 * Builds dist/ from nothing, so that no file of an earlier build stays.
 *
 * @returns {boolean} whether it was built
 */
export function build() {
  const hash = hashSources()
  rmSync(stamp, { force: true })
  rmSync(`${root}dist`, { recursive: true, force: true })
  if (!runModule('rollup/dist/bin/rollup', ['--config', 'rollup.config.mjs', '--failAfterWarnings'])) return false
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, hash)
  return true
}

/**
 * Builds dist/ unless the last build was of these very sources.
 *
 * @returns {boolean} whether dist/ is fresh now
 */
export function buildIfStale() {
  return isFresh() || build()
}

function isFresh() {
  return existsSync(stamp) && existsSync(bundle) && readFileSync(stamp, 'utf8') === hashSources()
}

/** A hash of names and contents: times say nothing after a checkout. */
function hashSources() {
  const sources = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:ts|html|css)$/.test(name))
    .sort()
    .map((name) => `src/${name}`)
  const hash = createHash('sha256')
  for (const path of [...inputs, ...sources]) {
    const content = readFileSync(root + path)
    hash.update(`${path}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const built = process.argv.includes('--if-stale') ? buildIfStale() : build()
  if (!built) process.exitCode = 1
}
