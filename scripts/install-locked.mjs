// @ts-check
/** Installs packages that have a lock file of their own into a folder below .cache/. Uses only what Node ships. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { npmCommand } from './run.mjs'

/**
 * Runs `npm ci`, unless the same lock file is installed there already.
 *
 * @param {string} source - the folder of package.json and package-lock.json
 * @param {string} folder - gets the packages
 * @returns {boolean} whether the packages are there
 */
export function installLocked(source, folder) {
  mkdirSync(folder, { recursive: true })
  const wanted = readFileSync(`${source}/package-lock.json`, 'utf8')
  if (readOrEmpty(`${folder}/installed`) === wanted) return true
  for (const file of ['package.json', 'package-lock.json']) cpSync(`${source}/${file}`, `${folder}/${file}`)
  const { program, args } = npmCommand(['ci', '--no-audit', '--no-fund'])
  const isDone = spawnSync(program, args, { cwd: folder, stdio: 'inherit' }).status === 0
  if (isDone) writeFileSync(`${folder}/installed`, wanted)
  return isDone
}

/** @param {string} file */
function readOrEmpty(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
