/** What the hop's tests need besides the Python environment, kept in .cache: Django's source distribution and pytest. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findPython } from '../find-python.js'

const cache = fileURLToPath(new URL('../../../.cache/', import.meta.url))
const requirements = fileURLToPath(new URL('../requirements.txt', import.meta.url))
export const hopFolder: string = fileURLToPath(new URL('.', import.meta.url))

/**
 * The folder of Django's own tests, of the release that the environment has.
 *
 * @throws {Error} with what pip said, if they can't be downloaded
 */
export function findDjangoTests(): string {
  const [, version = ''] = /^Django==(\S+)$/m.exec(readFileSync(requirements, 'utf8')) ?? []
  const folder = `${cache}django-source`
  const tests = `${folder}/django-${version}/tests`
  keep(folder, `Django==${version}`, () => {
    pip('download', ['--no-deps', '--no-binary', 'Django', '--dest', folder, `Django==${version}`])
    const archive = readdirSync(folder).find((name) => name.endsWith('.tar.gz')) ?? ''
    run(['-m', 'tarfile', '-e', `${folder}/${archive}`, folder])
  })
  return tests
}

/** pytest with pytest-django, for PYTHONPATH. @throws {Error} with what pip said */
export function findPytest(): string {
  const folder = `${cache}python-pytest`
  keep(folder, readFileSync(`${hopFolder}requirements.txt`, 'utf8'), () => {
    pip('install', ['--no-deps', '--target', folder, '--requirement', `${hopFolder}requirements.txt`])
  })
  return folder
}

/** Makes a folder anew unless it is of this version. */
function keep(folder: string, version: string, make: () => void): void {
  const stamp = `${folder}/version.txt`
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === version) return
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  make()
  writeFileSync(stamp, version)
}

function pip(command: string, args: readonly string[]): void {
  run(['-m', 'pip', command, '--quiet', '--disable-pip-version-check', '--no-input', ...args])
}

function run(args: readonly string[]): void {
  const { status, stderr } = spawnSync(findPython() ?? 'python3', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`python ${args.slice(0, 3).join(' ')} failed:\n${stderr.slice(-2000)}`)
}
