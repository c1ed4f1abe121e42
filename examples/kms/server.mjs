/** Sessions signed by a key that stays in a KMS: `node server.mjs [PORT]`. */
import { createServer } from 'node:http'
import { defineSession } from 'sessionglass'
import { createSessions, fetchSessions, jwt } from 'sessionglass/server'
import { startKms } from './kms.mjs'

const kms = startKms()

/** Asked with the first use. Only the public key comes here, so that reading a session costs the KMS nothing. */
async function keyInKms() {
  const publicKey = await kms.getPublicKey()
  return { alg: 'ES256', publicKey, sign: (bytes) => kms.sign(bytes), timeout: 0.5 }
}

const sessions = createSessions({
  session: defineSession({ name: 'sid', idleTimeout: '30m', expose: ['user'] }),
  codecs: [jwt({ keys: keyInKms, expires: '8h', reloadEvery: '5m' })],
  secure: false,
})
await sessions.ready()

const handle = fetchSessions(sessions, async (request, session) => {
  const { pathname, searchParams } = new URL(request.url)
  if (pathname === '/sign-in') {
    session.regenerate()
    session.data.user = searchParams.get('user')
  }
  if (pathname === '/visit') session.data.visits = (session.data.visits ?? 0) + 1
  // The switches of the stand-in, as in /kms?isDown=true
  if (pathname === '/kms') for (const [name, value] of searchParams) kms.state[name] = value === 'true'
  return Response.json({ ...session.data, signatures: kms.state.signatures })
})

const server = createServer(async (incoming, outgoing) => {
  const response = await handle(
    new Request(`http://${incoming.headers.host}${incoming.url}`, { headers: incoming.headers }),
  )
  outgoing.writeHead(response.status, [...response.headers].flat()).end(await response.text())
})
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => console.log(`listening ${server.address().port}`))
