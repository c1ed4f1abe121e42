/** The preset for wsgi-jwt-session, against cookies that the real one made (FORMATS §6.1). */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createSessions, type Sessions, type WsgiJwtSessionOptions, wsgiJwtSession } from '../../../src/server/index.js'

interface Vector {
  name: string
  env: string
  operations: [string, string?, unknown?][]
  request_cookie_header: string | null
  session?: Record<string, unknown>
  set_cookie?: string[]
  raises?: string
}

const vectors = JSON.parse(readFileSync(new URL('../../vectors/wsgi_jwt_session.json', import.meta.url), 'utf8')) as {
  secret_key: string
  frozen_time: number
  cases: Vector[]
}
const secret = vectors.secret_key
const now = new Date(vectors.frozen_time * 1000)

function sessionsOf(preset: Partial<WsgiJwtSessionOptions> = {}): Sessions {
  return createSessions({ ...wsgiJwtSession({ secret, ...preset }), expose: true, clock: () => now })
}

/** The name, the value and what Expires and Max-Age mean, in seconds from now. */
function parse(setCookie: string): { pair: string; path: string | undefined; ages: number[] } {
  const [pair = '', ...attributes] = setCookie.split('; ')
  const values = new Map(attributes.map((attribute) => attribute.split('=', 2) as [string, string]))
  const expires = values.get('Expires')
  return {
    pair,
    path: values.get('Path'),
    ages: [
      ...(expires === undefined ? [] : [Math.round((Date.parse(expires.replaceAll('-', ' ')) - +now) / 1000)]),
      ...(values.get('Max-Age') === undefined ? [] : [Number(values.get('Max-Age'))]),
    ],
  }
}

/** `JWTCookie` there: what is a new session, or the one of the cookie. */
async function visit(
  { operations, request_cookie_header }: Vector,
  sessions = sessionsOf(),
): Promise<{ set: string[]; data: unknown }> {
  const session = await sessions.load(request_cookie_header)
  const data = { ...session.data }
  for (const [operation, key = '', value] of operations) {
    if (operation === 'set') session.data[key] = value
    else if (operation === 'clear') session.data = {}
    else throw new Error(`no operation ${operation}`)
  }
  return { set: await sessions.commit(session), data }
}

describe('vectors', () => {
  const answered = vectors.cases.filter(({ set_cookie, operations }) => set_cookie?.length && operations.length > 0)
  test.each(answered.map((vector) => [`${vector.name} (${vector.env})`, vector] as const))(
    '%s',
    async (name, vector) => {
      const isOther = name.startsWith('other cookie name')
      const preset = isOther ? { cookieName: 'sid', maxAge: 60 } : {}
      const { set, data } = await visit(vector, sessionsOf(preset))
      const expected = parse(vector.set_cookie?.[0] as string)
      expect(set).toHaveLength(1)
      if (name.startsWith('existing, cleared')) {
        // Python writes an empty session, for as long as any.
        expect(set[0]).toMatch(/^jwtsession=; .*Max-Age=0/)
        return
      }
      // the very bytes: header order, JSON and signature
      expect(parse(set[0] as string)).toMatchObject({ pair: expected.pair, path: '/' })
      expect(new Set(parse(set[0] as string).ages)).toEqual(new Set(expected.ages))
      expect(data).toEqual(vector.session)
    },
  )

  test('there are some', () => expect(answered.length).toBeGreaterThanOrEqual(4))

  test('a session that is read only is not sent again, quoted or not', async () => {
    const vector = byName('quoted value')
    expect(await visit(vector)).toEqual({ set: [], data: { counter: 1 } })
    expect(vector.set_cookie).toEqual([])
  })
})

describe('what is a bug there', () => {
  test.each(['tampered signature', 'empty value'])(
    '%s: a new session, and no cookie for an empty one',
    async (name) => {
      const vector = byName(name)
      expect(vector.set_cookie).toHaveLength(1)
      expect(await visit(vector)).toEqual({ set: [], data: {} })
    },
  )

  test.each([
    ['alg none', 'ERR_SESSION_ALGORITHM'],
    ['expired token', 'ERR_SESSION_EXPIRED'],
  ])('%s: the request goes on', async (name, code) => {
    const vector = byName(name)
    expect(vector.raises).toBeDefined()
    const session = await sessionsOf().load(vector.request_cookie_header)
    expect([session.isNew, session.data, session.rejected?.code]).toEqual([true, {}, code])
  })

  test('a secret beyond ASCII', async () => {
    const sessions = sessionsOf({ secret: 'clé', allowWeakSecrets: true })
    const session = await sessions.load('')
    session.data.a = 1
    const [cookie = ''] = await sessions.commit(session)
    expect((await sessions.load(cookie.split(';')[0])).data).toEqual({ a: 1 })
  })
})

describe('options', () => {
  test('defaults: cookie jwtsession for a day, claims that are the data alone', async () => {
    const session = await sessionsOf().load('')
    session.data.a = 1
    const [cookie = ''] = await sessionsOf().commit(session)
    expect(cookie).toMatch(/^jwtsession=[^;]+; Max-Age=86400; Path=\/; SameSite=Lax; Secure$/)
    expect(Buffer.from(cookie.split('.')[1] as string, 'base64url').toString()).toBe('{"a":1}')
  })

  test('maxAge: null leaves it out', async () => {
    const session = await sessionsOf({ maxAge: null }).load('')
    session.data.a = 1
    expect(await sessionsOf({ maxAge: null }).commit(session)).toEqual([expect.not.stringMatching(/Max-Age|Expires/)])
  })

  test('a comma is part of the secret; a list is one for rotation', async () => {
    const one = sessionsOf({ secret: `${secret}, ${secret}` })
    const session = await one.load('')
    session.data.a = 1
    const cookie = (await one.commit(session))[0]?.split(';')[0]
    expect((await sessionsOf().load(cookie)).rejected?.code).toBe('ERR_SESSION_SIGNATURE')
    expect((await sessionsOf({ secret: [secret, `${secret}, ${secret}`] }).load(cookie)).keyIndex).toBe(1)
  })

  test('secrets that anybody could guess', () => {
    expect(() => wsgiJwtSession({ secret: '' })).toThrow('"secrets" contains an empty secret')
    expect(() => wsgiJwtSession({ secret: 'short' })).toThrow('32 are needed')
  })
})

function byName(name: string): Vector {
  return vectors.cases.find((vector) => vector.name === name) as Vector
}
