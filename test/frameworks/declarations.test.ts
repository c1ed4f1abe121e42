/** How an application declares the session of a request, in one line or member by member: both compile against the built package. */
import { mkdirSync, writeFileSync } from 'node:fs'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { sharedHost } from '../docs/compile.js'

/** Below the project's folder, so that `sessionglass/server` is what dist/ declares. */
const folder = `${root}.cache/declarations/`

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node'],
  typeRoots: [`${root}node_modules/@types`],
  strict: true,
  skipLibCheck: true,
  noEmit: true,
}

const appSession = `
interface AppSession { user?: string; visits?: number }
const session = defineSession<AppSession>()({ name: 'app.session', expose: ['user'] })
const sessions = createSessions({ session, secrets: 'a-secret-of-the-types-0123456789abcdef' })
`

/** The declaration goes before what uses it. */
const programs = {
  express: (declaration: string) => `
import express from 'express'
import { createSessions, defineSession, type ExpressRequestSession, type ExpressSession, expressSessions } from 'sessionglass/server'
${appSession}
${declaration}
express().use(expressSessions(sessions)).get('/', async (req) => {
  const user: string | undefined = req.session.user
  const text: string = req.session.id + req.sessionID
  req.session.visits = 1
  await req.session.regenerate()
  req.session = { user: 'dave' }
  req.session = null
  // @ts-expect-error no key of the session
  req.session.other
  // @ts-expect-error another type
  req.session.visits = 'one'
  // @ts-expect-error another type
  req.session = { user: 1 }
})
`,
  fastify: (declaration: string) => `
import { fastify } from 'fastify'
import { createSessions, defineSession, type FastifyRequestSession, type FastifySession, fastifySessions } from 'sessionglass/server'
${appSession}
${declaration}
const app = fastify()
app.register(fastifySessions(sessions))
app.get('/', async (request) => {
  const user: string | undefined = request.session.data.user
  const same: string | undefined = request.session.get('user')
  request.session.set('visits', 1)
  await request.session.regenerate()
  // @ts-expect-error no key of the session
  request.session.data.other
  // @ts-expect-error another type
  request.session.data.visits = 'one'
})
`,
}

const host = sharedHost(options)

/** What the compiler says, by line. */
function mistakesOf(name: string, text: string): string[] {
  mkdirSync(folder, { recursive: true })
  const path = `${folder}${name}.ts`
  writeFileSync(path, text)
  const program = ts.createProgram([path], options, host)
  const source = program.getSourceFile(path)
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
    ({ start, messageText }) =>
      `${text.slice(0, start).split('\n').length}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
  )
}

const inExpress = (members: string): string => `declare global { namespace Express { interface Request ${members} } }`
const inFastify = (members: string): string => `declare module 'fastify' { interface FastifyRequest ${members} }`

describe.each<[keyof typeof programs, form: string, declaration: string]>([
  ['express', 'one line', inExpress('extends ExpressRequestSession<AppSession> {}')],
  [
    'express',
    'member by member',
    inExpress(`{
    get session(): ExpressSession<AppSession>
    set session(data: AppSession | null)
    sessionID: string
  }`),
  ],
  ['fastify', 'one line', inFastify('extends FastifyRequestSession<AppSession> {}')],
  ['fastify', 'member by member', inFastify('{ session: FastifySession<AppSession> }')],
])('%s, %s', (framework, form, declaration) => {
  test('compiles, and refuses what is not in the session', { timeout: 120_000 }, () => {
    const name = `${framework}-${form.replaceAll(' ', '-')}`
    expect(mistakesOf(name, programs[framework](declaration))).toEqual([])
  })
})

test('without a declaration there is no session', { timeout: 120_000 }, () => {
  const mistakes = mistakesOf('express-none', programs.express(''))
  expect(mistakes.join('\n')).toMatch(/Property 'session' does not exist/)
})
