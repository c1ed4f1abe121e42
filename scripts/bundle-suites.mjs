// @ts-check
/**
 * Bundles the server's suites for a runtime, with a small stand-in for vitest. The suites run over the sources, because they
 * also test what no entry exports. built.mjs runs what the package ships, with the `#platform` that package.json names.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './run.mjs'

/** @typedef {'node' | 'web' | 'workerd'} Bundle - workerd's is that of the web platform without what can't run there */

const source = `${root}test/runtimes`
const parts = ['server', 'contract']

/** What workerd has not, and the suites that are nothing without it. */
const NOT_ON_WORKERD = {
  'a server that listens': ['server/adapters/held-response.test.ts', 'server/keys/remote-jwks.test.ts'],
  'Express or connect': ['server/adapters/express.test.ts', 'server/adapters/jwks.test.ts'],
  supertest: ['server/testing-supertest.test.ts'],
  'signatures by node:crypto in DER': ['server/keys/signer.test.ts'],
  'other realms': ['server/mutex.test.ts', 'server/other-realm.test.ts'],
  SQLite: [
    'contract/django-store.test.ts',
    'contract/sql-store.test.ts',
    'server/stores/django.test.ts',
    'server/stores/sql-store.test.ts',
    'server/stores/sqlite.test.ts',
  ],
}

/** They load the sources anew, which a bundle can't do. */
const ONLY_IN_VITEST = ['server/bson-types.test.ts', 'server/keys/loading.test.ts']

/** What suites read beside the vectors. */
const READ_BY_SUITES = ['docs/writing-a-codec.md', 'test/contract/note-codec.ts']

/**
 * Writes a module whose default export has one method, `test`, which throws if a test fails.
 *
 * @param {Bundle} name
 * @param {string} outfile
 * @returns {Promise<string[]>} the files that are in it, as paths below the project's folder
 */
export async function bundleSuites(name, outfile) {
  // Not at the top: `npm test` loads this file before it has installed anything.
  const { build } = await import('esbuild')
  const files = [...suitesOf(name), 'runtimes/built.mjs']
  const suites = files.map((file) => `${JSON.stringify(file)}: () => import('./test/${file}'),`)
  const { metafile } = await build({
    stdin: {
      contents: `import { runSuites } from './test/runtimes/run.ts'
        export default { test: () => runSuites({ ${suites.join('\n')} }) }`,
      resolveDir: root,
    },
    outfile,
    bundle: true,
    format: 'esm',
    platform: name === 'node' ? 'node' : 'neutral',
    mainFields: ['module', 'main'],
    conditions: name === 'node' ? ['node'] : ['worker', 'browser'],
    external: ['node:*', 'connect', 'express'],
    plugins: [ownPlatform(name === 'node' ? 'node' : 'web'), ownUrls, ...(name === 'workerd' ? [ownFiles] : [])],
    alias: { vitest: `${source}/mini-vitest.ts` },
    // The project's own says where the sources of #platform are.
    tsconfigRaw: {},
    absWorkingDir: root,
    metafile: true,
    logLevel: 'error',
  })
  return Object.keys(metafile.inputs)
}

/**
 * @param {Bundle} name
 * @returns {string[]} below test/
 * @throws {Error} for a file among those left out that is no more
 */
export function suitesOf(name) {
  const other = name === 'node' ? '.web.test.ts' : '.node.test.ts'
  const files = parts.flatMap((part) =>
    readdirSync(`${root}test/${part}`, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.test.ts') && !file.endsWith(other))
      .map((file) => `${part}/${file.replaceAll(sep, '/')}`),
  )
  const leftOut = [...ONLY_IN_VITEST, ...(name === 'workerd' ? Object.values(NOT_ON_WORKERD).flat() : [])]
  const gone = leftOut.filter((file) => !files.includes(file))
  if (gone.length > 0) throw new Error(`not among the suites any more: ${gone.join(', ')}`)
  return files.filter((file) => !leftOut.includes(file))
}

/**
 * What imports `#platform` gets the source, as it does in vitest; for dist/, package.json decides.
 *
 * @param {'node' | 'web'} name
 * @returns {import('esbuild').Plugin}
 */
function ownPlatform(name) {
  return {
    name: 'own-platform',
    setup({ onResolve }) {
      onResolve({ filter: /^#platform$/ }, ({ importer }) =>
        importer.startsWith(`${root}dist${sep}`) ? undefined : { path: `${root}src/server/platform/${name}.ts` },
      )
    },
  }
}

/** In a bundle every file keeps its own address, beside which its vectors are. @type {import('esbuild').Plugin} */
const ownUrls = {
  name: 'own-urls',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/](?:test|scripts)[\\/].*\.(?:ts|mjs)$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)),
      loader: path.endsWith('.ts') ? 'ts' : 'js',
    }))
  },
}

/** Where there is no disk, the files that suites read are in the bundle. @type {import('esbuild').Plugin} */
const ownFiles = {
  name: 'own-files',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:fs$/ }, ({ path, namespace }) =>
      namespace === 'own-files' ? { path, external: true } : { path, namespace: 'own-files' },
    )
    onLoad({ filter: /^node:fs$/, namespace: 'own-files' }, () => {
      const vectors = readdirSync(`${root}test/vectors`).map((file) => `test/vectors/${file}`)
      const files = [...vectors, ...READ_BY_SUITES].map((file) => root + file)
      const texts = Object.fromEntries(files.map((file) => [pathToFileURL(file).href, readFileSync(file, 'utf8')]))
      return {
        contents: `
          import { readFileSync as read } from 'node:fs'
          import { pathToFileURL } from 'node:url'
          export * from 'node:fs'
          const texts = ${JSON.stringify(texts)}
          export const readFileSync = (file, ...options) =>
            texts[file instanceof URL ? file.href : pathToFileURL(file).href] ?? read(file, ...options)`,
      }
    })
  },
}
