import { defineSession } from 'sessionglass'

export interface AppSession {
  passport?: { user?: string } // what Passport keeps of the user
}

export interface PublicSession {
  user?: string
}

export const session = defineSession<AppSession, PublicSession>({ name: 'app.session', idleTimeout: '15m' })
