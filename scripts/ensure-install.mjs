// @ts-check
/** Installs the dependencies when they are missing or not those of package-lock.json. Uses only what Node ships. */
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { npm, root } from './run.mjs'

/**
 * Installs the dependencies if needed.
 *
 * @returns {boolean} whether they are there now
 */
export function ensureInstall() {
  const reason = whyInstall()
  if (reason === undefined) return true
  console.log(`npm ci: ${reason}`)
  return npm(['ci', '--no-audit', '--no-fund'])
}

/**
 * Tells why an installation is needed; `undefined` when it is not.
 *
 * @returns {string | undefined}
 */
export function whyInstall() {
  const wanted = readPackages('package-lock.json')
  if (wanted === undefined) return 'package-lock.json can not be read'
  const present = readPackages('node_modules/.package-lock.json')
  if (present === undefined) return 'node_modules is missing'
  for (const [name, { version, integrity, optional }] of Object.entries(wanted)) {
    if (name === '') continue
    const found = present[name]
    // Optional packages are those of other operating systems too: npm leaves them out.
    if (found === undefined && optional) continue
    if (found === undefined) return `${name} is missing`
    if (found.version !== version || found.integrity !== integrity) return `${name} is not the locked version`
  }
  const stray = Object.keys(present).find((name) => wanted[name] === undefined)
  return stray === undefined ? undefined : `${stray} is not in package-lock.json`
}

/**
 * @param {string} path
 * @returns {Record<string, { version?: string, integrity?: string, optional?: boolean }> | undefined}
 */
function readPackages(path) {
  try {
    return JSON.parse(readFileSync(root + path, 'utf8')).packages
  } catch {
    return undefined
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href && !ensureInstall()) process.exitCode = 1
