import { defineSession } from 'sessionglass'

export const session = defineSession<{ user?: string }>({ name: 'app.session', idleTimeout: '15m' })
