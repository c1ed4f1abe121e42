/** One of the two builds that against.mjs compares, in a process of its own. Argument: its folder. */
import { pathToFileURL } from 'node:url'
import { processorTime, timeOf } from './measure.mjs'
import { data, meta, now, secret } from './session.mjs'

const dist = (file) => import(pathToFileURL(`${process.argv[2]}dist/${file}`).href)
const { beakerJwt, jwt } = await dist('server/index.js')
const { decodeSession } = await dist('shared/index.js')

const context = { cookieName: 'beaker.session.id', purpose: 'session', now }
const record = { data, ...meta }
const seen = beakerJwt({ secrets: [secret] })
const unseen = beakerJwt({ secrets: [secret], remember: 0 })
const plain = jwt({ secrets: [secret], remember: 0 })
const cookie = await seen.sign(record, context)
const claims = await plain.sign(record, context)
const read = await seen.verify(cookie, context)
const readClaims = await plain.verify(claims, context)

const calls = {
  'page: decode a bsZ cookie': () => decodeSession(cookie),
  'server: read a cookie seen before': () => seen.verify(cookie, context),
  'server: read a new cookie, bsZ': () => unseen.verify(cookie, context),
  'server: read a new cookie, plain claims': () => plain.verify(claims, context),
  'server: write, bsZ': () => seen.sign({ ...read, accessedAt: now }, context),
  'server: write, plain claims': () => plain.sign(readClaims, context),
}

process.on('message', async (name) => process.send(await timeOf(calls[name], processorTime)))
process.once('disconnect', () => process.exit())
process.send(Object.keys(calls).map((name) => ({ name, unit: 'µs' })))
