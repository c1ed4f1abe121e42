/** An application of Express with Passport, passport-local and connect-flash as they come from npm: users whose password is their name. */
import flash from 'connect-flash'
import express, { type Express as App, type Request } from 'express'
import passport from 'passport'
import { Strategy } from 'passport-local'
import {
  type ExpressSession,
  expressSessions,
  sessionOf as wholeSessionOf,
} from '../../../src/server/adapters/express.js'
import type { Sessions } from '../../../src/server/core/sessions.js'

export interface PassportData {
  passport?: { user?: string }
  flash?: Record<string, string[]>
  cart?: string[]
}

/** `dave` and `eve` may sign in. */
export function passportApp(sessions: Sessions<PassportData>, options: { keepSessionInfo?: boolean } = {}): App {
  const authenticator = new passport.Authenticator()
  authenticator.use(
    new Strategy((name, password, done) => {
      if (['dave', 'eve'].includes(name) && password === name) done(null, { id: name } as Express.User)
      else done(null, false, { message: 'Wrong name or password' })
    }),
  )
  authenticator.serializeUser((user, done) => done(null, nameOf(user)))
  authenticator.deserializeUser((id: string, done) => done(null, { id } as Express.User))

  const app = express()
  app.use(expressSessions(sessions), flash(), authenticator.initialize(), authenticator.session())
  app.use(express.urlencoded())
  app.get('/', (req, res) => void res.json({ user: req.user, session: sessionOf(req), errors: req.flash('error') }))
  app.get('/cart', (req, res) => {
    sessionOf(req).cart = ['a book']
    res.end()
  })
  const signIn = authenticator.authenticate('local', {
    successRedirect: '/page',
    failureRedirect: '/page',
    failureFlash: true,
    ...options,
  })
  app.get('/login', signIn)
  app.post('/login', signIn)
  // A password was compared.
  app.get('/sign-in', authenticator.authenticate('local', { failureRedirect: '/page' }), (req, res) => {
    wholeSessionOf(req).authenticated()
    res.redirect('/page')
  })
  app.get('/prove', (req, res) => {
    wholeSessionOf(req).authenticated()
    res.end()
  })
  app.all('/logout', (req, res, next) => req.logout(options, (error) => (error ? next(error) : res.redirect('/page'))))
  app.get('/errors', (req, res) => void res.json(req.flash('error')))
  app.get('/page', (req, res) => void res.send(pageOf(req)))
  return app
}

function nameOf(user: Express.User): string {
  return (user as { id: string }).id
}

function sessionOf(req: object): ExpressSession<PassportData> {
  return (req as { session: ExpressSession<PassportData> }).session
}

function pageOf(req: Request): string {
  const signIn = `<form method="post" action="/login">
    <input name="username" aria-label="Name"><input name="password" type="password" aria-label="Password"><button>Sign in</button>
  </form>`
  const signOut = '<form method="post" action="/logout"><button>Sign out</button></form>'
  return `<!doctype html><title>Passport</title>
    <p id="user">${req.user ? nameOf(req.user) : 'nobody'}</p>
    <p id="errors">${req.flash('error').join()}</p>
    ${req.user ? signOut : signIn}`
}
