/** What the server and the page agree on. There is no secret in it. */
import { defineSession } from 'sessionglass'

export interface AppSession {
  user?: string
  visits?: number
}

export const appSession = defineSession<AppSession>()({ name: 'app.session', idleTimeout: '30m', expose: ['user'] })
