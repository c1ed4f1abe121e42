// Compiled, never run: what an application's compiler must know, and what it must refuse.
import { defineSession, type SessionDefinition } from 'sessionglass'
import { getSession } from 'sessionglass/client'
import { type beakerJwt, createSessions, type ReadOnlySessions, type Session, type Sessions } from 'sessionglass/server'
import { fetchSessions } from 'sessionglass/server/adapters/fetch'
import { beakerJwt as sameBeakerJwt } from 'sessionglass/server/codecs/beaker-jwt'
import type { SessionCodec, SessionRecord } from 'sessionglass/server/codecs/codec'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

interface AppSession {
  user: string
  roles?: string[]
}

const appSession = defineSession<AppSession>({ name: 'app', idleTimeout: '30m', absoluteTimeout: '7d' })
const definition: Equal<typeof appSession, SessionDefinition<AppSession>> = true

const sessions = createSessions({ session: appSession, secrets: ['key'], expose: ['user'] })
const writing: Equal<typeof sessions, Sessions<AppSession>> = true
const loading: Equal<ReturnType<typeof sessions.load>, Promise<Session<AppSession>>> = true
const data: Equal<Session<AppSession>['data'], AppSession> = true
const committing: Equal<ReturnType<typeof sessions.commit>, Promise<string[]>> = true

const verifying = createSessions({ session: appSession, codecs: [], expose: false, readOnly: true })
const reading: Equal<typeof verifying, ReadOnlySessions<AppSession>> = true
// @ts-expect-error a service that only verifies has no commit
verifying.commit
// @ts-expect-error what scripts may see has no default
createSessions({ secrets: ['key'] })
// @ts-expect-error no such key in the session
createSessions({ session: appSession, secrets: ['key'], expose: ['password'] })
// @ts-expect-error no such unit
defineSession({ idleTimeout: '30 minutes' })

const inBrowser = getSession(appSession)
const user: Equal<NonNullable<typeof inBrowser>['user'], string> = true
// @ts-expect-error there may be no session
inBrowser.user

const codec: Equal<ReturnType<typeof beakerJwt>, SessionCodec> = true
const own: SessionCodec = {
  name: 'own',
  family: 'own',
  readable: false,
  matches: (value) => value.startsWith('own.'),
  verify: async (value, { now }): Promise<SessionRecord> => ({ data: { value }, accessedAt: now }),
}
const handler = fetchSessions(sessions, (request, session) => Response.json([request.url, session.data.user]))
const handling: Equal<typeof handler, (request: Request) => Promise<Response>> = true

export { codec, committing, data, definition, handling, loading, own, reading, sameBeakerJwt, user, writing }
