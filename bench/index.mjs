/**
 * `npm run bench`: sessionglass and its peers in one run, as tables in Markdown, each printed as soon as it is done.
 * Arguments: the names of tables; all without one.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { measureBundles } from './client.mjs'
import { measureHttp } from './http.mjs'
import { measureImports } from './imports.mjs'

const program = fileURLToPath(new URL('part.mjs', import.meta.url))

/** By their names, in the order of the report. */
const TABLES = {
  'server-read': async () => times('Server: read', await runPart('server', 'read')),
  'server-write': async () => times('Server: write', await runPart('server', 'write')),
  decode: async () => times('Browser: decode', await runPart('client')),
  'beaker-read': async () => times("Beaker's own cookies: read", await runPart('beaker', 'read')),
  'beaker-write': async () => times("Beaker's own cookies: write", await runPart('beaker', 'write')),
  pickle: async () => times('A pickle alone: read', await runPart('beaker', 'pickle')),
  cookies: async () => sizes('Cookie', 'bytes of the value', await runPart('server', 'sizes')),
  bundles: async () => sizes('Bundle', 'bytes, minified and gzipped', await measureBundles()),
  imports: async () =>
    table(
      'Import in a new Node process, without what Node itself takes',
      ['ms of processor time', 'bytes of array buffers'],
      measureImports().map(({ name, milliseconds, arrayBuffers }) => [name, milliseconds.toFixed(1), arrayBuffers]),
    ),
  revocation: async () => times('Load: with revocations', await runPart('revocation')),
  headers: async () =>
    table(
      'A Cookie header of 8 KB that nobody signed',
      ['ms of processor time'],
      (await runPart('headers')).map(({ name, milliseconds }) => [name, milliseconds.toFixed(2)]),
    ),
  http: async () =>
    table(
      'HTTP on loopback',
      ['requests per second', '%'],
      Object.entries(await measureHttp()).map(([name, { rate, share }]) => [
        name,
        rate.toFixed(0),
        (100 * share).toFixed(0),
      ]),
    ),
}

const wanted = process.argv.slice(2)
const unknown = wanted.find((name) => !Object.hasOwn(TABLES, name))
if (unknown !== undefined) {
  console.error(`No table is called ${unknown}. The tables: ${Object.keys(TABLES).join(', ')}`)
  process.exit(2)
}
console.log(
  `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus()[0]?.model} × ${cpus().length}, \`npm run bench\`

The rows of a table are measured in turns, in several rounds. Times and ratios are the medians of the rounds.
`,
)
for (const [name, measure] of Object.entries(TABLES)) {
  if (wanted.length === 0 || wanted.includes(name)) console.log((await measure()).join('\n'))
}

async function runPart(...args) {
  const child = fork(program, args)
  const [answer] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`${args.join(' ')} ended with ${code}`))),
  ])
  await once(child, 'exit')
  return answer
}

/** Rows as times and as multiples of the one that all are compared with. */
function times(title, rows) {
  const lines = rows.map(({ name, microseconds, ratio }) => [name, microseconds.toFixed(2), ratio.toFixed(2)])
  return table(title, ['µs', '×'], lines)
}

function sizes(title, unit, entries) {
  return table(title, [unit], Object.entries(entries))
}

function table(title, columns, rows) {
  return [
    `### ${title}`,
    '',
    `| | ${columns.join(' | ')} |`,
    `| --- |${' ---: |'.repeat(columns.length)}`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
  ]
}
