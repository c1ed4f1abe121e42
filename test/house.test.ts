/**
 * The house rules: who may import whom, what package.json exports, what the client may hold and weigh.
 * The tables come first: a new file, package or exception is one line there.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { type BuildOptions, build } from 'esbuild'
import { minify } from 'terser'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

/**
 * Each side as levels, the ground first. A module imports from its own level or from below it; a name with a slash
 * at its end is a folder.
 */
const sides: Record<string, string[][]> = {
  shared: [['shared/']],
  client: [['shared/'], ['client/']],
  server: [
    ['shared/'],
    ['server/platform/', 'server/flow.ts'],
    [
      'server/keyring.ts',
      'server/keys/',
      'server/lifetime.ts',
      'server/deflate/',
      'server/json/',
      'server/pickle/',
      'server/values/',
      'server/flash.ts',
      'server/csrf.ts',
    ],
    [
      'server/session.ts',
      'server/meta-guard.ts',
      'server/set-cookie.ts',
      'server/shadows.ts',
      'server/expose.ts',
      'server/events.ts',
      'server/read-stats.ts',
      'server/codecs/',
      'server/django/',
      'server/stores/',
    ],
    ['server/sessions.ts', 'server/settings.ts', 'server/trips/', 'server/presets/'],
    ['server/adapters/'],
    ['server/index.ts', 'server/testing.ts', 'server/testing/', 'server/cli.ts'],
  ],
}

/** The codec contract is an interface that every level speaks of: its types may be imported from anywhere in server. */
const contract = 'server/codecs/codec.ts'

/** Chosen by `#platform` alone, never imported by path. */
const platforms = ['server/platform/node.ts', 'server/platform/web.ts']

/** The platform of Node.js and what it consists of. */
const nodeFiles = ['node', 'node-aes', 'node-hmac', 'node-signature'].map((name) => `server/platform/${name}.ts`)

/** Which modules may import which package; a name with a slash at its end is a folder. */
const packages: Record<string, string[]> = {
  fflate: ['server/platform/web.ts'],
  bson: ['server/values/bson-types.ts'],
  'node:': [...nodeFiles, 'server/testing.ts', 'server/cli.ts'],
}

/** Names of one runtime, and the modules that may speak of them. */
const runtimeNames: Record<string, string[]> = {
  Buffer: nodeFiles,
  process: ['server/platform/node.ts', 'server/cli.ts'],
  __dirname: [],
  __filename: [],
}

/** In a folder where each file has an import path of its own: parts of another file, which have none. */
const parts: string[] = [
  'server/adapters/express-session.ts',
  'server/adapters/held-response.ts',
  'server/adapters/outage.ts',
  'server/adapters/read-only.ts',
  'server/adapters/session-cookie.ts',
  'server/adapters/session-view.ts',
  'server/adapters/set-cookie-parts.ts',
  'server/adapters/shared-response.ts',
  'server/codecs/beaker-cipher.ts',
  'server/codecs/beaker-opening.ts',
  'server/codecs/beaker-payload.ts',
  'server/codecs/beaker-serializer.ts',
  'server/codecs/beaker-session.ts',
  'server/codecs/beaker-signature.ts',
  'server/codecs/compact-payload.ts',
  'server/codecs/django-claims.ts',
  'server/codecs/django-fields.ts',
  'server/codecs/signed-token.ts',
  'server/stores/row.ts',
]

/** Import paths that are not the file's own. */
const elsewhere: Readonly<Record<string, string>> = { '.': 'shared/index', './testing': 'server/testing' }

const maxLines = 260
const warnLines = 200
/** Files that are longer, each with its reason. */
const longFiles: Record<string, string> = {}

const maxClientGzip = 4096
/**
 * What each reader adds to that, in octets after gzip: one of pickles; digits and a few numbers, where the reader of BSON is there
 * already; base 62.
 */
const maxReaderGzip: Record<string, number> = { beaker: 9216, compact: 640, django: 320 }
/** No such word may be in what a browser loads: nothing there signs, verifies or knows a key. */
const wordsOfTheServer = ['jose', 'createHmac', 'node:crypto', 'subtle', 'secret']

const root = fileURLToPath(new URL('..', import.meta.url))
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  exports: Record<string, string | Record<string, string>>
  imports: Record<string, Record<string, string>>
}

interface Import {
  specifier: string
  typeOnly: boolean
  /** Below src/, where it is a module of this project. */
  targets: string[]
}

interface Module {
  path: string
  text: string
  syntax: ts.SourceFile
  imports: Import[]
}

const modules = readModules()

describe('imports', () => {
  test('every module stands on a level', () => {
    expect(modules.map(({ path }) => path).filter((path) => levelOf(sideOf(path), path) === undefined)).toEqual([])
  })

  test('point one way', () => {
    const wrong = modules.flatMap(({ path, imports }) =>
      imports.flatMap((entry) =>
        entry.targets.filter((target) => !mayImport(path, target, entry)).map((target) => `${path} → ${target}`),
      ),
    )
    expect(wrong).toEqual([])
  })

  test('find their files', () => {
    const known = new Set(modules.map(({ path }) => path))
    const dangling = modules.flatMap(({ path, imports }) =>
      imports.flatMap(({ targets }) =>
        targets.filter((target) => !known.has(target)).map((target) => `${path} → ${target}`),
      ),
    )
    expect(dangling).toEqual([])
  })

  test('have no cycles', () => {
    expect(findCycle()).toBeUndefined()
  })

  test('take each package only where it belongs', () => {
    const wrong = modules.flatMap(({ path, imports }) =>
      imports
        .filter(({ specifier, targets }) => targets.length === 0 && !mayImportPackage(path, specifier))
        .map(({ specifier }) => `${path} → ${specifier}`),
    )
    expect(wrong).toEqual([])
  })

  test('both platforms export the same names', () => {
    const [node, web] = platforms.map((path) => exportedNames(path))
    expect(node).toContain('platform')
    expect(web).toEqual(node)
  })
})

describe('modules', () => {
  test('have no default export', () => {
    expect(modules.filter(({ syntax }) => syntax.statements.some(isDefaultExport)).map(({ path }) => path)).toEqual([])
  })

  test('begin with a header', () => {
    expect(modules.filter(({ text }) => !text.startsWith('/**\n * ')).map(({ path }) => path)).toEqual([])
  })

  test(`have at most ${maxLines} lines`, () => {
    const long = modules.map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    for (const { path, lines } of long) if (lines > warnLines) console.warn(`${path}: ${lines} lines`)
    const tooLong = long.filter(({ lines }) => lines > maxLines).map(({ path }) => path)
    expect(tooLong.sort()).toEqual(Object.keys(longFiles).sort())
  })

  test('speak of no runtime but in its own file', () => {
    const wrong = modules.flatMap(({ path, syntax }) =>
      [...identifiersOf(syntax)]
        .filter((name) => Object.hasOwn(runtimeNames, name) && !runtimeNames[name]?.includes(path))
        .map((name) => `${path}: ${name}`),
    )
    expect(wrong).toEqual([])
  })
})

describe('package.json', () => {
  const targets = Object.entries(manifest.exports).filter(([, target]) => typeof target === 'object')

  test.each(targets)('%s exists in dist and in src, types first', (path, target) => {
    const { types = '', default: code = '', ...rest } = target as Record<string, string>
    expect(Object.keys(target)).toEqual(['types', 'default'])
    expect(rest).toEqual({})
    expect(types).toBe(code.replace(/\.js$/, '.d.ts'))
    // The import path is the file path; the root is what both sides share.
    const name = elsewhere[path] ?? (existsSync(`${root}src/${path}.ts`) ? path.slice(2) : `${path.slice(2)}/index`)
    expect(code).toBe(`./dist/${name}.js`)
    for (const file of [code, types, `src/${name}.ts`]) expect(existsSync(root + file), file).toBe(true)
  })

  test('exports every codec and every adapter', () => {
    const inside = modules
      .map(({ path }) => path)
      .filter((path) => /^server\/(codecs|adapters|stores)\/[^/]+\.ts$/.test(path))
    expect(inside).toContain(contract)
    const missing = inside.filter((path) => manifest.exports[`./${path.replace(/\.ts$/, '')}`] === undefined)
    expect(missing).toEqual(parts)
  })

  test('#platform has types and both platforms, node before the default', () => {
    expect(Object.entries(manifest.imports['#platform'] ?? {})).toEqual([
      ['types', './dist/server/platform/node.d.ts'],
      ['node', './dist/server/platform/node.js'],
      ['default', './dist/server/platform/web.js'],
    ])
    for (const file of Object.values(manifest.imports['#platform'] ?? {}))
      expect(existsSync(root + file), file).toBe(true)
  })

  test('#platform is left for the runtime to choose', () => {
    const built = readdirSync(`${root}dist/server`, { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.js'),
    )
    const texts = built.map((path) => readFileSync(`${root}dist/server/${path}`, 'utf8'))
    expect(texts.some((text) => text.includes(`from '#platform'`))).toBe(true)
    expect(texts.filter((text) => /from '.*\/platform\/(node|web)\.js'/.test(text))).toEqual([])
  })
})

describe('client', () => {
  const bundle = readFileSync(`${root}dist/client.bundle.js`, 'utf8')

  test('the script-tag file imports nothing and defines one global', () => {
    const { imports } = parse('client.bundle.js', bundle)
    expect(imports).toEqual([])
    expect(bundle).not.toMatch(/\b(import|require)\s*\(|\bimport\.meta\b/)
    const scope: Record<string, unknown> = {}
    runInNewContext(bundle, scope)
    expect(Object.keys(scope)).toEqual(['sessionglass'])
    expect(scope.sessionglass).toHaveProperty('getSession')
  })

  test.each(wordsOfTheServer)('the script-tag file does not hold the word %s', (word) => {
    expect(bundle.toLowerCase()).not.toContain(word.toLowerCase())
  })

  test(`the script-tag file has at most ${maxClientGzip} octets after gzip`, () => {
    expect(gzipSync(bundle, { level: 9 }).length).toBeLessThanOrEqual(maxClientGzip)
  })

  test(`the modules have at most ${maxClientGzip} octets after a bundler and gzip, and nothing beside our own`, async () => {
    const { text, inputs } = await bundled({ entryPoints: [`${root}dist/client/index.js`] })
    expect(inputs.filter((path) => !/^dist\/(client|shared)\//.test(path))).toEqual([])
    expect(inputs.filter((path) => /beaker|pickle/.test(path))).toEqual([])
    expect(text).toContain('getSession')
    for (const word of wordsOfTheServer) expect(text.toLowerCase()).not.toContain(word.toLowerCase())
    expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(maxClientGzip)
  })

  test('getSession alone is as small with the minifier of esbuild', async () => {
    const { outputFiles } = await build({
      ...pageBuild,
      ...scriptOf(`export { getSession } from './dist/client/index.js'`),
      minify: true,
    })
    expect(gzipSync(outputFiles?.[0]?.contents ?? '', { level: 9 }).length).toBeLessThanOrEqual(maxClientGzip)
  })

  test('every reader has its limit', () => {
    const readers = modules.filter(
      ({ path, text }) => path.startsWith('client/') && /: SessionReader = .*PURE/.test(text),
    )
    expect(readers.map(({ path }) => path)).toEqual(Object.keys(maxReaderGzip).map((name) => `client/${name}.ts`))
  })

  test.each(Object.entries(maxReaderGzip))(
    'the %s reader adds at most %i octets, nothing of the server',
    async (name, max) => {
      const page = `export { getSession } from './dist/client/index.js'`
      const alone = await bundled(scriptOf(page))
      const both = await bundled(scriptOf(`${page}\nexport { ${name}Reader } from './dist/client/${name}.js'`))
      expect(both.inputs.filter((path) => !/^dist\/(client|shared)\//.test(path))).toEqual([])
      for (const word of wordsOfTheServer) expect(both.text.toLowerCase()).not.toContain(word.toLowerCase())
      const [less, more] = [alone, both].map(({ text }) => gzipSync(text, { level: 9 }).length) as [number, number]
      expect(more - less).toBeGreaterThan(100)
      expect(more - less).toBeLessThanOrEqual(max)
    },
  )
})

const pageBuild: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  metafile: true,
  write: false,
}

function scriptOf(contents: string): BuildOptions {
  return { stdin: { contents, resolveDir: root, sourcefile: 'page.js' } }
}

/**
 * What a bundler makes of a page's script, and of which files. Terser is what webpack and this package's own script-tag file
 * use.
 */
async function bundled(entry: BuildOptions): Promise<{ text: string; inputs: string[] }> {
  const { metafile, outputFiles } = await build({ ...pageBuild, ...entry })
  const { code: text = '' } = await minify(outputFiles?.[0]?.text ?? '', { module: true, compress: { passes: 3 } })
  return { text, inputs: Object.keys(metafile?.inputs ?? {}).filter((path) => path !== 'page.js') }
}

function readModules(): Module[] {
  return readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => /\.tsx?$/.test(path))
    .sort()
    .map((path) => parse(path, readFileSync(`${root}src/${path}`, 'utf8')))
}

function parse(path: string, text: string): Module {
  const syntax = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const imports: Import[] = []
  const add = (node: ts.Node | undefined, typeOnly: boolean): void => {
    if (node === undefined) return
    const specifier = ts.isStringLiteral(node) ? node.text : `(${node.getText()})`
    imports.push({ specifier, typeOnly, targets: resolve(path, specifier) })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node.importClause))
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false)
    ts.forEachChild(node, visit)
  }
  visit(syntax)
  return { path, text, syntax, imports }
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const names = clause.namedBindings
  if (clause.name !== undefined || names === undefined || !ts.isNamedImports(names)) return false
  return names.elements.length > 0 && names.elements.every((element) => element.isTypeOnly)
}

function resolve(from: string, specifier: string): string[] {
  if (specifier === '#platform') return platforms
  if (!specifier.startsWith('.')) return []
  return [posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts')]
}

function sideOf(path: string): string {
  return path.split('/')[0] ?? ''
}

function levelOf(side: string, path: string): number | undefined {
  const level = (sides[side] ?? []).findIndex((names) => contains(names, path))
  return level === -1 ? undefined : level
}

function contains(names: readonly string[], path: string): boolean {
  return names.some((name) => (name.endsWith('/') ? path.startsWith(name) : path === name))
}

function mayImport(path: string, target: string, { specifier, typeOnly }: Import): boolean {
  if (target === contract && typeOnly && sideOf(path) === 'server') return true
  if (platforms.includes(target) && specifier !== '#platform') return false
  const own = levelOf(sideOf(path), path)
  const level = levelOf(sideOf(path), target)
  return own !== undefined && level !== undefined && level <= own
}

function mayImportPackage(path: string, specifier: string): boolean {
  const name = specifier.startsWith('node:') ? 'node:' : specifier.split('/')[0]
  return name !== undefined && !builtinModules.includes(specifier) && contains(packages[name] ?? [], path)
}

/** The first cycle, as the paths along it. */
function findCycle(): string[] | undefined {
  const edges = new Map(modules.map(({ path, imports }) => [path, imports.flatMap(({ targets }) => targets)]))
  const done = new Set<string>()
  const walk = (path: string, trail: string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path]
    if (done.has(path)) return undefined
    for (const target of edges.get(path) ?? []) {
      const cycle = walk(target, [...trail, path])
      if (cycle) return cycle
    }
    done.add(path)
    return undefined
  }
  for (const path of edges.keys()) {
    const cycle = walk(path, [])
    if (cycle) return cycle
  }
  return undefined
}

function exportedNames(path: string): string[] {
  const statements = modules.find((module) => module.path === path)?.syntax.statements ?? []
  return statements
    .filter((statement) => ts.canHaveModifiers(statement) && hasModifier(statement, ts.SyntaxKind.ExportKeyword))
    .flatMap((statement) => {
      if (ts.isVariableStatement(statement))
        return statement.declarationList.declarations.map(({ name }) => name.getText())
      return [(statement as ts.FunctionDeclaration).name?.text ?? '']
    })
    .sort()
}

function isDefaultExport(statement: ts.Statement): boolean {
  if (ts.isExportAssignment(statement)) return true
  if (ts.isExportDeclaration(statement)) {
    const names = statement.exportClause
    return names !== undefined && ts.isNamedExports(names) && names.elements.some(({ name }) => name.text === 'default')
  }
  return hasModifier(statement, ts.SyntaxKind.DefaultKeyword)
}

function hasModifier(statement: ts.Statement, kind: ts.SyntaxKind): boolean {
  return ts.canHaveModifiers(statement) && (ts.getModifiers(statement) ?? []).some((modifier) => modifier.kind === kind)
}

/** Names that stand by themselves: not members, not keys. */
function identifiersOf(syntax: ts.SourceFile): Set<string> {
  const names = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && !isMemberName(node)) names.add(node.text)
    ts.forEachChild(node, visit)
  }
  visit(syntax)
  return names
}

function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node && parent.expression.getText() !== 'globalThis'
  return (
    (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isMethodSignature(parent)) &&
    parent.name === node
  )
}
