/** Starts the site and both Node services on the loopback address: `node examples/federation/start.mjs`. */
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ensurePython } from '../../scripts/python-env.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const python = ensurePython({ older: false })
if ('missing' in python) throw new Error(python.missing)

const folder = mkdtempSync(join(tmpdir(), 'sessionglass-federation-'))
const keys = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
})
const files = [join(folder, 'private.pem'), join(folder, 'public.pem')]
writeFileSync(files[0], keys.privateKey, { mode: 0o600 })
writeFileSync(files[1], keys.publicKey)

const children = []
const site = await start(python.python, [
  '-W',
  'ignore',
  join(here, 'django/site.py'),
  JSON.stringify({
    database: { ENGINE: 'django.db.backends.sqlite3', NAME: join(folder, 'site.sqlite3') },
    jwt: { KEY: files },
    users: [{ username: 'dave', password: 'sessionglass', email: 'dave@example.org' }],
    page: readFileSync(join(here, 'page.html'), 'utf8'),
    static: { '/dist': fileURLToPath(new URL('../../dist', import.meta.url)) },
  }),
])
console.log(`site      ${site}  (dave / sessionglass)`)
for (const name of ['orders', 'invoices']) {
  const address = await start(process.execPath, [join(here, `${name}.mjs`), `${site}/.well-known/jwks.json`])
  console.log(`${name.padEnd(9)} ${address}`)
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop)

/** @returns {Promise<string>} the address it listens on */
async function start(program, args) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  child.once('exit', stop)
  for await (const line of createInterface({ input: child.stdout })) {
    const [, port] = /^listening (\d+)$/.exec(line) ?? []
    if (port) return `http://127.0.0.1:${port}`
  }
  throw new Error(`${program} ended before it listened`)
}

function stop() {
  for (const child of children) child.kill()
  rmSync(folder, { recursive: true, force: true })
  process.exit()
}
