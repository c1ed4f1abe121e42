// Compiled, never run: what an application's compiler must know, and what it must refuse.
import { defineSession, type ExposingDefinition, type SessionDefinition } from 'sessionglass'
import { getSession } from 'sessionglass/client'
import {
  type beakerJwt,
  createSessions,
  type ExpressRequestSession,
  type FastifyRequestSession,
  type ReadOnlySessions,
  type Session,
  type Sessions,
  verifySessions,
} from 'sessionglass/server'
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
const data: Equal<Session<AppSession>['data'], Partial<AppSession>> = true
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
const user: Equal<typeof inBrowser, Readonly<Partial<AppSession>> | null> = true
// @ts-expect-error there may be no session
inBrowser.user
// @ts-expect-error a field may be absent
inBrowser?.user.length
getSession<AppSession>('app')?.user?.length
const fresh = await sessions.load('')
// @ts-expect-error a new session has no user
fresh.data.user.length

// What the page may see.
type Public = Pick<AppSession, 'user'>
const both = defineSession<AppSession, Public>({ expose: ['user'] })
const bothTypes: Equal<typeof both, ExposingDefinition<AppSession, Public>> = true
const shown: Equal<ReturnType<typeof getSession<Public>>, Readonly<Partial<Public>> | null> = true
const inPage = getSession(both)
const publicOnly: Equal<typeof inPage, Readonly<Partial<Public>> | null> = true
// @ts-expect-error it is not exposed
inPage?.roles
const inferred = defineSession<AppSession>()({ name: 'app', expose: ['user'] })
const inferredTypes: Equal<typeof inferred, ExposingDefinition<AppSession, Public>> = true
// @ts-expect-error no such key
defineSession<AppSession>()({ expose: ['password'] })
// @ts-expect-error one type and a list: TypeScript infers no second type
defineSession<AppSession>({ expose: ['user'] })
// @ts-expect-error a key of Public is missing
defineSession<AppSession, AppSession>({ expose: ['user'] })
// @ts-expect-error one key stands twice, and another is missing
defineSession<AppSession, AppSession>({ expose: ['user', 'user'] })
// @ts-expect-error a key that Public does not have
defineSession<AppSession, Public>({ expose: ['user', 'roles'] })
// @ts-expect-error Public is not all of the data
defineSession<AppSession, Public>({ expose: true })
// @ts-expect-error Public shows something
defineSession<AppSession, Public>({ expose: false })
// @ts-expect-error no list makes a key that the data does not have
defineSession<AppSession, { name: string }>({ expose: ['name'] })
// @ts-expect-error nor another type
defineSession<AppSession, { user: number }>({ expose: ['user'] })
defineSession<AppSession, AppSession>({ expose: ['roles', 'user'] })
const all = defineSession<AppSession>({ expose: true })
const allTypes: Equal<typeof all, ExposingDefinition<AppSession>> = true
const same = defineSession<AppSession, AppSession>({ expose: true })
const none = defineSession<AppSession>({ expose: false })
// @ts-expect-error nothing is exposed
getSession(none)?.user
interface Wide {
  a: 1
  b: 2
  c: 3
  d: 4
  e: 5
  f: 6
  g: 7
  h: 8
}
defineSession<Wide, Wide>({ expose: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] })
// @ts-expect-error one is missing
defineSession<Wide, Wide>({ expose: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] })
const derived = defineSession<AppSession, { name: string }>({ name: 'app' })
const untyped = defineSession({ expose: ['user'] })
const untypedShown: unknown = getSession(untyped)?.user
const noOptions: SessionDefinition = defineSession()({})

const exposing: Sessions<AppSession>[] = [
  createSessions({ session: both, secrets: ['key'] }),
  createSessions({ session: inferred, secrets: ['key'] }),
  createSessions({ session: all, secrets: ['key'] }),
  createSessions({ session: same, secrets: ['key'] }),
  createSessions({ session: none, secrets: ['key'] }),
  createSessions({ session: derived, secrets: ['key'], expose: ({ user = '' }) => ({ name: user }) }),
]
const inline = createSessions({ session: defineSession({ name: 'app' }), secrets: ['key'], expose: false })
const inlineTypes: Equal<typeof inline, Sessions> = true
// @ts-expect-error the definition does not say what scripts may see
createSessions({ session: appSession, secrets: ['key'] })
const verifier: ReadOnlySessions<AppSession> = verifySessions({ session: appSession, codecs: [] })

// One line each declares the session of a request.
interface ExpressRequest extends ExpressRequestSession<AppSession> {}
const request = {} as ExpressRequest
request.session.user = 'dave'
request.session = { user: 'dave' }
request.session = null
const requestUser: Equal<ExpressRequestSession<AppSession>['session']['user'], string | undefined> = true
interface FastifyRequest extends FastifyRequestSession<AppSession> {}
const fastifyRequest = {} as FastifyRequest
const fastifyUser: Equal<typeof fastifyRequest.session.data, Partial<AppSession>> = true

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

export {
  allTypes,
  bothTypes,
  codec,
  committing,
  data,
  definition,
  exposing,
  fastifyUser,
  handling,
  inferredTypes,
  inlineTypes,
  loading,
  noOptions,
  own,
  publicOnly,
  reading,
  requestUser,
  sameBeakerJwt,
  shown,
  untypedShown,
  user,
  verifier,
  writing,
}
