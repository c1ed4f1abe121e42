/** A Node service with Express that does the same: `node invoices.mjs JWKS_URL [PORT]`. */
import express from 'express'
import { isSessionError } from 'sessionglass'
import { verifyingSessions } from './verifying.mjs'

const [jwksUrl = '', port = '0'] = process.argv.slice(2)
const sessions = verifyingSessions(jwksUrl)

const app = express()
app.use(async (request, response, next) => {
  const { data } = await sessions.load(request)
  if (!data.username) {
    response.status(401).json({ error: 'sign in at the site' })
    return
  }
  response.locals.user = { username: data.username, email: data.email }
  next()
})
app.get('/', (_request, response) => response.json({ service: 'invoices', ...response.locals.user }))
// Django can't be reached, and its keys were never seen: nobody is signed out for that.
app.use((error, _request, response, _next) => {
  response.status(503).json({ error: isSessionError(error) ? error.code : 'unknown' })
})

const server = app.listen(Number(port), '127.0.0.1', () => console.log(`listening ${server.address().port}`))
