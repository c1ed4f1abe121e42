// @ts-check
/** Finds a Python to make the virtual environment with. Uses only what Node ships. */
import { spawnSync } from 'node:child_process'

/**
 * @typedef {{ major: number, minor: number }} PythonVersion
 * @typedef {{ name: string, version: PythonVersion, hasVenv: boolean }} Python - `name` is its program on the path
 */

/** The oldest Python that the packages run on. */
export const oldestPython = { major: 3, minor: 10 }

/**
 * Finds a Python: the usual one, unless it is newer than some packages allow and a fitting one stands beside it.
 *
 * @param {PythonVersion} newest - the newest that runs all the packages
 * @returns {Python | undefined} maybe a newer one, or one that can not make an environment, where there is no better
 */
export function findPython(newest) {
  const beside = []
  for (let { minor } = newest; minor >= oldestPython.minor; minor--) beside.push(`python${newest.major}.${minor}`)
  const found = ['python3', 'python', ...beside]
    .flatMap((name) => ask(name) ?? [])
    .filter(({ version }) => isAtMost(oldestPython, version))
  return (
    found.find(({ version, hasVenv }) => hasVenv && isAtMost(version, newest)) ??
    found.find(({ hasVenv }) => hasVenv) ??
    found[0]
  )
}

/**
 * Compares two versions.
 *
 * @param {PythonVersion} version
 * @param {PythonVersion} limit
 * @returns {boolean} whether the version is the limit or before it
 */
export function isAtMost(version, limit) {
  return version.major < limit.major || (version.major === limit.major && version.minor <= limit.minor)
}

/**
 * A program of that name may be only a stub that says where to get Python, so it is asked. Debian keeps `ensurepip`,
 * which `venv` needs, in a package of its own.
 *
 * @param {string} name
 * @returns {Python | undefined}
 */
function ask(name) {
  const question =
    'import sys; from importlib.util import find_spec; ' +
    'print(*sys.version_info[:2], bool(find_spec("venv") and find_spec("ensurepip")))'
  const { stdout } = spawnSync(name, ['-c', question], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const [, major, minor, hasVenv] = /^(\d+) (\d+) (True|False)\s*$/.exec(stdout ?? '') ?? []
  if (major === undefined) return undefined
  return { name, version: { major: Number(major), minor: Number(minor) }, hasVenv: hasVenv === 'True' }
}
