import { describe, expect, test } from 'vitest'
import { beakerJwt, createSessions, defineSession, type SessionsOptions } from '../../../src/server/index.js'
import { OLD_SECRET, SECRET, textCodec } from '../server.helpers.js'

const create = (options: Record<string, unknown>): unknown =>
  createSessions({ secrets: [SECRET], expose: true, ...options } as SessionsOptions)

describe('options', () => {
  test.each<[RegExp, Record<string, unknown>]>([
    [/"codecs" or "secrets"/, { codecs: [beakerJwt({ secrets: [SECRET] })] }],
    [/"codecs" or "secrets"/, { codecs: [textCodec('a')] }],
    [/is the environment variable set/, { secrets: undefined }],
    [/"name" belongs in defineSession/, { name: 'shop' }],
    [/"idleTimeout" belongs in defineSession/, { idleTimeout: '30m' }],
    [/"absoluteTimeout" belongs in defineSession/, { absoluteTimeout: '7d' }],
    [/"codecs" is empty/, { secrets: undefined, codecs: [] }],
    [/first codec, a, cannot sign/, { secrets: undefined, codecs: [{ ...textCodec('a'), sign: undefined }] }],
    [/"secrets"/, { secrets: [] }],
    [/"secrets"/, { secrets: 'short' }],
    [/"session"/, { session: null }],
    [/"session"/, { session: {} }],
    [/"session" must come from defineSession/, { session: { name: 'foo', idleTimeout: '30m' } }],
    [/"session" must come from defineSession/, { session: { name: 'foo', idleTimeout: 1800 } }],
    [/"httpOnly" does not exist: "expose"/, { httpOnly: true }],
    [/createSessions has no option "maxage". Did you mean "maxAge"\?/, { maxage: 5 }],
    [/createSessions has no option "secretes". Did you mean "secrets"\?/, { secretes: [SECRET] }],
    [/createSessions has no option "samesite". Did you mean "sameSite"\?/, { samesite: 'lax' }],
    [/"codecs" must be a list/, { secrets: undefined, codecs: beakerJwt({ secrets: [SECRET] }) }],
    [/"codecs" contains something that is not a codec/, { secrets: undefined, codecs: [undefined] }],
    [/"codecs" contains something that is not a codec/, { secrets: undefined, codecs: [beakerJwt] }],
    [/"upgrade"/, { upgrade: 'sometimes' }],
    [/"mode"/, { mode: 'dry-run' }],
    [/touchEvery/, { touchEvery: 'soon' }],
    [/touchEvery/, { touchEvery: false, session: defineSession({ idleTimeout: 60 }) }],
    [/"on"/, { on: 'event' }],
    [/"path"/, { path: 'app' }],
    [/"sameSite"/, { sameSite: 'none', secure: false }],
    [/__Host-/, { session: defineSession({ name: '__Host-sid' }), domain: 'example.com' }],
    [/__Secure-/, { session: defineSession({ name: '__Secure-sid' }), secure: false }],
    [/expires/, { expires: 0 }],
    [/maxAge/, { maxAge: -1 }],
  ])('%s %#', (message, options) => {
    expect(() => create(options)).toThrow(TypeError)
    expect(() => create(options)).toThrow(message)
  })

  test('a mistake never prints a secret', () => {
    for (const options of [
      { upgrade: 'swordfish' },
      { secrets: 'swordfish' },
      { secrets: [SECRET, ''] },
      { path: 'swordfish' },
    ]) {
      try {
        create(options)
        expect.unreachable()
      } catch (error) {
        expect((error as Error).message).not.toContain('swordfish')
      }
    }
  })

  test('the name is that of the definition', () => {
    expect(createSessions({ secrets: [SECRET], expose: true }).name).toBe('beaker.session.id')
    expect(createSessions({ secrets: [SECRET], expose: true, session: defineSession({ name: 'sid' }) }).name).toBe(
      'sid',
    )
  })

  test('are read once', async () => {
    const codecs = [textCodec('a')]
    const options: SessionsOptions = { codecs, expose: false }
    const sessions = createSessions(options)
    codecs.unshift(textCodec('b', { sign: async () => 'text~b' }))
    Object.assign(options, { expose: true, path: '/other' })
    const session = await sessions.load(null)
    session.data.user = 'dave'
    expect((await sessions.commit(session))[0]).toMatch(
      /^beaker.session.id=text~a~.*; HttpOnly; Path=\/; SameSite=Lax; Secure$/,
    )
  })
})

test('the short form is beakerJwt with these secrets', async () => {
  const sessions = createSessions({ secrets: `${SECRET},${OLD_SECRET}`, expose: true })
  const session = await sessions.load(null)
  session.data.user = 'dave'
  const [cookie] = await sessions.commit(session)
  expect(cookie).toMatch(
    /^beaker\.session\.id=eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9\.[\w-]+\.[\w-]{43}; Path=\/; SameSite=Lax; Secure$/,
  )
  expect(session).toMatchObject({ codec: 'beakerJwt', keyIndex: 0 })
})
