import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import {
  changeResponse,
  cookieHeader,
  createRequestMemory,
  type HeaderTarget,
  type ResponseChange,
} from '../../../src/server/core/http.js'

function incoming(cookie?: string): IncomingMessage {
  const request = new IncomingMessage(new Socket())
  if (cookie !== undefined) request.headers.cookie = cookie
  return request
}

describe('the Cookie header', () => {
  test.each([
    ['a Request', new Request('http://localhost', { headers: { cookie: 'a=1; b=2' } }), 'a=1; b=2'],
    ['a Request without one', new Request('http://localhost'), ''],
    ['an IncomingMessage', incoming('a=1; b=2'), 'a=1; b=2'],
    ['an IncomingMessage without one', incoming(), ''],
    ['anything with headers', { headers: { cookie: 'a=1' } }, 'a=1'],
    ['a header that is called get', { headers: { get: 'x', cookie: 'a=1' } as { cookie: string } }, 'a=1'],
    ['text', 'a=1', 'a=1'],
    ['no text', '', ''],
    ['null', null, ''],
    ['undefined', undefined, ''],
  ])('of %s', (_, source, cookie) => {
    expect(cookieHeader(source)).toBe(cookie)
  })

  test.each([{}, { headers: null }, { headers: 'a=1' }, 5, true])('%j has none', (source) => {
    expect(() => cookieHeader(source as unknown as string)).toThrow(/load takes a Request/)
  })
})

interface Target {
  target: HeaderTarget
  get(name: string): string[]
  set(name: string, value: string | string[]): void
}

const targets: Record<string, () => Target> = {
  Headers: () => {
    const target = new Headers()
    return {
      target,
      get: (name) => {
        if (name === 'set-cookie') return target.getSetCookie()
        const value = target.get(name)
        return value === null ? [] : [value]
      },
      set: (name, value) => {
        target.delete(name)
        for (const one of [value].flat()) target.append(name, one)
      },
    }
  },
  ServerResponse: () => {
    const target = new ServerResponse(incoming())
    return {
      target,
      get: (name) => [target.getHeader(name) ?? []].flat().map(String),
      set: (name, value) => target.setHeader(name, value),
    }
  },
}

describe.each(Object.entries(targets))('the headers of a response: %s', (_, create) => {
  const change: ResponseChange = { cookies: [], replaces: [], isPrivate: false }

  test('get each cookie on a line of its own, after those of the application', () => {
    const { target, get, set } = create()
    set('set-cookie', ['mine=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'other=2'])
    changeResponse(target, { ...change, cookies: ['a=1', 'b=2'] })
    expect(get('set-cookie')).toEqual(['mine=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'other=2', 'a=1', 'b=2'])
  })

  test('lose the cookies that are replaced, and no others', () => {
    const { target, get } = create()
    changeResponse(target, { ...change, cookies: ['a=1', 'c=9'] })
    changeResponse(target, { ...change, cookies: ['a=2'], replaces: ['a=1', 'b=1'] })
    expect(get('set-cookie')).toEqual(['c=9', 'a=2'])
  })

  test.each([
    [undefined, 'Cookie'],
    ['Accept', 'Accept, Cookie'],
    ['cookie', 'cookie'],
    ['Accept , COOKIE', 'Accept , COOKIE'],
    ['*', '*'],
    ['X-Cookie', 'X-Cookie, Cookie'],
  ])('Vary: %s becomes %s', (before, after) => {
    const { target, get, set } = create()
    if (before !== undefined) set('vary', before)
    changeResponse(target, change)
    changeResponse(target, change)
    expect(get('vary')).toEqual([after])
  })

  test('Cache-Control keeps private responses out of shared caches, unless the application says otherwise', () => {
    const { target, get, set } = create()
    changeResponse(target, change)
    expect(get('cache-control')).toEqual([])
    changeResponse(target, { ...change, isPrivate: true })
    expect(get('cache-control')).toEqual(['private, no-store'])
    set('cache-control', 'private, max-age=60')
    changeResponse(target, { ...change, isPrivate: true })
    expect(get('cache-control')).toEqual(['private, max-age=60'])
  })

  test.each([
    ['max-age=60', 'max-age=60, private'],
    ['no-cache="Set-Cookie", max-age=60', 'no-cache="Set-Cookie", max-age=60, private'],
    ['Public, max-age=60', 'Public, max-age=60'],
    ['max-age=60, s-maxage=600', 'max-age=60, s-maxage=600'],
    ['no-store', 'no-store'],
    ['private="x-user"', 'private="x-user"'],
  ])('Cache-Control: %s with a cookie becomes %s', (before, after) => {
    const { target, get, set } = create()
    set('cache-control', before)
    changeResponse(target, { ...change, isPrivate: true })
    expect(get('cache-control')).toEqual([before])
    changeResponse(target, { ...change, cookies: ['a=1'], isPrivate: true })
    expect(get('cache-control')).toEqual([after])
  })
})

test.each([new Response(), new Request('http://localhost'), {}])('%s has no headers to change', (target) => {
  const change: ResponseChange = { cookies: ['a=1'], replaces: [], isPrivate: true }
  expect(() => changeResponse(target as unknown as Headers, change)).toThrow(/pass response\.headers/)
})

test('several Vary and Cookie lines of a Node response count together', () => {
  const target = new ServerResponse(incoming())
  target.setHeader('vary', ['Accept', 'Cookie'])
  target.setHeader('set-cookie', 'mine=1')
  changeResponse(target, { cookies: ['a=1'], replaces: [], isPrivate: true })
  expect(target.getHeader('vary')).toEqual(['Accept', 'Cookie'])
  expect(target.getHeader('set-cookie')).toEqual(['mine=1', 'a=1'])
})

const requestLike = () => ({ headers: { cookie: 'a=b' } })

test.each<[string, () => object]>([
  ['an object', requestLike],
  ['a Request', () => new Request('https://example.org/')],
  ['a frozen object', () => Object.freeze(requestLike())],
  ['a proxy that takes nothing', () => new Proxy(requestLike(), { defineProperty: () => false })],
])('%s has one value in each memory of requests', (_, create) => {
  const [memory, other] = [createRequestMemory<number>(), createRequestMemory<number>()]
  const [first, second] = [create(), create()]
  expect(memory.of(first)).toBeUndefined()
  memory.keep(first, 1)
  memory.keep(second, 2)
  other.keep(first, 3)
  expect([memory.of(first), memory.of(second), other.of(first), other.of(second)]).toEqual([1, 2, 3, undefined])
  memory.keep(first, 4)
  expect(memory.of(first)).toBe(4)
})

test('nothing shows at the request, and nothing goes along to a copy or to what inherits from it', () => {
  const memory = createRequestMemory<number>()
  const kept = requestLike()
  memory.keep(kept, 1)
  expect(Reflect.ownKeys({ ...kept })).toEqual(['headers'])
  expect(kept).toStrictEqual(requestLike())
  expect([{ ...kept }, Object.create(kept), structuredClone(kept)].map((copy) => memory.of(copy))).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})
