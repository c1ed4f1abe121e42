// @ts-check
/** Keeps a pinned virtual environment with the real Python packages for test/interop. Uses only what Node ships. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { findPython, isAtMost, oldestPython } from './find-python.mjs'
import { root } from './run.mjs'

const requirements = `${root}test/interop/requirements.txt`
const folder = `${root}.cache/python`
const stamp = `${folder}/requirements.sha256`
const program = process.platform === 'win32' ? `${folder}/Scripts/python.exe` : `${folder}/bin/python`
/**
 * Older releases, each list in a folder of its own that goes before the environment's packages.
 *
 * @typedef {'older' | 'oldest-beaker' | 'django-4.2' | 'older-django' | 'oldest-django'} OlderPackages
 * @type {readonly OlderPackages[]}
 */
const olderPackages = ['older', 'oldest-beaker', 'django-4.2', 'older-django', 'oldest-django']
/** The newest Python that all the lists run on. */
const newestForAll = { major: 3, minor: 11 }
/**
 * The newest Python for a list whose packages import what Python dropped then; the list says what.
 *
 * @type {{ readonly [name in OlderPackages]?: import('./find-python.mjs').PythonVersion }}
 */
const newest = { 'older-django': { major: 3, minor: 12 }, 'oldest-django': newestForAll }

/**
 * Tells where the Python of the virtual environment is.
 *
 * @returns {string | undefined} its path; `undefined` where it was not set up, which only a developer's machine may be
 * @throws {Error} under `CI=true` when it was not set up, so that no run there passes without these tests
 */
export function pythonPath() {
  if (isFresh()) return program
  if (inContinuousIntegration()) throw new Error('the Python environment is missing: run node scripts/python-env.mjs')
  return undefined
}

/**
 * Tells where older releases of some packages are, for PYTHONPATH.
 *
 * @param {OlderPackages} name
 * @returns {string | undefined} the folder; `undefined` where it was not set up, or the environment's Python is too new
 * @throws {Error} under `CI=true` in both cases
 */
export function olderPackagesPath(name = 'older') {
  // Packages that a newer Python can not run may be there all the same: pip installs them.
  if (hasOlder(name) && !isTooNewFor(name)) return olderOf(name).folder
  if (!inContinuousIntegration()) return undefined
  if (isTooNewFor(name)) throw new Error(tooNew())
  throw new Error('older Python packages are missing: run node scripts/python-env.mjs')
}

/**
 * Sets the environment up, if it is missing or its requirements have changed, or to run more of the older releases.
 *
 * @param {{ older?: boolean }} options - `older: false` leaves out the older releases, which only tests meet
 * @returns {{ python: string } | { missing: string }} the path, or one line that says what to install; where only some
 * older releases can not run, all the rest is there nevertheless
 */
export function ensurePython({ older = true } = {}) {
  if (!isFresh() || (older && tooNew() !== undefined && canRunAll(findPython(newestForAll)))) {
    const missing = makeEnvironment()
    if (missing !== undefined) return { missing }
  }
  const wanted = older ? olderPackages.filter((name) => !hasOlder(name) && !isTooNewFor(name)) : []
  for (const name of wanted) {
    const { requirements, folder, stamp } = olderOf(name)
    console.log(`making ${folder.slice(root.length)} from ${requirements.slice(root.length)}`)
    rmSync(folder, { recursive: true, force: true })
    const missing = install(requirements, ['--no-deps', '--target', folder])
    if (missing !== undefined) return { missing }
    writeFileSync(stamp, stampOf(requirements))
  }
  const missing = older ? tooNew() : undefined
  return missing === undefined ? { python: program } : { missing }
}

/** @param {import('./find-python.mjs').Python | undefined} found */
function canRunAll(found) {
  return found?.hasVenv === true && isAtMost(found.version, newestForAll)
}

/** @returns {string | undefined} what is missing */
function makeEnvironment() {
  const base = findPython(newestForAll)?.name
  if (base === undefined) {
    return `no Python ${textOf(oldestPython)} or newer found (Debian: apt-get install python3 python3-venv)`
  }
  console.log(`making .cache/python from test/interop/requirements.txt`)
  rmSync(folder, { recursive: true, force: true })
  // What was compiled for another Python does not run on this one.
  for (const name of olderPackages) rmSync(olderOf(name).folder, { recursive: true, force: true })
  if (quiet(base, ['-m', 'venv', folder]).status !== 0 || quiet(program, ['-m', 'pip', '--version']).status !== 0) {
    rmSync(folder, { recursive: true, force: true })
    return `${base} can not make a virtual environment with pip (Debian: apt-get install python3-venv)`
  }
  const missing = install(requirements)
  if (missing === undefined) writeFileSync(stamp, stampOf(requirements))
  return missing
}

/**
 * @param {string} file
 * @param {string[]} options
 * @returns {string | undefined} what is missing
 */
function install(file, options = []) {
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', ...options]
  const installed = quiet(program, [...pip, '--requirement', file])
  if (installed.status === 0) return undefined
  console.error(installed.stderr.trim().split('\n').slice(-5).join('\n'))
  return `pip could not install ${file.slice(root.length)}`
}

function isFresh() {
  return existsSync(program) && hasStamp(stamp, requirements)
}

/** @param {OlderPackages} name */
function hasOlder(name) {
  const { requirements, stamp } = olderOf(name)
  return hasStamp(stamp, requirements)
}

/** @param {OlderPackages} name */
function olderOf(name) {
  const folder = `${root}.cache/python-${name}`
  return {
    requirements: `${root}test/interop/requirements-${name}.txt`,
    folder,
    stamp: `${folder}/requirements.sha256`,
  }
}

/**
 * @param {string} stampFile
 * @param {string} file
 */
function hasStamp(stampFile, file) {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stampOf(file)
}

/** @param {string} file */
function stampOf(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}

/** @returns {string | undefined} one line on the lists that need an older Python than the environment has */
function tooNew() {
  const version = environmentVersion()
  const needs = olderPackages.flatMap((name) => {
    const limit = isTooNewFor(name) ? newest[name] : undefined
    return limit ? `requirements-${name}.txt needs Python ${textOf(oldestPython)} to ${textOf(limit)}` : []
  })
  if (version === undefined || needs.length === 0) return undefined
  const advice = `a python${textOf(newestForAll)} with its venv on the path runs everything`
  return `${needs.join(', ')}, but .cache/python has ${textOf(version)}: ${advice}`
}

/** @param {OlderPackages} name */
function isTooNewFor(name) {
  const limit = newest[name]
  const version = environmentVersion()
  return limit !== undefined && version !== undefined && !isAtMost(version, limit)
}

/** @returns {import('./find-python.mjs').PythonVersion | undefined} what `venv` wrote down; `undefined` without one */
function environmentVersion() {
  const file = `${folder}/pyvenv.cfg`
  const [, major, minor] = (existsSync(file) && /^version *= *(\d+)\.(\d+)/m.exec(readFileSync(file, 'utf8'))) || []
  return major === undefined ? undefined : { major: Number(major), minor: Number(minor) }
}

/** @param {import('./find-python.mjs').PythonVersion} version */
function textOf({ major, minor }) {
  return `${major}.${minor}`
}

/**
 * @param {string} name
 * @param {string[]} args
 */
function quiet(name, args) {
  return spawnSync(name, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

function inContinuousIntegration() {
  return process.env.CI === 'true' || process.env.CI === '1'
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const result = ensurePython()
  if ('python' in result) {
    console.log(result.python)
  } else if (inContinuousIntegration()) {
    console.error(result.missing)
    process.exitCode = 1
  } else {
    console.log(`skipping tests against Python: ${result.missing}`)
  }
}
