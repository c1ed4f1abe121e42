/** Reading (verify, inflate, parse) and writing (serialize, deflate, sign) one session cookie on the server. */

import { createSecretKey } from 'node:crypto'
import { deflateSync, inflateSync } from 'node:zlib'
import { deserialize, serialize } from 'bson'
import cookieSession from 'cookie-session'
import { createSigner, createVerifier } from 'fast-jwt'
import { sealData, unsealData } from 'iron-session'
import { jwtVerify, SignJWT } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import { beakerJwt, compact, jwe, jwt } from '../dist/server/index.js'
import { timeInRounds } from './measure.mjs'
import { beakerSession, data, meta, now, secret } from './session.mjs'

const context = { cookieName: 'beaker.session.id', purpose: 'session', now }
const key = new TextEncoder().encode(secret)

/**
 * @param {'read' | 'write'} task
 * @param {object[]} python - the real beaker-session-jwt, if Python is there
 * @returns {Promise<object[]>}
 */
export async function measureServer(task, python) {
  const { things } = await prepare()
  return timeInRounds([...things[task], ...python])
}

/** @returns {Promise<Record<string, number>>} the size of the same session with each library */
export async function measureCookies() {
  return (await prepare()).sizes
}

async function prepare() {
  const ours = beakerJwt({ secrets: [secret] })
  const plain = jwt({ secrets: [secret] })
  const small = compact({ secrets: [secret] })
  const sealing = jwe({ secrets: [secret] })
  // Without the cache of verified cookies: what the first request with a cookie costs.
  const oursFirst = beakerJwt({ secrets: [secret], remember: 0 })
  const plainFirst = jwt({ secrets: [secret], remember: 0 })
  const sealingFirst = jwe({ secrets: [secret], remember: 0 })
  const record = { data, ...meta }
  const cookie = await ours.sign(record, context)
  const held = await ours.verify(cookie, context)
  const claims = await plain.sign(record, context)
  const heldClaims = await plain.verify(claims, context)
  const smallValue = await small.sign(record, context)
  const heldSmall = await small.verify(smallValue, context)
  const sealedValue = await sealing.sign(record, context)
  const heldSealed = await sealing.verify(sealedValue, context)

  const packed = () => ({ bsZ: deflateSync(serialize(beakerSession), { level: 9 }).toString('base64') })
  const unpacked = ({ bsZ }) => deserialize(inflateSync(Buffer.from(bsZ, 'base64')))
  const signWithJose = () => new SignJWT(packed()).setProtectedHeader({ alg: 'HS256' }).sign(key)
  // A key that was imported once, which few applications do: jose's own examples pass bytes.
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
    'verify',
  ])
  const signWithImported = () => new SignJWT(packed()).setProtectedHeader({ alg: 'HS256' }).sign(imported)
  const joseToken = await signWithJose()
  const keyObject = createSecretKey(key)
  const jsonwebtokenToken = jsonwebtoken.sign(beakerSession, secret, { noTimestamp: true })
  const fastSign = createSigner({ key: secret, algorithm: 'HS256', noTimestamp: true })
  const fastVerify = createVerifier({ key: secret, algorithms: ['HS256'], cache: false })
  const fastRemember = createVerifier({ key: secret, algorithms: ['HS256'], cache: true })
  const fastToken = fastSign(beakerSession)
  const iron = { password: secret, ttl: 0 }
  const sealed = await sealData(beakerSession, iron)
  const cookies = cookieSessionTrips()

  const things = {
    read: [
      { name: 'sessionglass', call: () => ours.verify(cookie, context) },
      { name: 'sessionglass, a cookie not seen before', call: () => oursFirst.verify(cookie, context) },
      { name: 'sessionglass, plain claims', call: () => plain.verify(claims, context) },
      { name: 'sessionglass, plain claims not seen before', call: () => plainFirst.verify(claims, context) },
      { name: 'sessionglass, compact', call: () => small.verify(smallValue, context) },
      { name: 'sessionglass, jwe', call: () => sealing.verify(sealedValue, context) },
      { name: 'sessionglass, jwe not seen before', call: () => sealingFirst.verify(sealedValue, context) },
      { name: 'jose + bson', call: async () => unpacked((await jwtVerify(joseToken, key)).payload) },
      {
        name: 'jose + bson, an imported key',
        call: async () => unpacked((await jwtVerify(joseToken, imported)).payload),
      },
      { name: 'iron-session', call: () => unsealData(sealed, iron) },
      { name: 'jsonwebtoken', call: () => jsonwebtoken.verify(jsonwebtokenToken, secret, { algorithms: ['HS256'] }) },
      {
        name: 'jsonwebtoken, a KeyObject',
        call: () => jsonwebtoken.verify(jsonwebtokenToken, keyObject, { algorithms: ['HS256'] }),
      },
      { name: 'fast-jwt', call: () => fastVerify(fastToken) },
      { name: 'fast-jwt, a token seen before', call: () => fastRemember(fastToken) },
      { name: 'cookie-session', call: () => cookies.read() },
    ],
    write: [
      { name: 'sessionglass', call: () => ours.sign({ ...held, accessedAt: now }, context) },
      { name: 'sessionglass, plain claims', call: () => plain.sign(heldClaims, context) },
      { name: 'sessionglass, compact', call: () => small.sign({ ...heldSmall, accessedAt: now }, context) },
      { name: 'sessionglass, jwe', call: () => sealing.sign({ ...heldSealed, accessedAt: now }, context) },
      { name: 'jose + bson', call: signWithJose },
      { name: 'jose + bson, an imported key', call: signWithImported },
      { name: 'iron-session', call: () => sealData(beakerSession, iron) },
      { name: 'jsonwebtoken', call: () => jsonwebtoken.sign(beakerSession, secret, { noTimestamp: true }) },
      {
        name: 'jsonwebtoken, a KeyObject',
        call: () => jsonwebtoken.sign(beakerSession, keyObject, { noTimestamp: true }),
      },
      { name: 'fast-jwt', call: () => fastSign(beakerSession) },
      { name: 'cookie-session', call: () => cookies.write() },
    ],
  }
  return {
    things,
    sizes: {
      'sessionglass (bsZ)': cookie.length,
      'sessionglass, plain claims': claims.length,
      'sessionglass, compact': smallValue.length,
      'sessionglass, jwe': sealedValue.length,
      'jose + bson': joseToken.length,
      'iron-session': sealed.length,
      jsonwebtoken: jsonwebtokenToken.length,
      'fast-jwt': fastToken.length,
      'cookie-session': cookies.size,
    },
  }
}

/** cookie-session is a middleware: its trips are a request and a response by their shape. */
function cookieSessionTrips() {
  const middleware = cookieSession({ keys: [secret], secure: false })
  const exchange = (header, use) => {
    const headers = {}
    const response = {
      getHeader: (name) => headers[name.toLowerCase()],
      setHeader: (name, value) => {
        headers[name.toLowerCase()] = value
      },
      writeHead: () => {},
    }
    const request = { headers: { cookie: header }, connection: {} }
    middleware(request, response, () => {})
    use(request)
    response.writeHead(200)
    return headers['set-cookie'] ?? []
  }
  const write = () => exchange(undefined, (request) => Object.assign(request.session, beakerSession))
  const header = write()
    .map((cookie) => cookie.split(';')[0])
    .join('; ')
  return { read: () => exchange(header, (request) => request.session.user), write, size: header.length }
}
