/**
 * Which Python the virtual environment is made with, and what is said where none fits: in a copy of the scripts, with
 * made-up interpreters as all that the path has.
 */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const older = ['older', 'oldest-beaker', 'django-4.2', 'older-django', 'oldest-django']
const needsOlder = {
  '3.12':
    'requirements-oldest-django.txt needs Python 3.10 to 3.11, but .cache/python has 3.12: ' +
    'a python3.11 with its venv on the path runs everything',
  '3.13':
    'requirements-older-django.txt needs Python 3.10 to 3.12, requirements-oldest-django.txt needs Python 3.10 to 3.11, ' +
    'but .cache/python has 3.13: a python3.11 with its venv on the path runs everything',
}
const noOlder = 'older Python packages are missing: run node scripts/python-env.mjs'

let folder: string

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'sessionglass-python-')))
  for (const name of ['scripts', 'test/interop', 'bin']) mkdirSync(join(folder, name), { recursive: true })
  for (const name of ['python-env.mjs', 'find-python.mjs', 'run.mjs']) {
    copyFileSync(join(root, 'scripts', name), join(folder, 'scripts', name))
  }
  for (const name of ['', ...older.map((list) => `-${list}`)]) {
    writeFileSync(join(folder, `test/interop/requirements${name}.txt`), `list${name}==1\n`)
  }
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('an environment that runs everything', () => {
  test.each([
    ['3.10', { python3: '3.10' }],
    ['3.11', { python3: '3.11' }],
    ['3.10', { python: '3.10' }],
    ['3.10', { python3: '3.10', 'python3.11': '3.11' }],
    ['3.11', { python3: '3.12', 'python3.11': '3.11', 'python3.10': '3.10' }],
    ['3.10', { python3: '3.13', 'python3.10': '3.10' }],
    ['3.11', { python3: '3.9', python: '3.11' }],
    ['3.10', { python3: '3.14', 'python3.11': '3.11 without venv', 'python3.10': '3.10' }],
  ])('is one of Python %s where there are %o', (version, pythons) => {
    install(pythons)
    for (const environment of [{}, { CI: 'true' }]) {
      expect(ensure(environment)).toMatchObject({
        status: 0,
        last: join(folder, '.cache/python/bin/python'),
        stderr: '',
      })
    }
    expect(environmentVersion()).toBe(version)
    expect(madeLists()).toEqual(older)
    expect(foundLists()).toEqual(older)
  })

  test('is made once', () => {
    install({ python3: '3.11' })
    ensure()
    const before = log()
    expect(ensure()).toMatchObject({ status: 0, stdout: `${join(folder, '.cache/python/bin/python')}\n` })
    expect(log()).toBe(before)
  })

  test('takes the place of one of a newer Python, with all that was compiled for it', () => {
    install({ python3: '3.13' })
    ensure()
    install({ 'python3.11': '3.11' })
    expect(ensure({ CI: 'true' }).status).toBe(0)
    expect(environmentVersion()).toBe('3.11')
    expect(foundLists()).toEqual(older)
    expect(log().match(/^3\.11 .*requirements-older\.txt$/gm)).toHaveLength(1)
  })
})

describe('a Python that is too new for some lists', () => {
  test.each([
    ['3.12', { python3: '3.12' }, ['older', 'oldest-beaker', 'django-4.2', 'older-django']],
    ['3.13', { python3: '3.13' }, ['older', 'oldest-beaker', 'django-4.2']],
    ['3.13', { python3: '3.13', 'python3.11': '3.11 without venv' }, ['older', 'oldest-beaker', 'django-4.2']],
    ['3.13', { python3: '3.13', 'python3.11': 'stub' }, ['older', 'oldest-beaker', 'django-4.2']],
    ['3.13', { python3: '3.14 without venv', python: '3.13' }, ['older', 'oldest-beaker', 'django-4.2']],
  ] as const)('%s: all the others are there, and one line says what is needed, of %o', (version, pythons, lists) => {
    install(pythons)
    const { status, last } = ensure()
    expect({ status, last }).toEqual({ status: 0, last: `skipping tests against Python: ${needsOlder[version]}` })
    expect(madeLists()).toEqual(lists)
    expect(foundLists()).toEqual(lists)
  })

  test('is a failure under CI, with the same line', () => {
    install({ python3: '3.13' })
    expect(ensure({ CI: 'true' })).toMatchObject({ status: 1, stderr: `${needsOlder['3.13']}\n` })
    for (const name of ['older-django', 'oldest-django']) {
      expect(evaluate(`olderPackagesPath('${name}')`, { CI: 'true' })).toBe(`Error: ${needsOlder['3.13']}`)
    }
    expect(evaluate(`olderPackagesPath('oldest-beaker')`, { CI: 'true' })).toBe(list('oldest-beaker'))
  })

  test('does not get lists that stand there from before', () => {
    install({ python3: '3.11' })
    ensure()
    const file = join(folder, '.cache/python/pyvenv.cfg')
    writeFileSync(file, readFileSync(file, 'utf8').replace('3.11', '3.12'))
    expect(foundLists()).toEqual(['older', 'oldest-beaker', 'django-4.2', 'older-django'])
    expect(evaluate(`olderPackagesPath('oldest-django')`, { CI: 'true' })).toBe(`Error: ${needsOlder['3.12']}`)
  })

  test('keeps its environment as long as there is no better', () => {
    install({ python3: '3.13', 'python3.11': '3.11 without venv' })
    ensure()
    const before = log()
    const kept = { status: 0, stdout: `skipping tests against Python: ${needsOlder['3.13']}\n` }
    expect(ensure()).toMatchObject(kept)
    install({ python3: '3.11 without venv' })
    expect(ensure()).toMatchObject(kept)
    expect(log()).toBe(before)
  })

  test('is as good as any to whoever needs no older releases', () => {
    install({ python3: '3.13' })
    const python = join(folder, '.cache/python/bin/python')
    expect(evaluate('ensurePython({ older: false })', { CI: 'true' })).toEqual({ python })
    expect(madeLists()).toEqual([])
    // nor is it made anew for one
    install({ 'python3.11': '3.11' })
    expect(evaluate('ensurePython({ older: false })')).toEqual({ python })
    expect(environmentVersion()).toBe('3.13')
  })
})

describe('without an environment', () => {
  test.each([
    ['no Python 3.10 or newer found (Debian: apt-get install python3 python3-venv)', {}],
    ['no Python 3.10 or newer found (Debian: apt-get install python3 python3-venv)', { python3: '3.9', python: '2.7' }],
    [
      'python3 can not make a virtual environment with pip (Debian: apt-get install python3-venv)',
      { python3: '3.11 without venv' },
    ],
    ['pip could not install test/interop/requirements.txt', { python3: '3.11 without network' }],
  ])('the line is "%s" where there are %o', (line, pythons) => {
    install(pythons)
    expect(ensure()).toMatchObject({ status: 0, last: `skipping tests against Python: ${line}` })
    const { status, stderr } = ensure({ CI: 'true' })
    expect({ status, last: lastLine(stderr) }).toEqual({ status: 1, last: line })
    expect(evaluate('pythonPath()') ?? null).toBeNull()
    expect(foundLists()).toEqual([])
    const missing = 'Error: the Python environment is missing: run node scripts/python-env.mjs'
    expect(evaluate('pythonPath()', { CI: 'true' })).toBe(missing)
    expect(evaluate(`olderPackagesPath('oldest-django')`, { CI: 'true' })).toBe(`Error: ${noOlder}`)
  })
})

test('the workflow takes a Python that runs everything', () => {
  const workflow = readFileSync(join(root, '.github/workflows/ci.yml'), 'utf8')
  const [, version = ''] = /^ +python-version: '([\d.]+)'$/m.exec(workflow) ?? []
  install({ python3: version })
  expect(ensure({ CI: 'true' }).stderr).toBe('')
  expect(foundLists()).toEqual(older)
})

/** Puts interpreters on the path, each a version and maybe what it is without. */
function install(pythons: Readonly<Record<string, string>>): void {
  for (const [name, python] of Object.entries(pythons)) {
    const [version = '', , without = ''] = python.split(' ')
    writeFileSync(join(folder, 'bin', name), version === 'stub' ? stub : interpreter(version, without))
    chmodSync(join(folder, 'bin', name), 0o755)
  }
}

const stub = '#!/bin/sh\necho "command not found" >&2\nexit 127\n'

/** Answers what the scripts ask of Python, and notes what it makes. */
function interpreter(version: string, without: string): string {
  return `#!/bin/sh
PATH=/usr/bin:/bin
case "$1 $2" in
  -c*) echo "${version.replace('.', ' ')} ${without === 'venv' ? 'False' : 'True'}" ;;
  '-m venv')
    [ '${without}' = venv ] && exit 1
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
    printf 'home = /made/up\\nversion = ${version}.1\\n' > "$3/pyvenv.cfg"
    ;;
  '-m pip')
    [ "$3" = --version ] && exit 0
    [ '${without}' = network ] && { echo 'no network' >&2; exit 1; }
    while [ $# -gt 1 ]; do
      [ "$1" = --target ] && mkdir -p "$2"
      shift
    done
    echo "${version} installs $1" >> '${join(folder, 'log')}'
    ;;
  *) exit 2 ;;
esac
`
}

interface Ended {
  status: number | null
  stdout: string
  stderr: string
  /** Of stdout. */
  last: string
}

function ensure(environment: Record<string, string> = {}): Ended {
  const { status, stdout, stderr } = node([join(folder, 'scripts/python-env.mjs')], environment)
  return { status, stdout, stderr, last: lastLine(stdout) }
}

/** What an expression over the exports gives, or the error that it throws as text. */
function evaluate(expression: string, environment: Record<string, string> = {}): unknown {
  const code = `import { ensurePython, olderPackagesPath, pythonPath } from './scripts/python-env.mjs'
    let result
    try { result = ${expression} } catch (error) { result = String(error) }
    console.log(JSON.stringify({ result }))`
  const { stdout } = node(['--input-type=module', '--eval', code], environment)
  return (JSON.parse(lastLine(stdout)) as { result?: unknown }).result
}

function node(
  args: string[],
  environment: Record<string, string>,
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: join(folder, 'bin'), ...environment },
  })
}

/** The lists that the tests would get. */
function foundLists(): string[] {
  const found = evaluate(`${JSON.stringify(older)}.map((name) => olderPackagesPath(name) ?? null)`) as (string | null)[]
  return older.filter((name, index) => found[index] === list(name))
}

/** The lists that were installed. */
function madeLists(): string[] {
  return older.filter((name) => existsSync(join(list(name), 'requirements.sha256')))
}

function list(name: string): string {
  return join(folder, `.cache/python-${name}`)
}

function environmentVersion(): string | undefined {
  return /^version = (\d+\.\d+)/m.exec(readFileSync(join(folder, '.cache/python/pyvenv.cfg'), 'utf8'))?.[1]
}

function log(): string {
  return readFileSync(join(folder, 'log'), 'utf8')
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? ''
}
