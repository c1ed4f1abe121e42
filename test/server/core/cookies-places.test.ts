/** Where a session is written and expired that names its place itself. */
import { describe, expect, test } from 'vitest'
import { beaker, compact, createSessions, memoryStore, type SessionsOptions } from '../../../src/server/index.js'
import { type Fixture, NAME, SECRET, serve, textCodec } from '../server.helpers.js'

type Options = Partial<SessionsOptions>

/** A server whose sessions are all in one named place. */
function named(place: object | undefined, options: Options = {}): Fixture {
  return serve({ codecs: [textCodec('text', { cookiePlace: () => place })], expose: false, ...options })
}

/** Domain, path and partition of each cookie, those that expire behind a minus. */
function placesOf(setCookies: readonly string[]): string[] {
  return setCookies.map((cookie) => {
    const [, domain = ''] = /; Domain=([^;]*)/.exec(cookie) ?? []
    const [, path] = /; Path=([^;]*)/.exec(cookie) ?? []
    const sign = cookie.includes('Max-Age=0') ? '-' : ''
    return `${sign}${domain}${path}${cookie.includes('; Partitioned') ? ' partitioned' : ''}`
  })
}

/** The places of a change, and then of a sign-out, of a browser with one or several cookies. */
async function changeAndEnd({ visit, browser, sessions }: Fixture, hasSeveral = false): Promise<string[][]> {
  await visit((data) => Object.assign(data, { user: 'dave' }))
  const header = `${hasSeveral ? `${NAME}=other; ` : ''}${browser.cookie}`
  const session = await sessions.load(header)
  session.data.user = 'eve'
  const written = await sessions.commit(session)
  const ended = await sessions.destroy(await sessions.load(header))
  return [placesOf(written), placesOf(ended)]
}

describe('the places that a session may name', () => {
  const host = { domain: 'example.org' }
  test.each<[unknown, Options, string]>([
    [undefined, host, 'example.org/'],
    [{}, host, 'example.org/'],
    [{ domain: null }, host, '/'],
    [{ domain: '' }, host, '/'],
    [{ domain: null, path: '/' }, { ...host, path: '/app' }, 'example.org/app'],
    [{ path: '/app' }, { ...host, path: '/app' }, 'example.org/app'],
    [{ domain: '.Example.org' }, host, 'example.org/'],
    [{ domain: 'www.example.org' }, host, 'example.org/'],
    [{ domain: 7 }, host, 'example.org/'],
    [{ path: null }, host, 'example.org/'],
    [{ domain: 'exa mple; Path=/x' }, {}, '/'],
    [{ domain: 'b.org' }, { expireShadows: [{ domain: 'b.org' }] }, 'b.org/'],
    [{ domain: 'b.org' }, { expireShadows: [{ domain: 'b.org' }], allowedPlaces: [] }, '/'],
    [{ domain: null }, { ...host, allowedPlaces: [] }, 'example.org/'],
    [{ domain: null }, { ...host, expireShadows: false }, '/'],
    [{ domain: 'b.org', path: '/x' }, { allowedPlaces: [{ domain: 'b.org', path: '/x' }] }, 'b.org/x'],
    [{ domain: 'b.org', path: '/y' }, { allowedPlaces: [{ domain: 'b.org', path: '/x' }] }, '/'],
    [{ path: '/x' }, { ...host, allowedPlaces: [{ path: '/x' }] }, 'example.org/'],
    [{ domain: null, path: '/x' }, { ...host, allowedPlaces: [{ path: '/x' }] }, '/x'],
  ])('%j with %j is at %s', async (place, options, expected) => {
    const fixture = named(place as object, options)
    const [[written] = [], [ended] = []] = await changeAndEnd(fixture)
    expect([written, ended]).toEqual([expected, `-${expected}`])
  })

  test.each<[string, unknown]>([
    ['allowedPlaces', true],
    ['allowedPlaces', [{ partitioned: true }]],
    ['allowedPlaces', [null]],
    ['allowedPlaces', ['example.org']],
    ['domain', [{ domain: 'exa mple' }]],
    ['path', [{ path: 'app' }]],
  ])('an error names "%s" for %j', (option, allowedPlaces) => {
    expect(() => serve({ allowedPlaces: allowedPlaces as [] })).toThrow(option)
  })

  test('an event tells once for each response that a place was not allowed, and holds nothing of it', async () => {
    const fixture = named({ domain: 'secret.example' })
    await changeAndEnd(fixture)
    const told = fixture.events.filter(({ type }) => type === 'misplaced')
    expect(told).toHaveLength(3)
    expect(JSON.stringify(fixture.events)).not.toContain('secret.example')
    const reading = named({ domain: 'secret.example' })
    await reading.sessions.commit(await reading.sessions.load(fixture.browser.cookie))
    expect(reading.events.map(({ type }) => type)).toEqual(['read'])
  })

  test('an emptied session ends where it was', async () => {
    const { visit, events } = named({ domain: null }, { domain: 'example.org' })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    expect(placesOf(await visit((data) => delete data.user))).toEqual(['-/', '-example.org/'])
    expect(events.map(({ type }) => type)).not.toContain('misplaced')
    const outside = named({ path: '/x' })
    await outside.visit((data) => Object.assign(data, { user: 'dave' }))
    await outside.visit((data) => delete data.user)
    expect(outside.events.filter(({ type }) => type === 'misplaced')).toHaveLength(2)
  })
})

describe('what goes with it', () => {
  test('beside it our own place, and those of expireShadows but its own', async () => {
    const options = { domain: 'example.org', expireShadows: [{ domain: 'b.org' }, { path: '/x' }] }
    const place = { domain: 'b.org' }
    expect(await changeAndEnd(named(place, options))).toEqual([['b.org/'], ['-b.org/', '-example.org/', '-/x']])
    expect(await changeAndEnd(named(place, options), true)).toEqual([
      ['b.org/', '-example.org/', '-/x'],
      ['-b.org/', '-example.org/', '-/x'],
    ])
  })

  test('our own place also without expireShadows', async () => {
    const options = { expireShadows: false, allowedPlaces: [{ domain: 'b.org' }] }
    expect((await changeAndEnd(named({ domain: 'b.org' }, options), true))[0]).toEqual(['b.org/', '-/'])
  })

  test('the twin without a partition', async () => {
    const allowedPlaces = [{ domain: 'b.org' }]
    const place = { domain: 'b.org' }
    expect(await changeAndEnd(named(place, { partitioned: true, allowedPlaces }))).toEqual([
      ['b.org/ partitioned', '-b.org/'],
      ['-b.org/ partitioned', '-b.org/', '-/ partitioned', '-/'],
    ])
    const alone = { partitioned: true, allowedPlaces, expireShadows: false }
    expect((await changeAndEnd(named(place, alone)))[0]).toEqual(['b.org/ partitioned'])
  })

  test('the public cookie and all pieces', async () => {
    const codec = { ...compact({ secrets: SECRET }), cookiePlace: () => ({ domain: null }) }
    const fixture = serve({ codecs: [codec], expose: ['user'], domain: 'example.org' })
    const blob = Array.from({ length: 5000 }, () => Math.random().toString(36).at(-1)).join('')
    const written = await fixture.visit((data) => Object.assign(data, { user: 'dave', blob }))
    expect(placesOf(written)).toEqual(['/', '/', '/'])
    const shorter = await fixture.visit((data) => delete data.blob)
    expect(placesOf(shorter)).toEqual(['/', '-/', '/'])
  })

  test('the place that a session leaves', async () => {
    const before = textCodec('before', { cookiePlace: () => ({ domain: null }) })
    const options: Options = { expose: false, domain: 'example.org', expireShadows: false }
    const { browser, visit } = serve({ ...options, codecs: [before] })
    expect(placesOf(await visit((data) => Object.assign(data, { user: 'dave' })))).toEqual(['/'])
    const moving = serve({ ...options, codecs: [textCodec('after'), before] }, { browser })
    const { sessions } = serve({ ...options, expireShadows: true, codecs: [textCodec('after'), before] })
    const several = await sessions.load(`${NAME}=other; ${browser.cookie}`)
    expect(placesOf(await sessions.commit(several))).toEqual(['example.org/', '-/'])
    expect(placesOf(await moving.visit())).toEqual(['example.org/', '-/'])
    expect(placesOf(await moving.visit((data) => Object.assign(data, { user: 'eve' })))).toEqual(['example.org/'])
  })
})

describe('beaker', () => {
  const validateKey = SECRET
  const codec = beaker({ validateKey, domain: '.example.org', path: '/x' })
  const context = { cookieName: NAME, purpose: 'session', now: new Date() } as const

  /** The place that a codec finds in what another one wrote. */
  async function placeIn(session: object, reader = beaker({ validateKey })): Promise<unknown> {
    const written = await beaker({ validateKey, ...session }).sign?.({ data: { user: 'dave' } }, context)
    return reader.cookiePlace?.(await reader.verify(String(written), context))
  }

  test('a new session is in the place of the options, whatever the codec writes into it', async () => {
    expect(codec.cookiePlace?.({ data: {} })).toBeUndefined()
    const sessions = createSessions({
      codecs: [codec],
      expose: false,
      allowedPlaces: [{ domain: '.example.org', path: '/x' }],
    })
    const session = await sessions.load('')
    session.data.user = 'dave'
    expect(placesOf(await sessions.commit(session))).toEqual(['/'])
  })

  test('a session that was read is where it says', async () => {
    expect(await placeIn({})).toEqual({})
    expect(await placeIn({ domain: null, path: '/x' })).toEqual({ domain: null, path: '/x' })
    expect(await placeIn({ domain: '.example.org' })).toEqual({ domain: '.example.org' })
    expect(await placeIn({ domain: '.example.org' }, beaker({ validateKey, removeKeys: ['_domain'] }))).toEqual({})
    const lazy = beaker({ validateKey: () => validateKey })
    expect(await placeIn({ domain: '.example.org', path: '/x' }, lazy)).toEqual({ domain: '.example.org', path: '/x' })
  })

  test('with a store, the new row of a sign-in is in the place of the options', async () => {
    const store = memoryStore()
    const at = (codecs = [codec], options: Options = {}) =>
      serve({ codecs, store, expose: false, domain: '.example.org', ...options })
    const before = at([beaker({ validateKey, domain: null })])
    await before.visit((data) => Object.assign(data, { cart: 1 }))
    const { sessions } = at()
    const session = await sessions.load(before.browser.cookie)
    session.regenerate()
    expect(placesOf(await sessions.commit(session))).toEqual(['.example.org/', '-/'])
  })
})
