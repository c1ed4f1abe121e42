/** The sessions of the whole application. */
import { cookies, headers } from 'next/headers'
import { createSessions, defineSession, nextSessions } from 'sessionglass/server'

export interface AppSession {
  user?: string
  visits?: number
}

export const sessions = createSessions({
  session: defineSession<AppSession>()({ name: 'app.session', idleTimeout: '30m', expose: ['user'] }),
  secrets: () => process.env.SESSION_KEY ?? '', // a function: the build needs no key
})

export const { read, change } = nextSessions(sessions, cookies, headers)
