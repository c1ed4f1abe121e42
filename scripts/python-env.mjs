// @ts-check
/** Keeps a pinned virtual environment with the real Python packages for test/interop. Uses only what Node ships. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { root } from './run.mjs'

const requirements = `${root}test/interop/requirements.txt`
const folder = `${root}.cache/python`
const stamp = `${folder}/requirements.sha256`
const program = process.platform === 'win32' ? `${folder}/Scripts/python.exe` : `${folder}/bin/python`
/** The oldest Python that all the packages run on. */
const oldest = { major: 3, minor: 10 }

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
 * Sets the environment up, if it is missing or its requirements have changed.
 *
 * @returns {{ python: string } | { missing: string }} the path, or one line that says what to install
 */
export function ensurePython() {
  if (isFresh()) return { python: program }
  const base = findPython()
  if (base === undefined) {
    return {
      missing: `no Python ${oldest.major}.${oldest.minor} or newer found (Debian: apt-get install python3 python3-venv)`,
    }
  }
  console.log(`making .cache/python from test/interop/requirements.txt`)
  rmSync(folder, { recursive: true, force: true })
  if (quiet(base, ['-m', 'venv', folder]).status !== 0 || quiet(program, ['-m', 'pip', '--version']).status !== 0) {
    rmSync(folder, { recursive: true, force: true })
    return { missing: `${base} can not make a virtual environment with pip (Debian: apt-get install python3-venv)` }
  }
  const pip = [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--no-input',
    '--requirement',
    requirements,
  ]
  const installed = quiet(program, pip)
  if (installed.status !== 0) {
    console.error(installed.stderr.trim().split('\n').slice(-5).join('\n'))
    return { missing: 'pip could not install test/interop/requirements.txt' }
  }
  writeFileSync(stamp, wantedStamp())
  return { python: program }
}

function isFresh() {
  return existsSync(program) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wantedStamp()
}

function wantedStamp() {
  return createHash('sha256').update(readFileSync(requirements)).digest('hex')
}

/** @returns {string | undefined} */
function findPython() {
  const question = `import sys; sys.exit(sys.version_info < (${oldest.major}, ${oldest.minor}))`
  return ['python3', 'python'].find((name) => quiet(name, ['-c', question]).status === 0)
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
    console.log(`skipping the tests against Python: ${result.missing}`)
  }
}
