/**
 * Builds dist/: a file for each entry of package.json, a few files of what the entries share, the client once more as
 * a single file for a script tag, and the inspector page. Finding and loading many small files would take most of the time of an import.
 */
import { readFileSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import nodeResolve from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import typescript from '@rollup/plugin-typescript'
import { inspectorPage } from './scripts/inspector-page.mjs'

const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
const packages = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies ?? {})]
const source = fileURLToPath(new URL('src', import.meta.url))

/** Every file that package.json names, by its name in src/ and dist/: `server/index`. */
function entries() {
  const files = Object.values({ ...manifest.exports, ...manifest.imports })
    .filter((target) => typeof target === 'object')
    .flatMap(({ types, ...conditions }) => Object.values(conditions))
  const names = [...files, ...Object.values(manifest.bin ?? {})].map((file) =>
    file.replace(/^\.\/dist\/(.*)\.js$/, '$1'),
  )
  return Object.fromEntries(names.sort().map((name) => [name, `src/${name}.ts`]))
}

/** `#platform` stays an import: the runtime chooses its file by the `imports` of package.json. */
function isExternal(id) {
  return (
    id === '#platform' || id.startsWith('node:') || packages.some((name) => id === name || id.startsWith(`${name}/`))
  )
}

const VERIFYING = 'verifying'
const WRITING = 'writing'
/** Modules of one entry that not every user of it needs: a bundler leaves a whole file out, or loads it later. */
const USES = {
  [VERIFYING]: ['server/core/verify-sessions', 'server/codecs/beaker-jwt'],
  [WRITING]: ['server/codecs/beaker-jwt-claims', 'server/core/judge'],
}

/**
 * The file for a module that several entries use.
 *
 * @param {string[]} users - the entries that need the module
 * @returns {string | undefined} `undefined`: Rollup decides
 */
function sharedFile(users) {
  if (users.includes('client/index') && users.every((name) => name.startsWith('client/'))) return 'shared/page'
  if (users.some((name) => name === 'client/index' || name === 'shared/index')) return 'shared/session'
  // A page loads nothing that only other pages need.
  const pages = users.filter((name) => name.startsWith('client/')).map((name) => name.slice('client/'.length))
  if (pages.length > 0) return `shared/${pages.sort().join('-')}`
  if (!users.includes('server/index') && !users.includes(WRITING)) return undefined
  // load.js imports a platform, so what a platform imports can't be in it. It is no file of its own, which each start would look for.
  if (users.some((name) => name.startsWith('server/platform/'))) return 'shared/session'
  // A service that only verifies loads neither of the others, and writers.js only if it writes after all.
  if (users.includes(VERIFYING)) return 'server/load'
  return users.includes(WRITING) ? 'server/writers' : 'server/sessions'
}

/** Rollup's `manualChunks`: knows each module's users, and asks `sharedFile`. */
function chunks() {
  let files
  return (id, { getModuleIds, getModuleInfo }) => {
    files ??= assignFiles([...getModuleIds()].map(getModuleInfo))
    return files.get(id)
  }
}

function assignFiles(modules) {
  const byId = new Map(modules.map((module) => [module.id, module]))
  const usersOf = new Map()
  const visit = (id, entry) => {
    const users = usersOf.get(id) ?? new Set()
    if (users.has(entry) || !byId.has(id)) return
    usersOf.set(id, users.add(entry))
    for (const imported of byId.get(id).importedIds) visit(imported, entry)
  }
  for (const { id, isEntry } of modules) if (isEntry) visit(id, nameOf(id))
  for (const { id } of modules) {
    const [use] = Object.entries(USES).find(([, names]) => names.includes(nameOf(id))) ?? []
    if (use) visit(id, use)
  }
  // An entry is shared, too, if another entry imports it: its own file then only names the exports.
  const shared = [...usersOf].filter(([id, users]) => users.size > 1 || !byId.get(id).isEntry)
  return new Map(shared.map(([id, users]) => [id, sharedFile([...users])]))
}

function nameOf(id) {
  return relative(source, id).replaceAll(sep, '/').replace(/\.ts$/, '')
}

const BANNERS = {
  // A server component may then import it, as a client reference.
  'client/react': "'use client'",
  'server/cli': '#!/usr/bin/env node',
}

function onwarn(warning, warn) {
  // A module of types alone is an empty module on purpose: its import path exists all the same. Cycles are found by
  // dependency-cruiser, which also sees those of types.
  if (warning.code !== 'EMPTY_BUNDLE' && warning.code !== 'CIRCULAR_DEPENDENCY') warn(warning)
}

export default [
  {
    input: entries(),
    external: isExternal,
    treeshake: { moduleSideEffects: 'no-external' },
    plugins: [typescript({ tsconfig: 'tsconfig.json', noEmitOnError: true, outDir: 'dist', declaration: true })],
    output: {
      dir: 'dist',
      format: 'es',
      chunkFileNames: '[name].js',
      banner: ({ name }) => BANNERS[name] ?? '',
      manualChunks: chunks(),
      hoistTransitiveImports: false,
      minifyInternalExports: false,
    },
    onwarn,
  },
  {
    // Rollup builds in this order, so the modules above are there already.
    input: 'dist/client/index.js',
    plugins: [nodeResolve({ browser: true }), terser({ ecma: 2020, compress: { passes: 3 } })],
    output: {
      file: 'dist/client.bundle.js',
      format: 'iife',
      name: 'sessionglass',
      banner: '/*! sessionglass Apache-2.0 */',
    },
  },
  { ...inspectorPage, onwarn },
]
