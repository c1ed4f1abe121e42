/**
 * The house rules that no tool checks: what package.json exports, and what the client may hold and weigh.
 * Biome, dependency-cruiser and knip check all else, by their configurations.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { type BuildOptions, build, type Metafile } from 'esbuild'
import { minify } from 'terser'
import { describe, expect, test } from 'vitest'

/** Import paths that are not the path of their file. */
const elsewhere: Readonly<Record<string, string>> = {
  '.': 'shared/index',
  './react': 'client/react',
  './testing': 'server/testing',
}

/** `getSession` alone. */
const maxReadGzip = 4096
/** All of the client, as a script tag loads it. */
const maxClientGzip = 5300
/** `getSession` with `defineSession`. */
const maxPageGzip = 4200
/** What `watchSession` and `createSessionStore` add to that. */
const maxWatchGzip = 1000
/** What all of `sessionglass/react` adds to a page with `createSessionStore`, without React. */
const maxReactGzip = 500
/** `verifySessions` with `beakerJwt`. */
const maxVerifierGzip = 20_000
/**
 * What each reader adds to that, in bytes after gzip: one of pickles; digits and a few numbers, because the reader of BSON is
 * there already; base 62.
 */
const maxReaderGzip: Record<string, number> = { beaker: 9216, compact: 640, django: 320 }
/** No such word may be in what a browser loads: nothing there signs, verifies or knows a key. */
const wordsOfTheServer = ['jose', 'createHmac', 'node:crypto', 'subtle', 'secret']

const root = fileURLToPath(new URL('..', import.meta.url))
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  exports: Record<string, string | Record<string, string>>
  imports: Record<string, Record<string, string>>
}

test('every module begins with a header', () => {
  const modules = filesOf('src', '.ts').filter((path) => !readFileSync(root + path, 'utf8').startsWith('/**\n * '))
  expect(modules).toEqual([])
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

  test('#platform has types and both platforms, node before the default', () => {
    expect(Object.entries(manifest.imports['#platform'] ?? {})).toEqual([
      ['types', './dist/server/platform/node.d.ts'],
      ['node', './dist/server/platform/node.js'],
      ['default', './dist/server/platform/web.js'],
    ])
  })
})

describe('dist', () => {
  const built = filesOf('dist', '.js').map((path) => ({ path, text: readFileSync(root + path, 'utf8') }))

  test('leaves #platform for the runtime to choose', () => {
    expect(built.some(({ text }) => text.includes(`from '#platform'`))).toBe(true)
    expect(built.filter(({ text }) => /(?:from|import\() ?'[^']*platform\/(?:node|web)\.js'/.test(text))).toEqual([])
  })

  test('is few files: an import of the server finds and loads at most eight', () => {
    expect([...loadedBy('dist/server/index.js')].length).toBeLessThanOrEqual(8)
  })

  test('loads jose and bson only when they are needed', () => {
    const early = built.filter(({ text }) => /^(?:import|export)\b[^;]*? '(?:jose|bson)\b/m.test(text))
    expect(early.map(({ path }) => path)).toEqual([])
  })
})

describe('a Worker that only verifies', () => {
  const verifier = `export { verifySessions, beakerJwt } from './dist/server/index.js'`

  test(`starts with at most ${maxVerifierGzip} bytes, and loads later what only signing needs`, async () => {
    const { outputs, texts } = await workerOf(verifier)
    const writers = Object.keys(outputs).filter((path) => outputs[path]?.entryPoint === 'dist/server/writers.js')
    const loaded = new Set(staticallyLoaded(outputs))
    expect(writers).toHaveLength(1)
    expect(loaded).not.toContain(writers[0])
    const inputs = [...loaded].flatMap((path) => Object.keys(outputs[path]?.inputs ?? {}))
    expect(inputs).toContain('dist/server/load.js')
    expect(inputs).not.toContain('dist/server/sessions.js')
    expect(inputs).not.toContain('dist/server/writers.js')
    const text = [...loaded].map((path) => texts.get(path)).join('')
    expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(maxVerifierGzip)
  })

  test('a bundler that makes one file leaves out what only other codecs need', async () => {
    const { outputs } = await workerOf(verifier, { splitting: false })
    const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs))
    const taken = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path)
    expect(taken).toContain('dist/server/writers.js')
    expect(taken).not.toContain('dist/server/sessions.js')
  })
})

describe('client', () => {
  const bundle = readFileSync(`${root}dist/client.bundle.js`, 'utf8')

  test('the script-tag file imports nothing and defines one global', () => {
    expect(bundle).not.toMatch(/\b(?:import|require)\s*\(|\bimport\.meta\b|(?:^|[;}])(?:import|export)\b/)
    const platform = { TextEncoder, TextDecoder }
    const scope: Record<string, unknown> = { ...platform }
    runInNewContext(bundle, scope)
    expect(Object.keys(scope)).toEqual([...Object.keys(platform), 'sessionglass'])
    expect(scope.sessionglass).toHaveProperty('getSession')
  })

  test.each(wordsOfTheServer)('the script-tag file does not hold the word %s', (word) => {
    expect(bundle.toLowerCase()).not.toContain(word.toLowerCase())
  })

  test(`the script-tag file has at most ${maxClientGzip} bytes after gzip`, () => {
    expect(gzipSync(bundle, { level: 9 }).length).toBeLessThanOrEqual(maxClientGzip)
  })

  test(`the modules have at most ${maxClientGzip} bytes after a bundler and gzip, and nothing beside our own`, async () => {
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
    expect(gzipSync(outputFiles?.[0]?.contents ?? '', { level: 9 }).length).toBeLessThanOrEqual(maxReadGzip)
  })

  test(`getSession and defineSession together have at most ${maxPageGzip} bytes`, async () => {
    const { outputFiles } = await build({
      ...pageBuild,
      ...scriptOf(
        `export { getSession } from './dist/client/index.js'; export { defineSession } from './dist/shared/index.js'`,
      ),
      minify: true,
    })
    expect(gzipSync(outputFiles?.[0]?.contents ?? '', { level: 9 }).length).toBeLessThanOrEqual(maxPageGzip)
  })

  test.each(['watchSession', 'createSessionStore'])(`%s adds at most ${maxWatchGzip} bytes`, async (name) => {
    const sizeOf = async (client: string) => {
      const page = `export { ${client} } from './dist/client/index.js'; export { defineSession } from './dist/shared/index.js'`
      const { outputFiles } = await build({ ...pageBuild, ...scriptOf(page), minify: true })
      return gzipSync(outputFiles?.[0]?.contents ?? '', { level: 9 }).length
    }
    const added = (await sizeOf(`getSession, ${name}`)) - (await sizeOf('getSession'))
    expect(added).toBeGreaterThan(500)
    expect(added).toBeLessThanOrEqual(maxWatchGzip)
  })

  test(`React adds at most ${maxReactGzip} bytes, and a page without it loads nothing of it`, async () => {
    const page = `export { getSession, createSessionStore } from './dist/client/index.js'; export { defineSession } from './dist/shared/index.js'`
    const builds = [page, `${page}; export * from './dist/client/react.js'`].map((script) =>
      build({ ...pageBuild, ...scriptOf(script), minify: true, external: ['react'] }),
    )
    const [less, more] = await Promise.all(builds)
    const inputs = Object.keys(more?.metafile?.inputs ?? {})
    expect(inputs.filter((path) => !/^(page\.js$|dist\/(client|shared)\/)/.test(path))).toEqual([])
    expect(less?.outputFiles?.[0]?.text).not.toMatch(/["']react["']/)
    const [alone, both] = [less, more].map(
      (one) => gzipSync(one?.outputFiles?.[0]?.contents ?? '', { level: 9 }).length,
    )
    expect((both as number) - (alone as number)).toBeGreaterThan(200)
    expect((both as number) - (alone as number)).toBeLessThanOrEqual(maxReactGzip)
  })

  test('React may be imported in a server component', () => {
    expect(readFileSync(`${root}dist/client/react.js`, 'utf8')).toMatch(/^'use client'/)
  })

  test('every reader has its limit', () => {
    const readers = filesOf('src/client', '.ts').filter((path) =>
      /: SessionReader = .*PURE/.test(readFileSync(root + path, 'utf8')),
    )
    expect(readers).toEqual(Object.keys(maxReaderGzip).map((name) => `src/client/${name}.ts`))
  })

  test.each(Object.entries(maxReaderGzip))(
    'the %s reader adds at most %i bytes, nothing of the server',
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

type Outputs = Metafile['outputs']

/** What a bundler makes of a Worker's script; packages that are loaded later stay out of it. */
async function workerOf(
  contents: string,
  options: BuildOptions = { splitting: true },
): Promise<{ outputs: Outputs; texts: ReadonlyMap<string, string> }> {
  const { metafile, outputFiles } = await build({
    ...pageBuild,
    ...scriptOf(contents),
    platform: 'neutral',
    conditions: ['worker', 'browser'],
    // As in an application: the one here would put sources in the place of what was built.
    tsconfigRaw: {},
    external: ['bson', 'fflate', 'fflate/browser', 'jose', 'jose/*'],
    outdir: 'out',
    minify: true,
    ...options,
  })
  const texts = outputFiles?.map(({ path, text }) => [posix.join('out', posix.basename(path)), text] as const)
  return { outputs: metafile?.outputs ?? {}, texts: new Map(texts) }
}

/** The files of a bundle that its start loads. */
function staticallyLoaded(outputs: Outputs, path = entryOf(outputs), found: Set<string> = new Set()): Set<string> {
  if (found.has(path) || !outputs[path]) return found
  found.add(path)
  for (const imported of outputs[path].imports) {
    if (imported.kind === 'import-statement') staticallyLoaded(outputs, imported.path, found)
  }
  return found
}

function entryOf(outputs: Outputs): string {
  return Object.keys(outputs).find((path) => outputs[path]?.entryPoint === 'page.js') ?? ''
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

/** The files below a folder of the project, as paths below the project's folder. */
function filesOf(folder: string, ending: string): string[] {
  return readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith(ending))
    .sort()
}

/** The files of dist/ that an import of one of them loads, on Node.js. */
function loadedBy(path: string, found: Set<string> = new Set()): Set<string> {
  if (found.has(path)) return found
  found.add(path)
  const text = readFileSync(root + path, 'utf8')
  for (const [, name = ''] of text.matchAll(/^(?:import|export)\b[^;]*? '([.#][^']+)'/gm)) {
    loadedBy(name === '#platform' ? 'dist/server/platform/node.js' : posix.join(posix.dirname(path), name), found)
  }
  return found
}
