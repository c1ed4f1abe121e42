/** Beaker's own cookies, read and written on the server, and the pickle in them by itself. */
import { createHmac } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import jpickle from 'jpickle'
import { Parser } from 'pickleparser'
import { beaker } from '../dist/server/index.js'
import { timeInRounds } from './measure.mjs'
import { beakerSession, data, meta, now, secret } from './session.mjs'

const context = { cookieName: 'beaker.session.id', purpose: 'session', now }
const encrypted = { encryptKey: secret, cryptoType: 'cryptography' }

/**
 * @param {'read' | 'write' | 'pickle'} task
 * @param {(task: string, name: string) => object[]} python - Beaker itself, where there is Python
 * @returns {Promise<object[]>}
 */
export async function measureBeaker(task, python) {
  if (task === 'pickle') return measurePickle(python)
  const codecs = {
    pickle: beaker({ validateKey: secret }),
    json: beaker({ validateKey: secret, serializer: 'json' }),
    'pickle in AES-GCM': beaker({ validateKey: secret, ...encrypted }),
  }
  const ours = []
  for (const [form, codec] of Object.entries(codecs)) {
    const cookie = await codec.sign({ data, ...meta }, context)
    const record = await codec.verify(cookie, context)
    const calls = {
      read: () => codec.verify(cookie, context),
      write: () => codec.sign({ ...record, accessedAt: now }, context),
    }
    ours.push({ name: `sessionglass, ${form}`, call: calls[task] })
  }
  const theirs = Object.keys(codecs).flatMap((form) => python(`${task} ${form}`, `Beaker (Python), ${form}`))
  return timeInRounds([...ours, ...theirs])
}

/** Only the pickle, as the parsers on npm read it; none of them writes protocol 2. */
async function measurePickle(python) {
  const { readPickle, writePickle } = await pickleFunctions()
  const bytes = writePickle(beakerSession)
  const buffer = Buffer.from(bytes)
  const body = buffer.toString('base64')
  return timeInRounds([
    { name: 'sessionglass', call: () => readPickle(bytes) },
    { name: 'pickleparser', call: () => new Parser().parse(bytes) },
    { name: 'jpickle', call: () => jpickle.loads(buffer.toString('binary')) },
    ...python('loads', 'pickle.loads (Python, C)'),
    {
      name: 'the signature alone, by node:crypto',
      call: () => createHmac('sha1', secret).update(body).digest('hex'),
    },
  ])
}

/** No entry of the package exports these. */
async function pickleFunctions() {
  const outfile = fileURLToPath(new URL('../.cache/bench/pickle.mjs', import.meta.url))
  await build({
    stdin: {
      contents: `export { readPickle } from './src/shared/pickle/reader.ts'
        export { writePickle } from './src/server/pickle/writer.ts'`,
      resolveDir: fileURLToPath(new URL('..', import.meta.url)),
    },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
  })
  return import(outfile)
}
