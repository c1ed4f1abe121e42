/** Beaker's own cookies, read and written on the server, and the pickle in them by itself. */
import { createHmac } from 'node:crypto'
import jpickle from 'jpickle'
import { Parser } from 'pickleparser'
import { beaker } from '../dist/server/index.js'
import { writePickle } from '../dist/server/pickle/writer.js'
import { readPickle } from '../dist/shared/pickle/reader.js'
import { time } from './measure.mjs'
import { beakerSession, data, meta, now, secret } from './session.mjs'

const context = { cookieName: 'beaker.session.id', purpose: 'session', now }
const encrypted = { encryptKey: secret, cryptoType: 'cryptography' }

/**
 * @param {Record<string, number> | undefined} python - microseconds of Python's own, from `measurePythonBeaker`
 * @returns {Promise<{ read: object[], write: object[], pickle: object[] }>}
 */
export async function measureBeaker(python) {
  const codecs = {
    'sessionglass, pickle': beaker({ validateKey: secret }),
    'sessionglass, json': beaker({ validateKey: secret, serializer: 'json' }),
    'sessionglass, pickle in AES-GCM': beaker({ validateKey: secret, ...encrypted }),
  }
  const read = []
  const write = []
  for (const [name, codec] of Object.entries(codecs)) {
    const cookie = codec.sign({ data, ...meta }, context)
    const held = codec.verify(cookie, context)
    read.push(await time(name, () => codec.verify(cookie, context)))
    write.push(await time(name, () => codec.sign({ ...held, accessedAt: now }, context)))
  }
  for (const form of ['pickle', 'json', 'pickle in AES-GCM']) {
    if (!python) continue
    read.push({ name: `Beaker (Python), ${form}`, microseconds: python[`read ${form}`] })
    write.push({ name: `Beaker (Python), ${form}`, microseconds: python[`write ${form}`] })
  }
  return { read, write, pickle: await measurePickle(python) }
}

/** Only the pickle, as the parsers on npm read it; none of them writes protocol 2. */
async function measurePickle(python) {
  const bytes = writePickle(beakerSession)
  const buffer = Buffer.from(bytes)
  const body = buffer.toString('base64')
  return [
    await time('sessionglass', () => readPickle(bytes)),
    await time('pickleparser', () => new Parser().parse(bytes)),
    await time('jpickle', () => jpickle.loads(buffer.toString('binary'))),
    ...(python ? [{ name: 'pickle.loads (Python, C)', microseconds: python.loads }] : []),
    await time('the signature alone, by node:crypto', () => createHmac('sha1', secret).update(body).digest('hex')),
  ]
}
