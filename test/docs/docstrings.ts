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

/** An example must be short, so what it takes for granted stands here, by the export it belongs to. */
const surroundings: Readonly<Record<string, Surroundings>> = {
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
          file: `${name}${index === 0 ? '' : `-${index}`}.ts`,
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
