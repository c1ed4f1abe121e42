/** A page that follows its session, with a clock and cookies of the test. test/browser/watch.spec.ts does the same in a browser. */
import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  checkSessions,
  createSessionStore,
  getSession,
  inspectSession,
  refreshSession,
  watchRequests,
  watchSession,
} from '../../src/client/index.js'
import { encodeBase64Url, encodeUtf8 } from '../../src/shared/bytes.js'
import { defineSession, type SessionDefinition } from '../../src/shared/define-session.js'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const MINUTE = 60_000

/** What a browser has of a page: its events, and its cookies. */
class FakePage extends EventTarget {
  readonly listeners: string[] = []
  cookie = ''

  override addEventListener(type: string, listener: EventListener, options?: AddEventListenerOptions): void {
    super.addEventListener(type, listener, options)
    this.listeners.push(type)
    options?.signal?.addEventListener('abort', () => this.listeners.splice(this.listeners.indexOf(type), 1))
  }

  emit(type: string): void {
    this.dispatchEvent(new Event(type))
  }

  async getAll(): Promise<{ name: string; value: string }[]> {
    return this.cookie
      .split('; ')
      .filter(Boolean)
      .map((pair) => ({ name: pair.slice(0, pair.indexOf('=')), value: pair.slice(pair.indexOf('=') + 1) }))
  }
}

/** One for each test: its watcher keeps the page of the first use. */
let app: SessionDefinition
let page: FakePage
let cookieStore: FakePage

/** A cookie as a server wrote it `ago` milliseconds before its own present, which is that of the test. */
function cookieOf(data: object, { ago = 0, created = ago }: { ago?: number; created?: number } = {}): string {
  const times = { _creation_time: (NOW - created) / 1_000, _accessed_time: (NOW - ago) / 1_000 }
  return `s=e30.${encodeBase64Url(encodeUtf8(JSON.stringify({ ...data, ...times })))}.c2ln`
}

function set(cookie: string): void {
  page.cookie = cookieStore.cookie = cookie
  cookieStore.emit('change')
}

function follow(options?: Parameters<typeof watchSession>[2]) {
  const events: unknown[] = []
  const stop = watchSession(app, (session, { reason, previous }) => events.push([reason, session, previous]), options)
  return { events, stop }
}

beforeEach(() => {
  vi.useFakeTimers({ now: NOW })
  app = defineSession({ name: 's', idleTimeout: '10m', absoluteTimeout: '1h' })
  page = new FakePage()
  cookieStore = new FakePage()
  vi.stubGlobal('document', page)
  vi.stubGlobal('cookieStore', cookieStore)
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
})

afterEach(() => {
  expect([vi.getTimerCount(), page.listeners, cookieStore.listeners]).toEqual([0, [], []])
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('what a listener hears', () => {
  test('signed in, changed, signed out; nothing at once, and nothing for a renewal', () => {
    set(cookieOf({ user: 'dave' }))
    const { events, stop } = follow()
    expect(events).toEqual([])
    set(`${cookieOf({ user: 'dave' })}; other=1`)
    set(cookieOf({ user: 'dave' }, { ago: -1_000 }))
    expect(events).toEqual([])
    set(cookieOf({ user: 'erin' }))
    set('')
    set(cookieOf({ user: 'frank' }))
    expect(events).toEqual([
      ['changed', { user: 'erin' }, { user: 'dave' }],
      ['signedOut', null, { user: 'erin' }],
      ['signedIn', { user: 'frank' }, null],
    ])
    stop()
    set('')
    expect(events).toHaveLength(3)
  })

  test('a session that shows nothing is none', () => {
    const { events, stop } = follow()
    set(cookieOf({}))
    expect(events).toEqual([])
    set(cookieOf({ user: 'dave' }))
    set(cookieOf({}))
    expect(events).toEqual([
      ['signedIn', { user: 'dave' }, null],
      ['signedOut', null, { user: 'dave' }],
    ])
    stop()
  })

  test('each change in its order, also if a listener changes the cookie and looks again', () => {
    const stop = watchSession(app, (_, { reason }) => {
      if (reason !== 'signedIn') return
      page.cookie = ''
      checkSessions()
    })
    const later = follow()
    set(cookieOf({ user: 'dave' }))
    vi.advanceTimersByTime(100)
    expect(later.events).toEqual([
      ['signedIn', { user: 'dave' }, null],
      ['signedOut', null, { user: 'dave' }],
    ])
    stop()
    later.stop()
  })

  test('a token that is valid from now on, with no other time: at once', () => {
    const { events, stop } = follow()
    const claims = encodeBase64Url(encodeUtf8(JSON.stringify({ user: 'dave', nbf: NOW / 1_000 })))
    set(`s=e30.${claims}.c2ln`)
    expect(events).toEqual([['signedIn', { user: 'dave' }, null]])
    stop()
  })

  test('values of every kind are compared, not their objects', () => {
    const { events, stop } = follow()
    for (const value of [1, '1', true, 'true', null, [1], ['1'], { 0: 1 }, { 0: '1' }, 1.5]) set(cookieOf({ value }))
    expect(events).toHaveLength(10)
    set(cookieOf({ value: 1.5, more: 1 }))
    expect(events).toHaveLength(11)
    stop()
  })
})

test('sets, maps, bytes and dates, as the readers of other formats give them', () => {
  let data: object = {}
  const reader = { values: new Map(), decode: () => ({ format: 'own', data: { value: data }, meta: {} }) }
  const heard: unknown[] = []
  const stop = watchSession(app, (session) => heard.push(session), { reader })
  const values = [new Set([1]), new Set([2]), new Map([[1, 2]]), new Map([[1, 3]]), Uint8Array.of(1), new Date(0), 1n]
  for (const [index, value] of values.entries()) {
    for (const again of ['a', 'b']) {
      data = value instanceof Set ? new Set(value) : (value as object)
      set(`s=${index}${again}`)
    }
  }
  expect(heard).toEqual(values.map((value) => ({ value })))
  stop()
  set('')
})

describe('the end', () => {
  test('at the moment at which the server ends it, when it wrote the cookie a moment ago', () => {
    const { events, stop } = follow()
    set(cookieOf({ user: 'dave' }))
    vi.advanceTimersByTime(10 * MINUTE)
    expect(events).toHaveLength(1)
    vi.advanceTimersByTime(1)
    expect(events[1]).toEqual(['expired', null, { user: 'dave' }])
    // `getSession` alone knows nothing of the server's clock, and has patience.
    expect(getSession(app)).toEqual({ user: 'dave' })
    expect(getSession(app, { clockTolerance: 0 })).toBeNull()
    stop()
  })

  test('the earliest of its ends', () => {
    const { events, stop } = follow()
    set(cookieOf({ user: 'dave' }, { created: 55 * MINUTE }))
    vi.advanceTimersByTime(5 * MINUTE)
    expect(events).toHaveLength(1)
    vi.advanceTimersByTime(1)
    expect(events[1]).toEqual(['expired', null, { user: 'dave' }])
    stop()
  })

  test('a cookie that the browser drops in its last second has expired, too', () => {
    const { events, stop } = follow()
    set(cookieOf({ user: 'dave' }))
    vi.advanceTimersByTime(10 * MINUTE - 500)
    set('')
    expect(events[1]).toEqual(['expired', null, { user: 'dave' }])
    stop()
  })

  test.each([
    ['the browser drops at its end', 5 * MINUTE, 'expired'],
    ['the browser drops in its last second', 5 * MINUTE - 500, 'expired'],
    ['a server takes away shortly before its end', 5 * MINUTE - 2_000, 'signedOut'],
  ])('a cookie from before that %s, while nothing tells the clock of the server', (_, passed, reason) => {
    set(cookieOf({ user: 'dave' }, { ago: 5 * MINUTE }))
    const { events, stop } = follow()
    vi.advanceTimersByTime(passed)
    set('')
    expect(events).toEqual([[reason, null, { user: 'dave' }]])
    stop()
  })

  test('what a page shows that comes later: the store knows of the end, getSession alone does not', () => {
    const { stop } = follow()
    set(cookieOf({ user: 'dave' }))
    vi.advanceTimersByTime(10 * MINUTE + 1)
    expect([getSession(app), createSessionStore(app).getSnapshot()]).toEqual([{ user: 'dave' }, null])
    stop()
    expect(createSessionStore(app).getSnapshot()).toBeNull()
  })

  test('with a cookie from before, whose server may have another clock: at most 30 seconds late, or as the option says', () => {
    set(cookieOf({ user: 'dave' }, { ago: 5 * MINUTE }))
    const [late, exact] = [follow(), follow({ clockTolerance: 0 })]
    vi.advanceTimersByTime(5 * MINUTE + 1)
    expect([late.events, exact.events]).toEqual([[], [['expired', null, { user: 'dave' }]]])
    vi.advanceTimersByTime(30_000 - 1)
    expect(late.events).toEqual([])
    vi.advanceTimersByTime(1)
    expect(late.events).toEqual([['expired', null, { user: 'dave' }]])
    late.stop()
    exact.stop()
  })

  test.each([
    ['10 minutes behind', -10 * MINUTE],
    ['20 seconds ahead', 20_000],
  ])('by the clock of the server: that of the visitor is %s', (_, wrong) => {
    vi.setSystemTime(NOW + wrong)
    const { events, stop } = follow()
    set(cookieOf({ user: 'dave' }))
    vi.advanceTimersByTime(10 * MINUTE)
    expect(events).toEqual([['signedIn', { user: 'dave' }, null]])
    expect(createSessionStore(app).getEnd()).toEqual(new Date(NOW + wrong + 10 * MINUTE + 1))
    vi.advanceTimersByTime(1)
    expect(events[1]).toEqual(['expired', null, { user: 'dave' }])
    stop()
  })

  test('a clock that is set while the page is open ends nothing early', () => {
    vi.setSystemTime(NOW - 60 * MINUTE)
    const { events, stop } = follow()
    set(cookieOf({ user: 'dave' }))
    // Somebody corrects it: it showed an hour too little.
    const passed = performance.now()
    vi.setSystemTime(NOW)
    expect(performance.now()).toBe(passed)
    page.emit('focus')
    expect(events).toHaveLength(1)
    vi.advanceTimersByTime(10 * MINUTE)
    expect(events).toHaveLength(1)
    vi.advanceTimersByTime(MINUTE)
    expect(events[1]).toEqual(['expired', null, { user: 'dave' }])
    stop()
  })

  test('a machine that slept: with the first event after it', () => {
    const { events, stop } = follow()
    set(cookieOf({ user: 'dave' }))
    vi.setSystemTime(NOW + 60 * MINUTE)
    page.emit('visibilitychange')
    expect(events[1]).toEqual(['expired', null, { user: 'dave' }])
    stop()
  })

  test('a machine that slept: within a second also without an event', () => {
    const { events, stop } = follow()
    set(cookieOf({ user: 'dave' }))
    vi.advanceTimersByTime(MINUTE)
    vi.setSystemTime(NOW + 60 * MINUTE)
    vi.advanceTimersByTime(1_000)
    expect(events[1]).toEqual(['expired', null, { user: 'dave' }])
    stop()
  })

  test('the snapshot knows it before any timer and any event, and has no end any more', () => {
    const { events, stop } = follow()
    const store = createSessionStore(app)
    set(cookieOf({ user: 'dave' }))
    vi.setSystemTime(NOW + 60 * MINUTE)
    expect([store.getSnapshot(), store.getEnd()]).toEqual([null, null])
    // Nobody is told in the midst of a question.
    expect(events).toHaveLength(1)
    vi.setSystemTime(NOW)
    expect([store.getSnapshot(), store.getEnd()]).toEqual([null, null])
    vi.advanceTimersByTime(1_000)
    expect(events[1]).toEqual(['expired', null, { user: 'dave' }])
    stop()
  })

  test('an end that has been seen stays one, whatever the clock says then; another cookie is shown', () => {
    const { events, stop } = follow()
    set(cookieOf({ user: 'dave' }))
    vi.advanceTimersByTime(10 * MINUTE + 1)
    expect(events).toHaveLength(2)
    vi.setSystemTime(NOW)
    page.emit('focus')
    vi.advanceTimersByTime(MINUTE)
    expect([events.length, createSessionStore(app).getSnapshot()]).toEqual([2, null])
    set(cookieOf({ user: 'dave' }, { ago: -1_000 }))
    expect(events[2]).toEqual(['signedIn', { user: 'dave' }, null])
    stop()
    expect(createSessionStore(app).getSnapshot()).toEqual({ user: 'dave' })
  })

  test('a cookie that the browser drops without an event: within a second', () => {
    set(cookieOf({ user: 'dave' }, { ago: 5 * MINUTE }))
    const { events, stop } = follow()
    vi.advanceTimersByTime(5 * MINUTE)
    page.cookie = ''
    vi.advanceTimersByTime(1_000)
    expect(events).toEqual([['expired', null, { user: 'dave' }]])
    stop()
  })

  test('a slow clock and an old cookie: late by the age of the cookie at most', () => {
    vi.setSystemTime(NOW - 60 * MINUTE)
    set(cookieOf({ user: 'dave' }, { ago: 4 * MINUTE }))
    const { events, stop } = follow()
    vi.advanceTimersByTime(10 * MINUTE)
    expect(events).toEqual([])
    vi.advanceTimersByTime(1)
    expect(events).toEqual([['expired', null, { user: 'dave' }]])
    stop()
  })

  test('months ahead: a timer holds 24 days at most', () => {
    const long = defineSession({ name: 's', idleTimeout: '52w' })
    const events: unknown[] = []
    const stop = watchSession(long, (_, { reason }) => events.push(reason), { poll: Infinity })
    set(cookieOf({ user: 'dave' }))
    vi.advanceTimersByTime(40 * 24 * 60 * MINUTE)
    expect(events).toEqual(['signedIn'])
    stop()
  })

  test('a renewal moves it', () => {
    const store = createSessionStore(app)
    const told: unknown[] = []
    set(cookieOf({ user: 'dave' }))
    const stop = store.subscribe(({ reason }) => told.push(reason))
    const before = store.getSnapshot()
    vi.advanceTimersByTime(9 * MINUTE)
    set(cookieOf({ user: 'dave' }, { ago: -9 * MINUTE, created: 0 }))
    expect(told).toEqual([undefined])
    expect(store.getSnapshot()).toBe(before)
    expect(store.getEnd()).toEqual(new Date(NOW + 19 * MINUTE + 1))
    vi.advanceTimersByTime(9 * MINUTE)
    expect(store.getSnapshot()).toBe(before)
    stop()
  })

  test('inspectSession names it', () => {
    const at = (cookie: string) => {
      const { endsAt, endsBy } = inspectSession(app, { cookie })
      return [endsAt?.getTime(), endsBy]
    }
    expect(at(cookieOf({ a: 1 }))).toEqual([NOW + 10 * MINUTE + 1, 'idle'])
    expect(at(cookieOf({ a: 1 }, { created: 59 * MINUTE }))).toEqual([NOW + MINUTE + 1, 'absolute'])
    expect(at(cookieOf({ _session_expiry: new Date(NOW + 5_000).toISOString() }))).toEqual([NOW + 5_000, 'exp'])
    expect(at(cookieOf({ _session_expiry: 60 }))).toEqual([NOW + MINUTE + 1, 'idle'])
    const claims = encodeBase64Url(encodeUtf8(JSON.stringify({ exp: NOW / 1_000 + 7 })))
    expect(at(`s=e30.${claims}.c2ln`)).toEqual([NOW + 7_000, 'exp'])
    expect(at('s=broken')).toEqual([undefined, undefined])
    expect(at('')).toEqual([undefined, undefined])
  })
})

describe('in a browser without a Cookie Store', () => {
  beforeEach(() => vi.stubGlobal('cookieStore', undefined))

  test.each(['focus', 'pageshow', 'visibilitychange'])('the page looks again after %s', (type) => {
    const { events, stop } = follow()
    page.cookie = cookieOf({ user: 'dave' })
    expect(events).toEqual([])
    page.emit(type)
    expect(events).toEqual([['signedIn', { user: 'dave' }, null]])
    stop()
  })

  test('and every 5 seconds, or as often as the option says', () => {
    const [usual, often] = [follow(), follow({ poll: 1 })]
    page.cookie = cookieOf({ user: 'dave' })
    vi.advanceTimersByTime(1_000)
    expect([usual.events.length, often.events.length]).toEqual([0, 1])
    vi.advanceTimersByTime(4_000)
    expect(usual.events).toHaveLength(1)
    usual.stop()
    often.stop()
  })

  test('or never', () => {
    const { events, stop } = follow({ poll: Infinity })
    const read = vi.spyOn(page, 'cookie', 'get')
    vi.advanceTimersByTime(MINUTE)
    expect([read.mock.calls, events]).toEqual([[], []])
    stop()
  })

  test('it tells other tabs, and hears them', async () => {
    vi.useFakeTimers({ now: NOW, toFake: ['Date', 'performance'] })
    const other = new BroadcastChannel('sessionglass')
    const told = new Promise((resolve) => {
      other.onmessage = resolve
    })
    const { events, stop } = follow()
    page.cookie = cookieOf({ user: 'dave' })
    page.emit('focus')
    await told
    page.cookie = ''
    other.postMessage(0)
    await vi.waitFor(() => expect(events).toHaveLength(2))
    stop()
    other.close()
  })

  test('requests of the page: nothing is wrapped unasked, and everything is as before afterwards', async () => {
    class FakeRequest extends EventTarget {
      readonly sent: unknown[] = []
      send(...body: unknown[]): void {
        this.sent.push(...body)
      }
    }
    const { send } = FakeRequest.prototype
    const sendRequest = vi.fn(async (_url: string) => {
      page.cookie = cookieOf({ user: 'dave' })
      return new Response('ok')
    })
    vi.stubGlobal('fetch', sendRequest)
    vi.stubGlobal('XMLHttpRequest', FakeRequest)
    const { events, stop } = follow()
    expect([globalThis.fetch, FakeRequest.prototype.send]).toEqual([sendRequest, send])
    const unwrap = watchRequests()
    expect(await (await fetch('/sign-in')).text()).toBe('ok')
    expect(events).toHaveLength(1)
    const request = new FakeRequest()
    request.send('body')
    expect(request.sent).toEqual(['body'])
    page.cookie = ''
    request.dispatchEvent(new Event('loadend'))
    expect(events).toHaveLength(2)
    page.emit('submit')
    page.cookie = cookieOf({ user: 'erin' })
    vi.advanceTimersByTime(1_000)
    expect(events).toHaveLength(3)
    sendRequest.mockRejectedValueOnce(new TypeError('offline'))
    await expect(fetch('/')).rejects.toThrow('offline')
    unwrap()
    expect([globalThis.fetch, FakeRequest.prototype.send]).toEqual([sendRequest, send])
    stop()
    vi.runAllTimers()
  })

  test('by hand, after a request of your own', () => {
    const { events, stop } = follow()
    page.cookie = cookieOf({ user: 'dave' })
    checkSessions()
    expect(events).toHaveLength(1)
    stop()
  })
})

describe('refreshSession', () => {
  test('posts, tells whether the server renewed, and learns its clock from the answer', async () => {
    const wrong = 5 * MINUTE
    vi.setSystemTime(NOW + wrong)
    const { events, stop } = follow()
    set(cookieOf({ user: 'dave' }))
    // A clock that is too far ahead ends it too early.
    expect(createSessionStore(app).getEnd()).toEqual(new Date(NOW + 10 * MINUTE + 1 + 30_000))
    const send = vi.fn(async (_url: string, _init: RequestInit) => {
      page.cookie = cookieOf({ user: 'dave' })
      return new Response(null, { status: 204, headers: { date: new Date(NOW).toUTCString() } })
    })
    vi.stubGlobal('fetch', send)
    expect(await refreshSession('/session/touch', { headers: { 'x-csrf-token': '1' } })).toBe(true)
    expect(send.mock.calls[0]?.[1]).toMatchObject({ method: 'POST', headers: { 'x-csrf-token': '1' } })
    // A second of the header may be half over.
    expect(createSessionStore(app).getEnd()).toEqual(new Date(NOW + wrong + 10 * MINUTE + 1 - 500))
    send.mockResolvedValueOnce(new Response(null, { status: 401 }))
    expect(await refreshSession('/session/touch')).toBe(false)
    expect(events).toHaveLength(1)
    stop()
  })

  test('learns it also from the first answer after a sleep', async () => {
    const wrong = 5 * MINUTE
    vi.setSystemTime(NOW + wrong)
    const { stop } = follow()
    set(cookieOf({ user: 'dave' }))
    vi.setSystemTime(NOW + wrong + MINUTE)
    vi.stubGlobal('fetch', async () => {
      page.cookie = cookieOf({ user: 'dave' }, { ago: -MINUTE, created: 0 })
      return new Response(null, { status: 204, headers: { date: new Date(NOW + MINUTE).toUTCString() } })
    })
    await refreshSession('/session')
    expect(createSessionStore(app).getEnd()).toEqual(new Date(NOW + wrong + 11 * MINUTE + 1 - 500))
    stop()
  })

  test.each([200, 403, 405, 500, 503])(
    'of an answer with %i nothing is known: it is neither renewed nor gone',
    async (status) => {
      const answer = new Response(null, { status })
      vi.stubGlobal('fetch', async () => answer)
      const error = await refreshSession('/session').catch((error: unknown) => error)
      expect(error).toMatchObject({ message: `The server answered ${status}`, cause: answer })
    },
  )
})

describe('one for all', () => {
  test('listeners of a definition share a watcher, those with options have their own', () => {
    const stops = [follow(), follow(), follow({ signal: new AbortController().signal })].map(({ stop }) => stop)
    expect(cookieStore.listeners).toHaveLength(1)
    const own = follow({ poll: 30 })
    expect(cookieStore.listeners).toHaveLength(2)
    expect(createSessionStore(app)).toBe(createSessionStore(app))
    for (const stop of [...stops, own.stop]) {
      stop()
      stop()
    }
  })

  test('one function that listens twice hears twice', () => {
    const listener = vi.fn()
    const stops = [watchSession(app, listener), watchSession(app, listener)]
    set(cookieOf({ user: 'dave' }))
    expect(listener).toHaveBeenCalledTimes(2)
    stops[0]?.()
    set('')
    expect(listener).toHaveBeenCalledTimes(3)
    stops[1]?.()
  })

  test('a signal ends it, also one that came too early', () => {
    const controller = new AbortController()
    const { events } = follow({ signal: controller.signal })
    controller.abort()
    follow({ signal: controller.signal })
    set(cookieOf({ user: 'dave' }))
    expect(events).toEqual([])
  })

  test('nothing is left after ten thousand', () => {
    const { signal } = new AbortController()
    for (let round = 0; round < 10_000; round++) watchSession(app, () => {}, { signal })()
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('a store that nobody follows reads anew each time, and keeps what is equal', () => {
    const store = createSessionStore(app)
    expect([store.getSnapshot(), store.getServerSnapshot(), store.getEnd()]).toEqual([null, null, null])
    page.cookie = cookieOf({ user: 'dave' })
    const first = store.getSnapshot()
    expect(first).toEqual({ user: 'dave' })
    page.cookie = cookieOf({ user: 'dave' }, { ago: 1_000 })
    expect(store.getSnapshot()).toBe(first)
    expect(store.getEnd()).not.toBeNull()
  })
})

test('in a worker, which has no document', async () => {
  vi.stubGlobal('document', undefined)
  const subscribe = vi.fn(async () => {})
  vi.stubGlobal('registration', { cookies: { subscribe } })
  const { events, stop } = follow()
  set(cookieOf({ user: 'dave' }))
  await vi.waitFor(() => expect(events).toEqual([['signedIn', { user: 'dave' }, null]]))
  expect(subscribe).toHaveBeenCalledOnce()
  cookieStore.cookie = ''
  page.emit('cookiechange')
  await vi.waitFor(() => expect(events).toHaveLength(2))
  stop()
})

test('on a server it does nothing', () => {
  for (const name of ['document', 'cookieStore', 'addEventListener']) vi.stubGlobal(name, undefined)
  const { events, stop } = follow()
  expect(vi.getTimerCount()).toBe(0)
  expect(createSessionStore(app).getSnapshot()).toBeNull()
  checkSessions()
  const { fetch } = globalThis
  watchRequests()()
  expect(globalThis.fetch).toBe(fetch)
  stop()
  expect(events).toEqual([])
})
