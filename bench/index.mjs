/** `npm run bench`: sessionglass and its peers in one run, as a report in Markdown with times, ratios and sizes. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { measureBundles, measureImport } from './client.mjs'
import { measureHttp } from './http.mjs'

const program = fileURLToPath(new URL('part.mjs', import.meta.url))
const read = await runPart('server', 'read')
const write = await runPart('server', 'write')
const beaker = {}
for (const task of ['read', 'write', 'pickle']) beaker[task] = await runPart('beaker', task)
const client = await runPart('client', 'decode', read.cookie)
const imported = measureImport()
const http = await measureHttp()

const lines = [
  `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus()[0]?.model} × ${cpus().length}, \`npm run bench\``,
  '',
  `The session takes ${read.cookie.length} bytes as a \`bsZ\` cookie. Everything in a table is measured in turn, fifteen times; times and ratios\nare the medians.`,
  '',
  ...table('Server: read', read.rows),
  ...table('Server: write', write.rows),
  ...table('Browser: decode', client),
  ...table("Beaker's own cookies: read", beaker.read),
  ...table("Beaker's own cookies: write", beaker.write),
  ...table('A pickle alone: read', beaker.pickle),
  ...sizes('Cookie', 'bytes of the value', read.sizes),
  ...sizes('Bundle', 'bytes, minified and gzipped', await measureBundles()),
  '### HTTP on loopback',
  '',
  '| | requests per second | % |',
  '| --- | ---: | ---: |',
  ...Object.entries(http).map(
    ([name, { rate, share }]) => `| ${name} | ${rate.toFixed(0)} | ${(100 * share).toFixed(0)} |`,
  ),
  '',
  '### Import of sessionglass/client in Node',
  '',
  `${imported.milliseconds.toFixed(1)} ms, ${imported.arrayBuffers} bytes of array buffers.`,
]
console.log(lines.join('\n'))

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
function table(title, rows) {
  return [
    `### ${title}`,
    '',
    '| | µs | × |',
    '| --- | ---: | ---: |',
    ...rows.map(({ name, microseconds, ratio }) => `| ${name} | ${microseconds.toFixed(2)} | ${ratio.toFixed(2)} |`),
    '',
  ]
}

function sizes(title, unit, entries) {
  return [
    `### ${title}`,
    '',
    `| | ${unit} |`,
    '| --- | ---: |',
    ...Object.entries(entries).map(([name, size]) => `| ${name} | ${size} |`),
    '',
  ]
}
