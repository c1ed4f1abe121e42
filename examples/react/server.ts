import express from 'express'
import passport from 'passport'
import { Strategy } from 'passport-local'
import { createSessions, type ExpressRequestSession, expressSessions, touchHandler } from 'sessionglass/server'
import { type AppSession, session } from './src/session.js'

declare global {
  namespace Express {
    interface User {
      name: string
    }
    interface Request extends ExpressRequestSession<AppSession> {}
  }
}

const sessions = createSessions({
  session,
  secrets: process.env.SESSION_KEY ?? '',
  expose: ({ passport: known }) => ({ user: known?.user }),
})

// Here everyone's password is "secret". Yours are in a table, hashed.
passport.use(new Strategy((name, password, done) => done(null, password === 'secret' && { name })))
passport.serializeUser((user, done) => done(null, user.name))
passport.deserializeUser((name: string, done) => done(null, { name }))

const api = express.Router()
api.use(expressSessions(sessions), passport.session(), express.json())
api.post('/sign-in', passport.authenticate('local'), (_req, res) => void res.sendStatus(204))
api.post('/sign-out', (req, res, next) => req.logout((error) => (error ? next(error) : res.sendStatus(204))))
api.use((req, res, next) => {
  if (req.isAuthenticated()) return next()
  req.session = null // the page shows what its cookie says, so a 401 takes the cookie away
  res.sendStatus(401)
})
api.post('/session', touchHandler(sessions))
api.get('/orders', (req, res) => void res.json([`a book for ${req.user?.name}`]))

const app = express()
app.use(express.static('dist')) // what `vite build` wrote
app.use('/api', api)

const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  const address = server.address()
  if (typeof address === 'object') console.log(`http://localhost:${address?.port}`)
})
