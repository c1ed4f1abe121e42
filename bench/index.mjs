/** `npm run bench`: sessionglass and its peers in one run, as a report in Markdown with times, ratios and sizes. */
import { cpus } from 'node:os'
import { measureBeaker } from './beaker.mjs'
import { measureBundles, measureClient, measureImport } from './client.mjs'
import { measureHttp } from './http.mjs'
import { startPython } from './python.mjs'
import { measureServer } from './server.mjs'

const jwtPeer = startPython('python.py')
const server = await measureServer((task) => rowOf(jwtPeer, task, 'beaker-session-jwt (Python)'))
jwtPeer?.close()
const beakerPeer = startPython('python_beaker.py')
const beaker = await measureBeaker((task, name) => rowOf(beakerPeer, task, name))
beakerPeer?.close()
const client = await measureClient(server.cookie)
const imported = measureImport()
const http = await measureHttp()

const lines = [
  `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus()[0]?.model} × ${cpus().length}, \`npm run bench\``,
  '',
  `The session: ${server.cookie.length} octets as a \`bsZ\` cookie. All things of a table are measured in turn, fifteen times; times and ratios are medians of these.`,
  '',
  ...table('Server: read', server.read),
  ...table('Server: write', server.write),
  ...table('Browser: decode', client),
  ...table("Beaker's own cookies: read", beaker.read),
  ...table("Beaker's own cookies: write", beaker.write),
  ...table('A pickle alone: read', beaker.pickle),
  ...sizes('Cookie', 'octets of the value', server.sizes),
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

/** What Python takes for a task, where there is Python. */
function rowOf(peer, task, name) {
  return peer ? [{ name, sample: () => peer.sample(task) }] : []
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
