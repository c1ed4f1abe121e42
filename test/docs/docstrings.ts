/** Takes the `@example` blocks out of the docstrings of what the package exports, each with what it needs around it. */
import { readdirSync, readFileSync } from 'node:fs'
import ts from 'typescript'
import { root } from '../../scripts/run.mjs'
import type { Example } from './compile.js'

/** Hidden lines for the example of one export. */
interface Surroundings {
  before: string
  after?: string
}

const SECRET = `'an-example-of-a-secret-with-64-hexadecimal-digits-of-randomness'`

/** Of a page that is signed in. */
const PAGE = `import { createSessions } from 'sessionglass/server'
import { sessionCookie } from 'sessionglass/testing'
const sessions = createSessions<{ user?: string }>({ secrets: ${SECRET}, expose: true })
const { header: cookie } = await sessionCookie(sessions, { user: 'ada' })
Object.assign(globalThis, { document: { cookie } })`

const DEFINITION = `import { defineSession } from 'sessionglass'
const appSession = defineSession<{ user?: string }>()({ expose: ['user'] })`

const POOL = `const pool = { totalCount: 0, query: async () => ({ rows: [] }), connect: async () => client } as unknown as PgPool
const client = { query: async () => ({ rows: [] }), release: () => {} }`

/** An example must be short, so what it takes for granted stands here, by the export it belongs to. */
const surroundings: Readonly<Record<string, Surroundings>> = {
  decimalText: {
    before: `import { decimalText } from 'sessionglass'
const price = { bytes: Uint8Array.of(110, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3c, 0x30) }`,
  },
  decodeSession: {
    before: `import { decodeSession } from 'sessionglass'
import { createSessions } from 'sessionglass/server'
import { sessionCookie } from 'sessionglass/testing'
const sessions = createSessions<{ user?: string }>({ secrets: ${SECRET}, expose: true })
const { value } = (await sessionCookie(sessions, { user: 'ada' })).cookie`,
  },
  defineSession: {
    before: `import { defineSession } from 'sessionglass'`,
    after: `console.log(appSession.idleTimeout, appSession.expose) // → 1800000 [ 'user', 'locale' ]`,
  },
  isSessionError: {
    before: `import { isSessionError } from 'sessionglass'
import { createSessions } from 'sessionglass/server'
const sessions = createSessions<{ photo?: string }>({ secrets: ${SECRET}, expose: false })
const session = await sessions.load('')
session.data.photo = Array.from({ length: 9_000 }, (_, index) => Math.sin(index).toString(36)[9]).join('')
const response = new Response()`,
  },
  getSession: {
    before: `import { getSession } from 'sessionglass/client'
${PAGE}`,
  },
  inspectSession: {
    before: `import { inspectSession } from 'sessionglass/client'
${PAGE}`,
  },
  checkSessions: {
    before: `import { checkSessions } from 'sessionglass/client'
const myRequest = async (_url: string) => {}`,
  },
  createSessionStore: {
    before: `import { createSessionStore } from 'sessionglass/client'
${DEFINITION}
const show = (_session: unknown) => {}`,
    after: 'stop()',
  },
  refreshSession: {
    before: `import express from 'express'
import { refreshSession } from 'sessionglass/client'
import { createSessions, touchHandler } from 'sessionglass/server'
const app = express()
app.post('/session', touchHandler(createSessions({ secrets: ${SECRET}, expose: false })))
app.listen(3000)
const { fetch } = globalThis
globalThis.fetch = (url, init) =>
  fetch(\`http://localhost:3000\${url}\`, { ...init, headers: { 'sec-fetch-site': 'same-origin' } })`,
  },
  watchRequests: {
    before: `import { watchRequests } from 'sessionglass/client'
Object.assign(globalThis, { cookieStore: {} })`,
  },
  watchSession: {
    before: `import { watchSession } from 'sessionglass/client'
${DEFINITION}
const show = (_user: unknown) => {}`,
    after: 'stop()',
  },
  createBeakerReader: {
    before: `import { getSession } from 'sessionglass/client'
import { createBeakerReader } from 'sessionglass/client/beaker'
${DEFINITION}`,
    after: 'console.log(session) // → null',
  },
  createCompactReader: {
    before: `import { getSession } from 'sessionglass/client'
import { beakerReader } from 'sessionglass/client/beaker'
import { createCompactReader } from 'sessionglass/client/compact'
${DEFINITION}`,
    after: 'console.log(session) // → null',
  },
  createDjangoReader: {
    before: `import { defineSession } from 'sessionglass'
import { getSession } from 'sessionglass/client'
import { compactReader } from 'sessionglass/client/compact'
import { createDjangoReader } from 'sessionglass/client/django'
const djangoSession = defineSession({ name: 'sessionid' })`,
    after: 'console.log(session) // → null',
  },
  findPickleObjects: {
    before: `import { findPickleObjects, PickleObject } from 'sessionglass/client/beaker'
const session = { user: new PickleObject({ module: 'myapp.models', name: 'User', args: [] }) }`,
  },
  SessionProvider: {
    before: `import { renderToString } from 'react-dom/server'
import { SessionProvider, useSession } from 'sessionglass/react'
import { createSessions, serializeForClient } from 'sessionglass/server'
${DEFINITION}
const session = await createSessions({ session: appSession, secrets: ${SECRET} }).load('')
session.data.user = 'ada'
const Greeting = () => <p>{useSession(appSession)?.user}</p>`,
    after: 'console.log(renderToString(page)) // → <p>ada</p>',
  },
  useSession: {
    before: `import { renderToString } from 'react-dom/server'
import { useSession } from 'sessionglass/react'
${DEFINITION}`,
    after: 'console.log(renderToString(<Greeting />)) // → <p>Sign in</p>',
  },
  useSessionEnd: {
    before: `import { renderToString } from 'react-dom/server'
import { useSessionEnd } from 'sessionglass/react'
${DEFINITION}`,
    after: 'console.log(renderToString(<Countdown />).length) // → 0',
  },
  sessionFixture: {
    before: `import { createSessions } from 'sessionglass/server'
import { type SignIn, sessionFixture } from 'sessionglass/testing'
type AppSession = { user?: string }
const sessions = createSessions<AppSession>({ secrets: ${SECRET}, expose: true })
const base = { extend: <Fixtures extends object>(fixtures: { [Key in keyof Fixtures]: unknown }) => fixtures }`,
    after: "console.log(Object.keys(test)) // → [ 'signIn' ]",
  },
  djangoLogin: {
    before: `import { createSessions, type DjangoLogin, djangoLogin, djangoSigned } from 'sessionglass/server'
const secretKey = ${SECRET}
const sessions = createSessions<Partial<DjangoLogin>>({ codecs: [djangoSigned({ secretKey })], expose: false })
const session = await sessions.load('')
const row = { id: 7, password: 'pbkdf2_sha256$1$salt$hash' }`,
  },
  djangoUser: {
    before: `import { djangoLogin, djangoUser } from 'sessionglass/server'
const secretKey = ${SECRET}
const row = { id: 7, username: 'ada', password: 'pbkdf2_sha256$1$salt$hash', is_active: true }
const users = new Map([['7', row]])
const session = { data: await djangoLogin(row, { secretKey }) }`,
  },
  expressJwks: {
    before: `import { generateKeyPairSync } from 'node:crypto'
import express from 'express'
import { createSessions, expressJwks, jwt } from 'sessionglass/server'
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const sessions = createSessions({ codecs: [jwt({ keys: privateKey })], expose: false })
const app = express()`,
    after: `app.listen(3000)
const { keys } = (await (await fetch('http://localhost:3000/.well-known/jwks.json')).json()) as { keys: unknown[] }
console.log(keys.length) // → 1`,
  },
  fetchJwks: {
    before: `import { generateKeyPairSync } from 'node:crypto'
import { createSessions, fetchJwks, jwt } from 'sessionglass/server'
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const sessions = createSessions({ codecs: [jwt({ keys: privateKey })], expose: false })`,
  },
  openTelemetryListener: {
    before: `import api from '@opentelemetry/api'
import { createSessions, openTelemetryListener } from 'sessionglass/server'
const secrets = ${SECRET}`,
    after: `console.log(sessions.warnings.length) // → 0`,
  },
  prometheusListener: {
    before: `import client from 'prom-client'
import { createSessions, prometheusListener } from 'sessionglass/server'
const secrets = ${SECRET}`,
    after: `await sessions.load('beaker.session.id=broken')
console.log((await client.register.metrics()).includes('sessionglass_events_total')) // → true`,
  },
  bsonTypesOf: {
    before: `import * as bson from 'bson'
import { beakerJwt, bsonTypesOf } from 'sessionglass/server'
const secrets = ${SECRET}`,
    after: 'console.log(codec.name) // → beakerJwt',
  },
  beaker: {
    before: `import { beaker, createSessions } from 'sessionglass/server'
const validateKey = ${SECRET}`,
    after: `console.log((await sessions.load('')).isNew) // → true`,
  },
  beakerJwt: {
    before: `import { beakerJwt, createSessions } from 'sessionglass/server'
const newSecret = ${SECRET}
const oldSecret = 'the-secret-that-was-the-first-one-until-the-last-rotation-of-it'`,
    after: `console.log((await sessions.load('')).isNew) // → true`,
  },
  compact: {
    before: `import { compact, createSessions } from 'sessionglass/server'
const secrets = ${SECRET}`,
    after: `console.log((await sessions.load('')).isNew) // → true`,
  },
  djangoJwt: {
    before: `import { djangoJwt } from 'sessionglass/server'
const secret = ${SECRET}`,
    after: 'console.log(codec.family) // → jws',
  },
  jwe: {
    before: `import { createSessions, jwe } from 'sessionglass/server'
const secrets = ${SECRET}`,
    after: `console.log((await sessions.load('')).isNew) // → true`,
  },
  jwt: {
    before: `import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createSessions, jwt } from 'sessionglass/server'
process.chdir(mkdtempSync(\`\${tmpdir()}/jwt-\`))
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
writeFileSync('private-key.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }))`,
    after: `await createSessions({ codecs: [codec], expose: false }).ready()`,
  },
  serializeForClient: {
    before: `import { createSessions, serializeForClient } from 'sessionglass/server'
const sessions = createSessions<{ user?: string }>({ secrets: ${SECRET}, expose: ['user'] })
const session = await sessions.load('')
session.data.user = '<b>ada'`,
  },
  createReadStats: {
    before: `import { createReadStats, createSessions } from 'sessionglass/server'
const newSecret = ${SECRET}
const oldSecret = 'the-secret-that-was-the-first-one-until-the-last-rotation-of-it'`,
    after: 'console.log(sessions.warnings.length) // → 0',
  },
  bearerToken: {
    before: `import { bearerToken, createSessions } from 'sessionglass/server'
const sessions = createSessions({ secrets: ${SECRET}, expose: false })
const request = new Request('http://localhost/')`,
  },
  createSessions: {
    before: `import { createSessions } from 'sessionglass/server'
const request = new Request('http://localhost/')
const response = new Response()`,
    after: 'console.log(response.headers.getSetCookie().length) // → 2',
  },
  createKeys: {
    before: `import { createKeys, jwt } from 'sessionglass/server'
const readFromVault = async (_name: string) => ${SECRET}`,
    after: 'await keys.ready()\nconsole.log(codec.name) // → jwt',
  },
  remoteJwks: {
    before: `import { jwt, remoteJwks, verifySessions } from 'sessionglass/server'
${DEFINITION}`,
    after: `console.log((await sessions.load('')).isNew) // → true`,
  },
  wsgiJwtSession: {
    before: `import { createSessions, wsgiJwtSession } from 'sessionglass/server'
const secret = ${SECRET}`,
    after: `console.log((await sessions.load('')).isNew) // → true`,
  },
  djangoStore: {
    before: `import { djangoStore, pgExecute, type PgPool } from 'sessionglass/server'
const secretKey = ${SECRET}
${POOL}`,
    after: 'console.log(await store.get("0".repeat(32))) // → undefined',
  },
  fromExpressStore: {
    before: `import { createRequire } from 'node:module'
import { createSessions, fromExpressStore } from 'sessionglass/server'
const { MemoryStore } = createRequire(import.meta.url)('express-session')
const secrets = ${SECRET}`,
    after: `console.log((await sessions.load('')).isNew) // → true`,
  },
  pgExecute: {
    before: `import { pgExecute, type PgPool, sqlStore } from 'sessionglass/server'
${POOL}`,
    after: 'console.log(await store.get("0".repeat(32))) // → undefined',
  },
  redisStore: {
    before: `import { createClient } from 'redis'
import { redisStore } from 'sessionglass/server'
const client = createClient()`,
    after: 'console.log(store.name) // → redis',
  },
  sqlStore: {
    before: `import { pgExecute, type PgPool, sqlStore } from 'sessionglass/server'
${POOL}`,
    after: 'console.log(await store.get("0".repeat(32))) // → undefined',
  },
  sqliteExecute: {
    before: `import { type SqliteDatabase, sqliteExecute, sqlStore } from 'sessionglass/server'
const database: SqliteDatabase = { prepare: () => ({ all: () => [], run: () => {} }), exec: () => {} }`,
    after: 'console.log(await store.get("0".repeat(32))) // → undefined',
  },
  fetchSessions: {
    before: `import { createSessions, fetchSessions } from 'sessionglass/server'
const sessions = createSessions({ secrets: ${SECRET}, expose: true })`,
  },
  requireRecent: {
    before: `import { createSessions, requireRecent } from 'sessionglass/server'
const sessions = createSessions({ secrets: ${SECRET}, expose: false })
const request = new Request('http://localhost/')
try {`,
    after: `} catch (error) {
  console.log((error as { code: string }).code) // → ERR_SESSION_NOT_RECENT
}`,
  },
  recentOnly: {
    before: `import express from 'express'
import { createSessions, expressSessions, recentOnly } from 'sessionglass/server'
const sessions = createSessions({ secrets: ${SECRET}, expose: false })
const app = express()
app.use(expressSessions(sessions))`,
    after: `app.listen(3000)
const response = await fetch('http://localhost:3000/account/delete', { method: 'POST' })
console.log(response.status) // → 403`,
  },
  keyThumbprint: {
    before: `import { keyThumbprint } from 'sessionglass/server'`,
  },
  createRevocations: {
    before: `import { createRevocations, createSessions, memoryStore } from 'sessionglass/server'
const secrets = ${SECRET}`,
    after: `console.log(sessions.warnings.length) // → 0`,
  },
  fetchBound: {
    before: `import { createSessions, fetchBound, fetchSessions } from 'sessionglass/server'
const sessions = createSessions({ secrets: ${SECRET}, expose: false, bound: {} })`,
  },
  expressBound: {
    before: `import express from 'express'
import { createSessions, expressBound, expressSessions } from 'sessionglass/server'
const sessions = createSessions({ secrets: ${SECRET}, expose: false, bound: {} })
const app = express()`,
    after: `app.listen(3000)
console.log((await fetch('http://localhost:3000/dbsc/refresh', { method: 'POST' })).status) // → 200`,
  },
  honoBound: {
    before: `import { Hono } from 'hono'
import { createSessions, honoBound, honoSessions } from 'sessionglass/server'
const sessions = createSessions({ secrets: ${SECRET}, expose: false, bound: {} })
const app = new Hono()`,
    after: `console.log((await app.request('/dbsc/refresh', { method: 'POST' })).status) // → 200`,
  },
  fastifyBound: {
    before: `import { fastify } from 'fastify'
import { createSessions, fastifyBound, fastifySessions } from 'sessionglass/server'
const sessions = createSessions({ secrets: ${SECRET}, expose: false, bound: {} })
const app = fastify()`,
    after: `console.log((await app.inject({ method: 'POST', url: '/dbsc/refresh' })).statusCode) // → 200`,
  },
  honoSessions: {
    before: `import { Hono } from 'hono'
import { createSessions, honoSessions, type Session } from 'sessionglass/server'
const sessions = createSessions<{ visits?: number }>({ secrets: ${SECRET}, expose: false })
const app = new Hono<{ Variables: { session: Session<{ visits?: number }> } }>()`,
    after: `console.log(await (await app.request('/')).json()) // → { visits: 1 }`,
  },
  expressSessions: {
    before: `import express from 'express'
import { createSessions, expressSessions } from 'sessionglass/server'
declare global {
  namespace Express {
    interface Request {
      session: { visits?: number }
    }
  }
}
const sessions = createSessions<{ visits?: number }>({ secrets: ${SECRET}, expose: true })
const app = express()`,
    after: `app.listen(3000)
console.log(await (await fetch('http://localhost:3000/')).text()) // → {"visits":1}
console.log(await (await fetch('http://localhost:3000/')).text()) // → {"visits":2}`,
  },
  touchHandler: {
    before: `import express from 'express'
import { createSessions, touchHandler } from 'sessionglass/server'
const sessions = createSessions({ secrets: ${SECRET}, expose: false })
const app = express()`,
    after: `app.listen(3000)
const headers = { 'sec-fetch-site': 'same-origin' }
console.log((await fetch('http://localhost:3000/session', { method: 'POST', headers })).status) // → 401`,
  },
  sessionOf: {
    before: `import express from 'express'
import { createSessions, expressSessions, sessionOf } from 'sessionglass/server'
const sessions = createSessions({ secrets: ${SECRET}, expose: false })
const app = express()
app.use(expressSessions(sessions))`,
    after: `app.listen(3000)
console.log(await (await fetch('http://localhost:3000/')).text()) // → {"isNew":true,"data":{"save":"a key that is called like a method"}}
console.log(await (await fetch('http://localhost:3000/')).text()) // → {"isNew":false,"data":{"save":"a key that is called like a method"}}`,
  },
  fastifySessions: {
    before: `import { fastify } from 'fastify'
import { createSessions, fastifySessions, type Session } from 'sessionglass/server'
declare module 'fastify' {
  interface FastifyRequest {
    session: Session<{ visits?: number }>
  }
}
const sessions = createSessions<{ visits?: number }>({ secrets: ${SECRET}, expose: true })
const app = fastify()`,
    after: `await app.listen({ port: 3000 })
console.log(await (await fetch('http://localhost:3000/')).text()) // → {"visits":1}
console.log(await (await fetch('http://localhost:3000/')).text()) // → {"visits":2}`,
  },
  nextSessions: {
    before: `import { createSessions, nextSessions } from 'sessionglass/server'
const sessions = createSessions<{ user?: string }>({ secrets: ${SECRET}, expose: false })
const jar = new Map<string, string>()
const store = {
  getAll: () => [...jar].map(([name, value]) => ({ name, value })),
  set: (name: string, value: string) => void jar.set(name, value),
}
const cookies = async () => store
const headers = async () => new Headers()`,
    after: `await signIn('dave')
console.log((await read()).data.user) // → dave`,
  },
  nextProxy: {
    before: `import { createSessions, nextProxy } from 'sessionglass/server'
const sessions = createSessions<{ user?: string }>({ secrets: ${SECRET}, expose: false })
const NextResponse = { next: () => new Response('the page') }`,
    after: `console.log((await proxy(new Request('http://localhost/mine'))).headers.get('location')) // → http://localhost/sign-in
console.log(await (await proxy(new Request('http://localhost/sign-in'))).text()) // → the page`,
  },
  memoryStore: {
    before: `import { createSessions, jwt, memoryStore } from 'sessionglass/server'
const secrets = ${SECRET}`,
    after: `console.log((await sessions.load('')).isNew) // → true`,
  },
  verifySessions: {
    before: `import { beakerJwt, defineSession, verifySessions } from 'sessionglass/server'
const appSession = defineSession({})`,
    after: 'console.log(data) // → {}',
  },
  fromBeakerConfig: {
    before: `import { createSessions, fromBeakerConfig } from 'sessionglass/server'
const key = ${SECRET}`,
  },
  sessionCookie: {
    before: `import { createSessions } from 'sessionglass/server'
import { sessionCookie } from 'sessionglass/testing'
const sessions = createSessions<{ user?: string }>({ secrets: ${SECRET}, expose: true })`,
  },
  djangoReader: {
    before: `import { defineSession } from 'sessionglass'
import { getSession } from 'sessionglass/client'
import { djangoReader } from 'sessionglass/client/django'
const djangoSession = defineSession({ name: 'sessionid' })`,
  },
  djangoSession: {
    before: `import { createSessions, defineSession, djangoSession, djangoStore, pgExecute, type PgPool } from 'sessionglass/server'
const pool = { query: async () => ({ rows: [] }) } as unknown as PgPool`,
  },
  djangoSigned: {
    before: `import { createSessions, defineSession, djangoSigned } from 'sessionglass/server'`,
  },
  compactReader: {
    before: `import { getSession } from 'sessionglass/client'
import { compactReader } from 'sessionglass/client/compact'
const appSession = 'sid'`,
  },
  beakerReader: {
    before: `import { defineSession } from 'sessionglass'
import { getSession } from 'sessionglass/client'
import { beakerReader } from 'sessionglass/client/beaker'
const appSession = defineSession({})`,
  },
}

/** The examples of all sources, in the order of their files. */
export function docstringExamples(): Example[] {
  return readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .flatMap((path) => examplesOf(`src/${path.replaceAll('\\', '/')}`))
}

function examplesOf(path: string): Example[] {
  const source = ts.createSourceFile(path, readFileSync(root + path, 'utf8'), ts.ScriptTarget.Latest, true)
  return source.statements.flatMap((statement) => {
    const name = nameOf(statement)
    return ts
      .getJSDocTags(statement)
      .filter(({ tagName }) => tagName.text === 'example')
      .map((tag, index): Example => {
        const { before, after = '' } = surroundings[name] ?? { before: '' }
        return {
          place: path,
          line: source.getLineAndCharacterOfPosition(tag.tagName.end).line + 2,
          file: `${name}${index === 0 ? '' : `-${index}`}.${path === 'src/client/react.ts' ? 'tsx' : 'ts'}`,
          code: (ts.getTextOfJSDocComment(tag.comment) ?? '').replace(/^```\w*\n|\n```$/g, ''),
          before,
          after,
        }
      })
  })
}

function nameOf(statement: ts.Statement): string {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations[0]?.name.getText() ?? ''
  return (statement as ts.FunctionDeclaration).name?.text ?? ''
}
