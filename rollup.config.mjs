/** Builds dist/: one ES module per source file, and the client once more as a single file for a script tag. */
import { readFileSync } from 'node:fs'
import nodeResolve from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import typescript from '@rollup/plugin-typescript'

const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
const packages = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies ?? {})]

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
