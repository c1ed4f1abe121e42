/** Where the real Python packages are, and the programs of this folder that use them. */
import { fileURLToPath } from 'node:url'
import { type OlderPackages, olderPackagesPath, pythonPath } from '../../scripts/python-env.mjs'

/**
 * The interpreter with the packages: that of the environment variable SESSIONGLASS_PYTHON, else of .cache/python.
 *
 * @returns undefined where there is none
 * @throws {Error} under `CI=true` where there is none
 */
export function findPython(): string | undefined {
  return process.env.SESSIONGLASS_PYTHON || pythonPath()
}

/**
 * The folder with older releases, for PYTHONPATH.
 *
 * @returns undefined where there is none
 * @throws {Error} under `CI=true` where there is none
 */
export function findOlderPackages(name?: OlderPackages): string | undefined {
  return olderPackagesPath(name)
}

/** The file of a program in python/. */
export function pythonProgram(name: string): string {
  return fileURLToPath(new URL(`python/${name}`, import.meta.url))
}
