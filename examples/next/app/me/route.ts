import { fetchSessions } from 'sessionglass/server'
import { sessions } from '../../lib/sessions'

export const GET = fetchSessions(sessions, (_request, { data }) => Response.json({ user: data.user ?? null }))
