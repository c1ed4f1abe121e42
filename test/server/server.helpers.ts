/** What the server's tests share: secrets, a clock that is set by hand, a browser's cookies, and a codec without keys. */
import { inspect } from 'node:util'
import { expect } from 'vitest'
import {
  createSessions,
  defineSession,
  type SessionCodec,
  SessionError,
  type SessionEvent,
  type Sessions,
  type SessionsOptions,
} from '../../src/server/index.js'

export const SECRET = 'swordfish-one-of-the-keys-0123456789abcdef-and-64-bytes-for-HS512'
export const OLD_SECRET = 'swordfish-old-of-the-keys-0123456789abcdef-and-64-bytes-for-HS512'
export const NAME = 'beaker.session.id'
/** 2023-11-14T22:13:20Z. */
export const START = 1_700_000_000_000

export interface Clock {
  (): Date
  /** Seconds. */
  pass(seconds: number): void
}

export function testClock(start = START): Clock {
  let now = start
  return Object.assign(() => new Date(now), {
    pass: (seconds: number) => {
      now += seconds * 1000
    },
  })
}

export interface Browser {
  /** The Cookie header. */
  readonly cookie: string
  readonly cookies: Map<string, string>
  /** Takes what a response set. */
  take(setCookies: readonly string[]): void
}

/** Keeps cookies as a browser does, without regard to domain, path and dates. */
export function testBrowser(): Browser {
  const cookies = new Map<string, string>()
  return {
    cookies,
    get cookie() {
      return [...cookies].map((pair) => pair.join('=')).join('; ')
    },
    take(setCookies) {
      for (const setCookie of setCookies) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(setCookie) ?? []
        if (/; Max-Age=0(;|$)/.test(setCookie)) cookies.delete(name)
        else cookies.set(name, value)
      }
    },
  }
}

export interface Fixture {
  sessions: Sessions
  browser: Browser
  clock: Clock
  events: SessionEvent[]
  /** One request that changes the session, with its response. */
  visit(change?: (data: Record<string, unknown>) => unknown): Promise<string[]>
}

/** A server with one browser. Options of `session` go beside the others. */
export function serve(
  options: Partial<SessionsOptions> & { idleTimeout?: number; absoluteTimeout?: number; name?: string } = {},
  { browser = testBrowser(), clock = testClock() }: { browser?: Browser; clock?: Clock } = {},
): Fixture {
  const { idleTimeout, absoluteTimeout, name, ...rest } = options
  const events: SessionEvent[] = []
  const sessions = createSessions({
    session: defineSession({
      ...(name === undefined ? {} : { name }),
      idleTimeout: idleTimeout ?? false,
      ...(absoluteTimeout === undefined ? {} : { absoluteTimeout }),
    }),
    ...(rest.codecs ? {} : { secrets: [SECRET] }),
    expose: true,
    clock,
    on: (event) => events.push(event),
    ...rest,
  })
  return {
    sessions,
    browser,
    clock,
    events,
    async visit(change = () => {}) {
      const session = await sessions.load(browser.cookie)
      change(session.data)
      const cookies = await sessions.commit(session)
      browser.take(cookies)
      return cookies
    },
  }
}

/** What a visitor called dave changes when he signs in. */
export function dave(data: object): unknown {
  return Object.assign(data, { user: 'dave' })
}

/** The names of the cookies that were set or expired. */
export function namesOf(setCookies: readonly string[]): string[] {
  return setCookies.map((setCookie) => setCookie.slice(0, setCookie.indexOf('=')))
}

/** The names of those that were expired. */
export function expiredOf(setCookies: readonly string[]): string[] {
  return namesOf(setCookies.filter((setCookie) => /; Max-Age=0(;|$)/.test(setCookie)))
}

/** A codec of `family~name~JSON`: no keys, so that a test of the core sees nothing but the core. */
export function textCodec(name: string, parts: Partial<SessionCodec> & { fails?: unknown } = {}): SessionCodec {
  const { fails, ...rest } = parts
  const family = rest.family ?? 'text'
  return {
    name,
    family,
    readable: false,
    matches: (value) => value.startsWith(`${family}~`),
    async verify(value) {
      if (fails !== undefined) throw fails
      const [, writer, text = ''] = value.split('~')
      if (writer !== name) throw new SessionError('ERR_SESSION_SIGNATURE', 'No key verifies the signature')
      const { data, id, createdAt, accessedAt } = JSON.parse(decodeURIComponent(text)) as Record<string, string>
      return {
        data: data as unknown as Record<string, unknown>,
        ...(id === undefined ? {} : { id }),
        ...(createdAt === undefined ? {} : { createdAt: new Date(createdAt) }),
        ...(accessedAt === undefined ? {} : { accessedAt: new Date(accessedAt) }),
        keyIndex: 0,
      }
    },
    sign: async ({ data, id, createdAt, accessedAt }) =>
      `${family}~${name}~${encodeURIComponent(JSON.stringify({ data, id, createdAt, accessedAt }))}`,
    ...rest,
  }
}

/** Fails unless the promise, or what the function throws, is a `SessionError` of this code; gives it back. */
export async function rejection(code: string, outcome: unknown): Promise<SessionError> {
  let error: unknown
  try {
    await (typeof outcome === 'function' ? outcome() : outcome)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(SessionError)
  expect((error as SessionError).code).toBe(code)
  return error as SessionError
}

/** Fails where a printed value holds one of the words, as a log would. */
export function expectWithout(value: unknown, words: readonly string[]): void {
  const printed = inspect(value, { depth: 12, showHidden: true }) + String((value as Error | undefined)?.stack ?? '')
  for (const word of words) expect(printed).not.toContain(word)
}
