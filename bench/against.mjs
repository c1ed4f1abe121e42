/**
 * `npm run bench -- --against REV`: this build and that of another revision in turns, in one run. Each row is a ratio, this
 * build to the other: the median of the rounds, and the quartiles. Times are processor time, so that other work on the
 * machine changes little. Argument: the folder of the other build.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { sizeOf } from './client.mjs'
import { requestsPerSecond, startServer } from './http.mjs'
import { startWith } from './imports.mjs'

const ROUNDS = 15
const REQUESTS = 4000
const program = fileURLToPath(new URL('against-part.mjs', import.meta.url))
const here = fileURLToPath(new URL('..', import.meta.url))
const folders = [here, `${process.argv[2]}/`]

console.log(
  `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus()[0]?.model} × ${cpus().length}: this build against ${process.argv[2].split('/').at(-1)}

| | other | this | ratio | quartiles |
| --- | ---: | ---: | ---: | ---: |`,
)

const parts = await Promise.all(folders.map((folder) => startPart(folder)))
for (const { name, unit } of parts[0].tasks) {
  await compare(`${name}, ${unit}`, (at) => parts[at].measure(name))
}
for (const { child } of parts) child.kill()

await compare('cold import of sessionglass/server, ms of processor time', (at) => importTime(folders[at]))

const servers = await Promise.all(folders.map((folder) => startServer('read', folder)))
await compare('HTTP: a request, session read and unchanged, µs of the server', async (at) => {
  const { child, port, cookie } = servers[at]
  const before = await workOf(child)
  await requestsPerSecond(port, cookie, REQUESTS)
  return (1000 * ((await workOf(child)) - before)) / REQUESTS
})
for (const { child } of servers) child.kill()

for (const [name, contents, runtime] of [
  ['bytes of a Worker that only verifies with beakerJwt', verifier, 'worker'],
  ['bytes of a page with getSession and defineSession', page, 'browser'],
]) {
  const [now, before] = await Promise.all(folders.map((folder) => sizeOf(contents(folder), runtime, folder)))
  console.log(`| ${name} | ${before} | ${now} | ${(now / before).toFixed(2)} | |`)
}

/** Prints one row. The first of a pair changes from round to round; the first rounds are for the compilers. */
async function compare(name, measure) {
  const pairs = []
  for (let round = -2; round < ROUNDS; round++) {
    const pair = []
    for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) pair[at] = await measure(at)
    if (round >= 0) pairs.push(pair)
  }
  const [low, middle, high] = quartiles(pairs.map(([now, before]) => now / before))
  const [now, before] = [0, 1].map((at) => quartiles(pairs.map((pair) => pair[at]))[1])
  const spread = `${low.toFixed(2)}–${high.toFixed(2)}`
  console.log(`| ${name} | ${digits(before)} | ${digits(now)} | ${middle.toFixed(2)} | ${spread} |`)
}

function quartiles(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return [0.25, 0.5, 0.75].map((share) => sorted[Math.round(share * (sorted.length - 1))])
}

function digits(value) {
  return value < 1000 ? value.toFixed(2) : value.toFixed(0)
}

/** Milliseconds of processor time of a server until now. */
async function workOf(child) {
  const answer = once(child, 'message')
  child.send('work')
  return (await answer)[0]
}

function importTime(folder) {
  const empty = startWith().milliseconds
  return startWith(pathToFileURL(`${folder}dist/server/index.js`).href).milliseconds - empty
}

async function startPart(folder) {
  const child = fork(program, [folder])
  const answer = async () => (await once(child, 'message'))[0]
  const tasks = await answer()
  return {
    child,
    tasks,
    measure(name) {
      child.send(name)
      return answer()
    },
  }
}

function verifier(folder) {
  const types = `${folder}dist/server/index.d.ts`
  const hasVerifier = existsSync(types) && /\bverifySessions\b/.test(readFileSync(types, 'utf8'))
  return `export { ${hasVerifier ? 'verifySessions' : 'createSessions'}, beakerJwt } from './dist/server/index.js'`
}

function page() {
  return `export { getSession } from './dist/client/index.js'
    export { defineSession } from './dist/shared/index.js'`
}
