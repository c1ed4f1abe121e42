/** The sessions of the whole application. */
import { cookies, headers } from 'next/headers'
import { createSessions, nextSessions } from 'sessionglass/server'
import { appSession } from './app-session'

export const sessions = createSessions({
  session: appSession,
  secrets: () => process.env.SESSION_KEY ?? '', // a function: the build needs no key
})

export const { read, change } = nextSessions(sessions, cookies, headers)
