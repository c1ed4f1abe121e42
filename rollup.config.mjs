/**
 * Builds dist/: one ES module per source file; of these the entries of the client as few files, for finding and loading twenty
 * small ones takes most of the time of an import; and the client once more as a single file for a script tag.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import nodeResolve from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import typescript from '@rollup/plugin-typescript'

const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
const packages = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies ?? {})]

/** Classes that other entries have, too: they stay in files of their own, so that there is one of each. */
const SHARED_CLASSES = /\/shared\/(?:errors|pickle\/(?:object|values))\.js$/

/** The sources of every file that package.json names, so that a new entry is written down once. */
function sources() {
  const targets = Object.values({ ...manifest.exports, ...manifest.imports })
    .filter((target) => typeof target === 'object')
    .flatMap(({ types, ...conditions }) => Object.values(conditions))
  return targets.map((target) => target.replace(/^\.\/dist\/(.*)\.js$/, 'src/$1.ts'))
}

function isExternal(id) {
  return (
    id === '#platform' || id.startsWith('node:') || packages.some((name) => id === name || id.startsWith(`${name}/`))
  )
}

function onwarn(warning, warn) {
  // A module of types alone is an empty module on purpose: its import path exists all the same.
  if (warning.code !== 'EMPTY_BUNDLE') warn(warning)
}

/** Rollup reads no source maps of what it takes in. */
const withSourceMaps = {
  name: 'with-source-maps',
  load(path) {
    if (!existsSync(`${path}.map`)) return null
    return { code: readFileSync(path, 'utf8'), map: readFileSync(`${path}.map`, 'utf8') }
  },
}

/** What went into the new files is not needed as files of its own. */
const withoutLeftovers = {
  name: 'without-leftovers',
  writeBundle({ dir }, bundle) {
    for (const name of readdirSync(dir)) {
      if (/\.js(?:\.map)?$/.test(name) && !(name in bundle)) rmSync(join(dir, name))
    }
  },
}

export default [
  {
    input: sources(),
    external: isExternal,
    plugins: [
      typescript({
        tsconfig: 'tsconfig.json',
        noEmitOnError: true,
        outDir: 'dist',
        declaration: true,
        sourceMap: true,
      }),
    ],
    output: { dir: 'dist', format: 'es', preserveModules: true, preserveModulesRoot: 'src', sourcemap: true },
    onwarn,
  },
  {
    input: sources()
      .filter((path) => path.startsWith('src/client/'))
      .map((path) => path.replace(/^src\/(.*)\.ts$/, 'dist/$1.js')),
    external: (id) => SHARED_CLASSES.test(id),
    treeshake: { moduleSideEffects: 'no-external' },
    plugins: [withSourceMaps, withoutLeftovers],
    output: {
      dir: 'dist/client',
      format: 'es',
      chunkFileNames: '[name].js',
      hoistTransitiveImports: false,
      minifyInternalExports: false,
      sourcemap: true,
    },
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
]
