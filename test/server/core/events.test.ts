import { describe, expect, test } from 'vitest'
import { SessionError, type SessionEvent } from '../../../src/server/index.js'
import { expectWithout, NAME, OLD_SECRET, SECRET, START, serve, textCodec } from '../server.helpers.js'

const dave = (data: Record<string, unknown>): unknown => Object.assign(data, { user: 'marlin', secretKey: 'marlin' })
const sizeOf = (cookie: string): number => cookie.length - 1

describe('events', () => {
  test('tell what happened, with codec, key, size and time', async () => {
    const old = serve({ secrets: [OLD_SECRET] })
    await old.visit(dave)
    const before = sizeOf(old.browser.cookie)
    const { visit, events, browser, clock } = serve({ secrets: [SECRET, OLD_SECRET] }, old)
    clock.pass(1)
    await visit()
    const about = { codec: 'beakerJwt', codecIndex: 0, cookie: NAME, time: new Date(START + 1000) }
    const after = sizeOf(browser.cookie)
    expect(events).toStrictEqual([
      { type: 'read', ...about, keyIndex: 1, bytes: before },
      { type: 'upgraded', ...about, keyIndex: 0, bytes: after },
      { type: 'committed', ...about, keyIndex: 0, bytes: after },
    ])
  })

  test('of a rejected cookie tell the code and the size', async () => {
    const { sessions, events } = serve()
    await sessions.load(`${NAME}=garbage; ${NAME}=a.b.c`)
    expect(events).toStrictEqual([
      { type: 'rejected', code: 'ERR_SESSION_MALFORMED', bytes: NAME.length + 5, cookie: NAME, time: new Date(START) },
      {
        type: 'rejected',
        code: 'ERR_SESSION_UNSUPPORTED',
        bytes: NAME.length + 7,
        cookie: NAME,
        time: new Date(START),
      },
      {
        type: 'shadowed',
        candidates: 2,
        shadowed: [
          { position: 0, bytes: NAME.length + 7, code: 'ERR_SESSION_UNSUPPORTED' },
          { position: 1, bytes: NAME.length + 5, code: 'ERR_SESSION_MALFORMED' },
        ],
        cookie: NAME,
        time: new Date(START),
      },
    ])
  })

  test('of a visitor without a cookie there are none', async () => {
    const { visit, events } = serve()
    await visit()
    expect(events).toEqual([])
  })

  test('a kid is told', async () => {
    const codec = textCodec('text', { verify: async () => ({ data: {}, kid: '2024', keyIndex: 1 }) })
    const { sessions, events } = serve({ codecs: [codec], expose: false })
    await sessions.load(`${NAME}=text~x`)
    expect(events).toMatchObject([{ type: 'read', kid: '2024', keyIndex: 1 }])
  })

  test('never hold data, a token or a secret', async () => {
    const secrets = [SECRET, OLD_SECRET]
    const first = serve({ secrets: [OLD_SECRET], expose: ['user'] })
    await first.visit(dave)
    const { browser, clock } = first
    const token = browser.cookies.get(NAME) as string
    const all: SessionEvent[] = []
    const on = (event: SessionEvent): unknown => all.push(event)
    const narrow = textCodec('narrow', {
      sign: ({ data }) => {
        throw new SessionError('ERR_SESSION_UNWRITABLE', `${String(data.user)}`, { path: 'user' })
      },
    })
    const observed = serve({ secrets, expose: ['user'], mode: 'observe', on }, { browser, clock })
    await observed.visit(dave)
    const { codecs: _, ...plain } = { codecs: [narrow], secrets, expose: ['user'], on }
    const { sessions, visit } = serve(plain, { browser, clock })
    await visit()
    clock.pass(100)
    await visit()
    await sessions.load(`${NAME}=${token.slice(0, -3)}AAA; ${NAME}=marlin; ${browser.cookie}; ${NAME}=a.b.`)
    await sessions.destroy(await sessions.load(browser.cookie))
    expect(new Set(all.map(({ type }) => type))).toEqual(
      new Set(['read', 'upgraded', 'renewed', 'committed', 'rejected', 'shadowed', 'destroyed']),
    )
    const pieces = [...browser.cookies.values(), token].flatMap((value) =>
      value.split('.').filter((part) => part.length > 8),
    )
    for (const event of all) expectWithout(event, ['marlin', 'swordfish', ...pieces])
  })
})
