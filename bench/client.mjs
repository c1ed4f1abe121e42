/** Decoding a cookie as a page does, and what that costs the page in bytes. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { jwtDecode } from 'jwt-decode'
import { jwt } from '../dist/server/index.js'
import { decodeSession } from '../dist/shared/index.js'
import { median, timeInRounds } from './measure.mjs'
import { beakerSession, now, secret } from './session.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))

/** @param {string} cookie - as `bsZ` */
export async function measureClient(cookie) {
  const { _id, ...data } = beakerSession
  const plain = jwt({ secrets: [secret], identify: false })
  const token = plain.sign({ data: { ...data, id: _id } }, { cookieName: 'session', purpose: 'session', now })
  return timeInRounds(
    [
      { name: 'decodeSession, bsZ', call: () => decodeSession(cookie) },
      { name: 'decodeSession, plain claims', call: () => decodeSession(token) },
      { name: 'jwt-decode, the same as JSON', call: () => jwtDecode(token) },
    ],
    2,
  )
}

const ENTRIES = {
  'sessionglass/client': "export { getSession } from '../dist/client/index.js'",
  'sessionglass/client, with inspectSession': "export * from '../dist/client/index.js'",
  ...Object.fromEntries(
    ['beaker', 'compact', 'django'].map((name) => [`sessionglass/client, with ${name}Reader`, withReader(name)]),
  ),
  'jwt-decode': "export { jwtDecode } from 'jwt-decode'",
  'bson + fflate': "export { deserialize } from 'bson'; export { unzlibSync } from 'fflate'",
  'iron-session (its server part; it has no reader for pages)': "export { getIronSession } from 'iron-session'",
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
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: here },
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      write: false,
      logLevel: 'silent',
    })
    sizes[name] = gzipSync(outputFiles[0].contents, { level: 9 }).length
  }
  return sizes
}

/** What importing the client costs a Node process: a page rendered on the server pays it once. */
export function measureImport() {
  // Another module comes first: getting ready to load modules at all is Node's own time.
  const program = `
    import './session.mjs'
    globalThis.gc()
    const before = process.memoryUsage().arrayBuffers
    const start = performance.now()
    await import('../dist/client/index.js')
    const milliseconds = performance.now() - start
    globalThis.gc()
    console.log(JSON.stringify({ milliseconds, arrayBuffers: process.memoryUsage().arrayBuffers - before }))`
  const runs = Array.from({ length: 15 }, () => {
    const output = execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', program], { cwd: here })
    return JSON.parse(output.toString())
  })
  return { milliseconds: median(runs.map((run) => run.milliseconds)), arrayBuffers: runs[0].arrayBuffers }
}
