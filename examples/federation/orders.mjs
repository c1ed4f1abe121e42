/** A Node service that trusts the claims of Django's sessions: `node orders.mjs JWKS_URL [PORT]`. */
import { createServer } from 'node:http'
import { isSessionError } from 'sessionglass'
import { verifyingSessions } from './verifying.mjs'

const [jwksUrl = '', port = '0'] = process.argv.slice(2)
const sessions = verifyingSessions(jwksUrl)

const server = createServer(async (request, response) => {
  response.setHeader('content-type', 'application/json')
  try {
    const { data, rejected } = await sessions.load(request)
    if (!data.username) {
      response.writeHead(401).end(JSON.stringify({ error: rejected?.code ?? 'no session' }))
      return
    }
    response.end(JSON.stringify({ service: 'orders', username: data.username, userId: data.user_id }))
  } catch (error) {
    // Django can't be reached, and its keys were never seen: nobody is signed out for that.
    response.writeHead(503).end(JSON.stringify({ error: isSessionError(error) ? error.code : 'unknown' }))
  }
})
server.listen(Number(port), '127.0.0.1', () => console.log(`listening ${server.address().port}`))
