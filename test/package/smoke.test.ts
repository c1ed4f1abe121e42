/**
 * The tarball as people get it: packed, installed into an empty project, and used there in every way it promises.
 * The programs of that project are in consumer/.
 */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Metafile } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { installLocked } from '../../scripts/install-locked.mjs'
import { npmCommand, root } from '../../scripts/run.mjs'

const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { exports: Record<string, unknown> }
const subpaths = Object.keys(manifest.exports).map((path) => `sessionglass${path.slice(1)}`)

/** What pages may link to though it is only in the repository. */
const notShipped = [
  'README.md → examples/beaker-jwe/README.md',
  'docs/formats.md → ../examples/beaker-jwe/README.md',
  'docs/frameworks/next.md → ../../examples/next/README.md',
  'docs/lifecycle.md → ../examples/beaker-jwe/README.md',
  'docs/single-page-applications.md → ../examples/components/README.md',
  'docs/single-page-applications.md → ../examples/react/README.md',
]

const project = realpathSync(mkdtempSync(join(tmpdir(), 'sessionglass-package-')))
const installed = join(project, 'node_modules/sessionglass')

beforeAll(() => {
  cpSync(fileURLToPath(new URL('consumer', import.meta.url)), project, { recursive: true })
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  runNpm(['pack', root, '--ignore-scripts', '--pack-destination', project])
  const tarball = readdirSync(project).find((name) => name.endsWith('.tgz'))
  expect(tarball).toBeDefined()
  runNpm(['install', '--prefer-offline', '--no-audit', '--no-fund', '--omit=dev', `./${tarball}`])
  // The optional peer, with what its types need.
  for (const name of ['react', '@types/react', 'csstype']) {
    cpSync(`${root}node_modules/${name}`, join(project, 'node_modules', name), { recursive: true, dereference: true })
  }
})

afterAll(() => rmSync(project, { recursive: true, force: true }))

test('holds dist and the papers, nothing else', () => {
  expect(readdirSync(installed).sort()).toEqual([
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'dist',
    'docs',
    'llms.txt',
    'package.json',
  ])
})

test('brings the command, for npx, also in a folder with a blank in its name', () => {
  const folder = mkdtempSync(join(project, 'a folder '))
  const { program, args } = npmCommand(['exec', '--no', '--', 'sessionglass', '--version'])
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' })
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string }
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' })
})

test('names no source map that is not in it', () => {
  const files = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' })
  expect(files.filter((name) => name.endsWith('.map'))).toEqual([])
  const scripts = files.filter((name) => name.endsWith('.js'))
  expect(scripts.filter((name) => readFileSync(join(installed, 'dist', name), 'utf8').includes('sourceMapp'))).toEqual(
    [],
  )
})

test('has every file that its pages link to', () => {
  const pages = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'))
  const dangling = pages.flatMap((page) =>
    linksOf(readFileSync(join(installed, page), 'utf8'))
      .filter((link) => !existsSync(join(installed, page, '..', link)))
      .map((link) => `${page} → ${link}`),
  )
  expect(pages).toContain(join('docs', 'security.md'))
  expect(dangling.sort()).toEqual(notShipped)
})

describe('Node', () => {
  test('imports every path', () => {
    expect(runNode('import-all.mjs', subpaths)).toBe(`${subpaths.length} imported\n`)
  })

  test('requires every path from CommonJS', () => {
    expect(runNode('require-all.cjs', subpaths)).toBe(`${subpaths.length} required\n`)
  })

  test('writes a session and reads it back', () => {
    expect(runNode('trip.mjs', ['sessionglass/server'])).toBe('{"user":"dave","score":1.5}\n')
  })
})

describe('bundlers', () => {
  test('the client for a browser is our own modules and none of Node', async () => {
    const inputs = inputsOf(await bundle('browser.mjs', 'browser'))
    expect(inputs).toContain('node_modules/sessionglass/dist/client/index.js')
    expect(inputs.filter((path) => !/^node_modules\/sessionglass\/dist\/(client|shared)\//.test(path))).toEqual([
      'browser.mjs',
    ])
  })

  test('the server for a worker has no module of Node and makes the same trip', async () => {
    const inputs = inputsOf(await bundle('worker.mjs', 'neutral'))
    expect(inputs).toContain('node_modules/sessionglass/dist/server/platform/web.js')
    expect(inputs).not.toContain('node_modules/sessionglass/dist/server/platform/node.js')
    expect(runNode('trip.mjs', ['./out-worker.mjs'])).toBe('{"user":"dave","score":1.5}\n')
  })
})

describe('TypeScript', () => {
  const folder = `${root}.cache/typescript`
  const isInstalled = installLocked(fileURLToPath(new URL('typescript', import.meta.url)), folder)
  const compilers = {
    '5.8': `${folder}/node_modules/typescript-5.8/bin/tsc`,
    '6.0': `${root}node_modules/typescript/bin/tsc`,
    '7.0': `${folder}/node_modules/typescript-7.0/bin/tsc`,
  }

  beforeAll(() => {
    const imports = subpaths.filter((path) => !path.endsWith('.json'))
    const lines = imports.map((path, at) => `export type * as entry${at} from '${path}'\n`)
    writeFileSync(join(project, 'all.ts'), lines.join(''))
  })

  test('no version is left out under CI', () => {
    expect(isInstalled || !process.env.CI).toBe(true)
  })

  describe.each(Object.entries(compilers))('%s', (version, compiler) => {
    const isHere = isInstalled || compiler.startsWith(`${root}node_modules/`)

    test.runIf(isHere)('is that version', () => {
      expect(run(process.execPath, [compiler, '--version'])).toContain(`Version ${version}.`)
    })

    test.runIf(isHere).each(['nodenext', 'bundler'])('knows the exact types with moduleResolution %s', (resolution) => {
      const module = resolution === 'bundler' ? 'esnext' : resolution
      for (const exact of ['true', 'false']) {
        const options = ['--module', module, '--moduleResolution', resolution, '--exactOptionalPropertyTypes', exact]
        expect(run(process.execPath, [compiler, ...options])).toBe('')
      }
    })
  })
})

/** The files that a page links to or shows; addresses and places of the page itself are not among them. */
function linksOf(markdown: string): string[] {
  const text = markdown.replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, '')
  return [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g)]
    .map(([, link, attribute]) => (link ?? attribute ?? '').replace(/#.*$/, ''))
    .filter((link) => link !== '' && !/^[a-z]+:/.test(link))
}

/** Bundles a program of the consumer to out-NAME; a module of Node is left as it is and would show in the inputs. */
async function bundle(name: string, platform: 'browser' | 'neutral'): Promise<Metafile> {
  const { metafile } = await build({
    entryPoints: [name],
    absWorkingDir: project,
    outfile: `out-${name}`,
    bundle: true,
    format: 'esm',
    platform,
    mainFields: ['module', 'main'],
    external: [...builtinModules, 'node:*'],
    metafile: true,
  })
  return metafile
}

function inputsOf(metafile: Metafile): string[] {
  const external = Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter((entry) => entry.external))
  return [...Object.keys(metafile.inputs), ...external.map(({ path }) => path)]
}

function runNpm(args: string[]): void {
  const command = npmCommand([...args, '--loglevel=error'])
  run(command.program, command.args)
}

function runNode(program: string, args: string[]): string {
  return run(process.execPath, ['--no-warnings', program, ...args])
}

/** Runs a program in the consumer's folder; what it prints on a failure is the failure's message. */
function run(program: string, args: string[]): string {
  // npm tells the programs it starts where its own project is; here that is another one.
  const { npm_config_local_prefix: _, ...env } = process.env
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: project, env, encoding: 'utf8' })
  if (error) throw error
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`)
  return stdout
}
