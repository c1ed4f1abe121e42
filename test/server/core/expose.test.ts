import { describe, expect, test } from 'vitest'
import { getSession } from '../../../src/client/index.js'
import { createExposure, type Expose, publicName } from '../../../src/server/core/expose.js'
import { createSessions, defineSession, jwt, type SessionsOptions, verifySessions } from '../../../src/server/index.js'
import { SECRET } from '../server.helpers.js'

const data = { user: 'dave', locale: 'en', token: 'swordfish', none: null, missing: undefined }

describe('the decision', () => {
  test.each([undefined, null, 'user', 0, 1, {}, [5], ['user', null], new Set(['user'])])('%j is none', (expose) => {
    expect(() => createExposure(expose as Expose)).toThrow(/Option "expose" is required/)
    expect(() => createSessions({ secrets: [SECRET], expose } as SessionsOptions)).toThrow(/Option "expose"/)
  })

  test('has no default, unless the sessions are read only', () => {
    expect(() => createSessions({ secrets: [SECRET] } as unknown as SessionsOptions)).toThrow(TypeError)
    expect(() => createSessions({ secrets: [SECRET], readOnly: true })).not.toThrow()
  })
})

describe('in the definition', () => {
  const cookiesOf = async (expose: boolean | readonly string[]): Promise<string[]> => {
    const sessions = createSessions({
      session: defineSession({ name: 'sid', expose: expose as boolean }),
      secrets: [SECRET],
    })
    const session = await sessions.load('')
    session.data = { user: 'dave', token: 'swordfish' }
    return await sessions.commit(session)
  }

  test('it is what createSessions would be told', async () => {
    expect((await cookiesOf(true)).map((cookie) => /HttpOnly/.test(cookie))).toEqual([false])
    expect((await cookiesOf(false)).map((cookie) => /HttpOnly/.test(cookie))).toEqual([true])
    const cookies = await cookiesOf(['user'])
    expect(cookies.map((cookie) => [cookie.replace(/=.*/, ''), /HttpOnly/.test(cookie)])).toEqual([
      ['sid', true],
      ['sid.public', false],
    ])
    expect(getSession('sid', { cookie: cookies.map((cookie) => cookie.replace(/;.*/, '')).join('; ') })).toEqual({
      user: 'dave',
    })
  })

  test('in both places it is a mistake, even if they agree', () => {
    const session = defineSession({ expose: ['user'] })
    for (const expose of [true, false, ['user'], () => ({})] as const) {
      expect(() => createSessions({ session, secrets: [SECRET], expose } as SessionsOptions)).toThrow(TypeError)
      expect(() => createSessions({ session, secrets: [SECRET], expose } as SessionsOptions)).toThrow(/"expose"/)
    }
    expect(() => createSessions({ session, secrets: [SECRET] })).not.toThrow()
  })

  test.each(['user', null, 5, [5], {}])('%j is none', (expose) => {
    const session = defineSession({ expose } as never)
    expect(() => createSessions({ session, secrets: [SECRET] } as never)).toThrow(/Option "expose"/)
  })

  test('a service that only reads needs none, and takes one', () => {
    const codecs = [jwt({ secrets: [SECRET] })]
    for (const session of [defineSession({}), defineSession({ expose: ['user'] })]) {
      expect(() => verifySessions({ session, codecs })).not.toThrow()
      expect(() => createSessions({ session, codecs, readOnly: true })).not.toThrow()
    }
  })
})

test('true opens the cookie, false closes it, and neither has a public cookie', () => {
  expect(createExposure(true)).toEqual({ httpOnly: false })
  expect(createExposure(false)).toEqual({ httpOnly: true })
})

describe('a list', () => {
  test('closes the cookie and shows these keys only', () => {
    const exposure = createExposure<typeof data>(['user', 'none', 'missing', 'user'])
    expect(exposure.httpOnly).toBe(true)
    expect(exposure.publicData?.(data)).toStrictEqual({ user: 'dave', none: null })
  })

  test('shows own keys only', () => {
    const { publicData } = createExposure(['toString', 'constructor', '__proto__'])
    expect(publicData?.({})).toStrictEqual({})
    const exposed = publicData?.(JSON.parse('{"__proto__":1}')) as object
    expect(Object.keys(exposed)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(exposed)).toBe(Object.prototype)
  })

  test('may be empty, and later changes of it change nothing', () => {
    const list: ('user' | 'token')[] = []
    const { publicData } = createExposure<typeof data>(list)
    list.push('token')
    expect(publicData?.(data)).toStrictEqual({})
  })
})

describe('a function', () => {
  test('closes the cookie and shows what it returns', () => {
    const exposure = createExposure<typeof data>(({ user }) => ({ greeting: `Hello ${user}` }))
    expect(exposure.httpOnly).toBe(true)
    expect(exposure.publicData?.(data)).toEqual({ greeting: 'Hello dave' })
  })

  test.each([undefined, null, 'text', 5, []])('that returns %j is a mistake', (exposed) => {
    const { publicData } = createExposure(() => exposed as unknown as object)
    expect(() => publicData?.(data)).toThrow(/"expose" must return an object/)
  })

  test('that is async is a mistake: a promise shows nothing', () => {
    const { publicData } = createExposure(async () => ({ user: 'dave' }))
    expect(() => publicData?.(data)).toThrow(/"expose" must return an object/)
  })
})

test('the name of the public cookie', () => {
  expect(publicName('sid')).toBe('sid.public')
})
