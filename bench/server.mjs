/** Reading (verify, inflate, parse) and writing (serialize, deflate, sign) one session cookie on the server. */

import { deflateSync, inflateSync } from 'node:zlib'
import { deserialize, serialize } from 'bson'
import cookieSession from 'cookie-session'
import { createSigner, createVerifier } from 'fast-jwt'
import { sealData, unsealData } from 'iron-session'
import { jwtVerify, SignJWT } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import { beakerJwt, compact, jwt } from '../dist/server/index.js'
import { time } from './measure.mjs'
import { beakerSession, data, meta, now, secret } from './session.mjs'

const context = { cookieName: 'beaker.session.id', purpose: 'session', now }
const key = new TextEncoder().encode(secret)

/** @returns {Promise<{ read: object[], write: object[], sizes: Record<string, number>, cookie: string }>} */
export async function measureServer() {
  const ours = beakerJwt({ secrets: [secret] })
  const plain = jwt({ secrets: [secret] })
  const small = compact({ secrets: [secret] })
  // Without the cache of verified cookies: what the first request with a cookie costs.
  const oursFirst = beakerJwt({ secrets: [secret], remember: 0 })
  const plainFirst = jwt({ secrets: [secret], remember: 0 })
  const record = { data, ...meta }
  const cookie = ours.sign(record, context)
  const held = ours.verify(cookie, context)
  const claims = plain.sign(record, context)
  const heldClaims = plain.verify(claims, context)
  const smallValue = small.sign(record, context)
  const heldSmall = small.verify(smallValue, context)

  const packed = () => ({ bsZ: deflateSync(serialize(beakerSession), { level: 9 }).toString('base64') })
  const unpacked = ({ bsZ }) => deserialize(inflateSync(Buffer.from(bsZ, 'base64')))
  const signWithJose = () => new SignJWT(packed()).setProtectedHeader({ alg: 'HS256' }).sign(key)
  const joseToken = await signWithJose()
  const jsonwebtokenToken = jsonwebtoken.sign(beakerSession, secret, { noTimestamp: true })
  const fastSign = createSigner({ key: secret, algorithm: 'HS256', noTimestamp: true })
  const fastVerify = createVerifier({ key: secret, algorithms: ['HS256'], cache: false })
  const fastToken = fastSign(beakerSession)
  const iron = { password: secret, ttl: 0 }
  const sealed = await sealData(beakerSession, iron)
  const cookies = cookieSessionTrips()

  return {
    cookie,
    read: [
      await time('sessionglass', () => ours.verify(cookie, context)),
      await time('sessionglass, a cookie not seen before', () => oursFirst.verify(cookie, context)),
      await time('sessionglass, plain claims', () => plain.verify(claims, context)),
      await time('sessionglass, plain claims not seen before', () => plainFirst.verify(claims, context)),
      await time('sessionglass, compact', () => small.verify(smallValue, context)),
      await time('jose + bson', async () => unpacked((await jwtVerify(joseToken, key)).payload)),
      await time('iron-session', () => unsealData(sealed, iron)),
      await time('jsonwebtoken', () => jsonwebtoken.verify(jsonwebtokenToken, secret, { algorithms: ['HS256'] })),
      await time('fast-jwt', () => fastVerify(fastToken)),
      await time('cookie-session', () => cookies.read()),
    ],
    write: [
      await time('sessionglass', () => ours.sign({ ...held, accessedAt: now }, context)),
      await time('sessionglass, plain claims', () => plain.sign(heldClaims, context)),
      await time('sessionglass, compact', () => small.sign({ ...heldSmall, accessedAt: now }, context)),
      await time('jose + bson', signWithJose),
      await time('iron-session', () => sealData(beakerSession, iron)),
      await time('jsonwebtoken', () => jsonwebtoken.sign(beakerSession, secret, { noTimestamp: true })),
      await time('fast-jwt', () => fastSign(beakerSession)),
      await time('cookie-session', () => cookies.write()),
    ],
    sizes: {
      'sessionglass (bsZ)': cookie.length,
      'sessionglass, plain claims': claims.length,
      'sessionglass, compact': smallValue.length,
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
