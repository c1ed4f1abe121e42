/** `npm run bench`: sessionglass and its peers in one run, as a report in Markdown with times, ratios and sizes. */
import { cpus } from 'node:os'
import { measureBeaker } from './beaker.mjs'
import { measureBundles, measureClient, measureImport } from './client.mjs'
import { measureHttp } from './http.mjs'
import { measurePython, measurePythonBeaker } from './python.mjs'
import { measureServer } from './server.mjs'

const server = await measureServer()
const python = measurePython()
if (python) {
  server.read.push({ name: 'beaker-session-jwt (Python)', microseconds: python.read })
  server.write.push({ name: 'beaker-session-jwt (Python)', microseconds: python.write })
}
const beaker = await measureBeaker(measurePythonBeaker())
const client = await measureClient(server.cookie)
const imported = measureImport()
const http = await measureHttp()

const lines = [
  `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus()[0]?.model} × ${cpus().length}, \`npm run bench\``,
  '',
  `The session: ${server.cookie.length} octets as a \`bsZ\` cookie. Times are medians of one call in this one run.`,
  '',
  ...table('Server: read', server.read),
  ...table('Server: write', server.write),
  ...table('Browser: decode', client, client.at(-1)),
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
    ([name, rate]) => `| ${name} | ${rate.toFixed(0)} | ${((100 * rate) / http.bare).toFixed(0)} |`,
  ),
  '',
  '### Import of sessionglass/client in Node',
  '',
  `${imported.milliseconds.toFixed(1)} ms, ${imported.arrayBuffers} bytes of array buffers.`,
]
console.log(lines.join('\n'))

/** Rows as times and as multiples of the first, or of the one all are compared with. */
function table(title, rows, base = rows[0]) {
  return [
    `### ${title}`,
    '',
    '| | µs | × |',
    '| --- | ---: | ---: |',
    ...rows.map(({ name, microseconds }) => {
      const ratio = microseconds / base.microseconds
      return `| ${name} | ${microseconds.toFixed(2)} | ${ratio.toFixed(2)} |`
    }),
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
