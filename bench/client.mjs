/** Decoding a cookie as a page does, and what that costs the page in bytes. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { jwtDecode } from 'jwt-decode'
import * as server from '../dist/server/index.js'
import { decodeSession } from '../dist/shared/index.js'
import { timeInRounds } from './measure.mjs'
import { beakerSession, data, meta, now, secret } from './session.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))

export async function measureClient() {
  const context = { cookieName: 'session', purpose: 'session', now }
  const cookie = await server.beakerJwt({ secrets: [secret] }).sign({ data, ...meta }, context)
  const { _id, ...rest } = beakerSession
  const plain = server.jwt({ secrets: [secret], identify: false })
  const token = await plain.sign({ data: { ...rest, id: _id } }, context)
  return timeInRounds(
    [
      { name: 'decodeSession, bsZ', call: () => decodeSession(cookie) },
      { name: 'decodeSession, plain claims', call: () => decodeSession(token) },
      { name: 'jwt-decode, the same as JSON', call: () => jwtDecode(token) },
    ],
    2,
  )
}

/** For pages, and from "a Worker" on for Workers. */
const ENTRIES = {
  'sessionglass/client': "export { getSession } from '../dist/client/index.js'",
  'sessionglass/client, with defineSession':
    "export { getSession } from '../dist/client/index.js'; export { defineSession } from '../dist/shared/index.js'",
  'sessionglass/client, all of it': "export * from '../dist/client/index.js'",
  ...Object.fromEntries(
    ['beaker', 'compact', 'django'].map((name) => [`sessionglass/client, with ${name}Reader`, withReader(name)]),
  ),
  'jwt-decode': "export { jwtDecode } from 'jwt-decode'",
  'bson + fflate': "export { deserialize } from 'bson'; export { unzlibSync } from 'fflate'",
  'a Worker that only verifies: sessionglass, beakerJwt': verifierOf('beakerJwt'),
  'a Worker that only verifies: sessionglass, jwt with key pairs': verifierOf('jwt', 'createKeys'),
  'a Worker that only verifies: jose': "export { importSPKI, jwtVerify } from 'jose'",
  'a Worker: iron-session (it has no reader for pages)': "export { getIronSession } from 'iron-session'",
}

/** What a service needs that only reads; older builds have no entry that leaves the writing out. */
export function verifierOf(...names) {
  const verifier = 'verifySessions' in server ? 'verifySessions' : 'createSessions'
  return `export { ${[verifier, ...names].join(', ')} } from '../dist/server/index.js'`
}

/** @param {string} name - the file in dist/client */
function withReader(name) {
  return `export { getSession } from '../dist/client/index.js'; export { ${name}Reader } from '../dist/client/${name}.js'`
}

/** Minified by esbuild and gzipped, in bytes; the script-tag file as it is published, minified by terser. */
export async function measureBundles() {
  const published = readFileSync(new URL('../dist/client.bundle.js', import.meta.url))
  const sizes = { 'sessionglass, the script-tag file': gzipSync(published, { level: 9 }).length }
  for (const [name, contents] of Object.entries(ENTRIES)) {
    sizes[name] = await sizeOf(contents, name.startsWith('a Worker') ? 'worker' : 'browser')
  }
  sizes['a Worker that only verifies, if its bundler makes one file'] = await sizeOf(
    verifierOf('beakerJwt'),
    'worker',
    here,
    false,
  )
  return sizes
}

/**
 * @param {string} contents - of the module that is bundled
 * @param {'browser' | 'worker'} runtime
 * @param {string} [folder] - that its paths start from
 * @param {boolean} [splitting] - whether the bundler keeps what is loaded later in files of their own
 * @returns {Promise<number>} bytes after esbuild's minifier and gzip, without what is loaded only if it is needed
 */
export async function sizeOf(contents, runtime, folder = here, splitting = true) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    minify: true,
    // As in an application: the one here would put sources in the place of what was built.
    tsconfigRaw: {},
    format: 'esm',
    ...(runtime === 'browser'
      ? { platform: 'browser' }
      : {
          platform: 'neutral',
          conditions: ['worker', 'browser'],
          mainFields: ['module', 'main'],
          external: ['node:*'],
        }),
    plugins: [laterLoaded],
    splitting,
    outdir: 'out',
    metafile: true,
    write: false,
    logLevel: 'silent',
  })
  const loaded = loadedAtStart(metafile.outputs)
  const files = outputFiles.filter(({ path }) => loaded.has(path)).map((file) => file.contents)
  return gzipSync(Buffer.concat(files), { level: 9 }).length
}

/** The paths of all files but those of what only writing needs. */
function loadedAtStart(outputs) {
  const isWriters = ({ entryPoint = '' }) => entryPoint.endsWith('dist/server/writers.js')
  const found = new Set()
  const visit = (path) => {
    if (found.has(resolve(path)) || outputs[path] === undefined || isWriters(outputs[path])) return
    found.add(resolve(path))
    for (const imported of outputs[path].imports) visit(imported.path)
  }
  visit(Object.keys(outputs).find((path) => outputs[path].entryPoint === '<stdin>'))
  return found
}

/** A Worker that never meets an ObjectId never loads bson, and one that never writes never loads fflate. @type {import('esbuild').Plugin} */
const laterLoaded = {
  name: 'later-loaded',
  setup({ onResolve }) {
    onResolve({ filter: /^(?:bson|fflate\/browser)$/ }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    )
  },
}
