/** Random visits to two sessions at once: what a page hears and shows is what a model of the server says. */
import { afterEach, expect, test, vi } from 'vitest'
import { checkSessions, createSessionStore, watchSession } from '../../src/client/index.js'
import { encodeBase64Url, encodeUtf8 } from '../../src/shared/bytes.js'
import { defineSession } from '../../src/shared/define-session.js'
import { runs } from '../random.js'

const START = Date.parse('2026-03-01T12:00:00Z')
const SECOND = 1_000
const IDLE = 600 * SECOND
const ABSOLUTE = 3_600 * SECOND
/** How late an end may be while nothing tells the server's clock: 30 seconds of patience, and 29 that the visitor's is wrong. */
const PATIENCE = 60 * SECOND

/** A generator of random numbers from 0 to 1 (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One session: what the server knows of it, and what the page has been told. */
class Model {
  readonly definition: ReturnType<typeof defineSession>
  readonly log: string[] = []
  user: string | null = null
  created = 0
  accessed = 0
  /** Whether the page knows the server's clock to the millisecond. */
  isExact = false
  shown: string | null = null
  stop = (): void => {}

  readonly name: string
  readonly world: World

  constructor(name: string, world: World) {
    this.name = name
    this.world = world
    this.definition = defineSession({ name, idleTimeout: '10m', absoluteTimeout: '1h' })
    this.follow()
  }

  get end(): number {
    return Math.min(this.accessed + IDLE, this.created + ABSOLUTE) + 1
  }

  get isOver(): boolean {
    return this.user === null || this.world.time >= this.end
  }

  get cookie(): string {
    const times = { _creation_time: this.created / SECOND, _accessed_time: this.accessed / SECOND }
    const claims = encodeBase64Url(encodeUtf8(JSON.stringify({ user: this.user, ...times })))
    return this.user === null ? '' : `${this.name}=e30.${claims}.c2ln`
  }

  follow(): void {
    this.stop()
    this.stop = watchSession(this.definition, (session, { reason, previous }) => {
      const { time } = this.world
      expect(previous, 'what it was before').toEqual(this.shown === null ? null : { user: this.shown })
      if (reason === 'expired') this.expectEnd(time)
      else this.log.push(reason)
      this.shown = (session as { user?: string } | null)?.user ?? null
    })
    // Nobody has told it what happened meanwhile.
    this.shown = this.page
  }

  get page(): string | null {
    const session = createSessionStore(this.definition).getSnapshot() as { user: string } | null
    return session?.user ?? null
  }

  /** An end is told once, in time, and never early. */
  expectEnd(time: number): void {
    if (this.user === null) return void this.log.push('expired')
    expect(time - this.end, 'early').toBeGreaterThanOrEqual(0)
    expect(time - this.end, 'late').toBeLessThanOrEqual(this.isExact ? 0 : PATIENCE)
  }

  /** The server writes the cookie: the page hears what has become of the session, and then knows the clock. */
  write(user: string | null): void {
    const { time } = this.world
    const before = this.shown
    const isNearEnd = this.end - time <= 31 * SECOND
    if (user !== null) {
      if (this.isOver) this.created = time
      this.accessed = time
      this.isExact = true
    }
    this.user = user
    this.log.length = 0
    this.world.tell()
    const ended = isNearEnd && this.log[0] === 'expired' ? 'expired' : 'signedOut'
    const reason = user === null ? ended : before === null ? 'signedIn' : 'changed'
    expect(this.log, 'what it hears').toEqual(user === before ? [] : [reason])
    this.log.length = 0
    expect(this.shown, 'what it was told').toBe(user)
  }

  check(): void {
    const { time } = this.world
    expect(this.log, 'what nothing has caused').toEqual([])
    expect(this.page, 'what the page shows').toBe(this.shown)
    const isLate = time >= this.end + (this.isExact ? 0 : PATIENCE)
    if (this.user === null || isLate) expect(this.shown, 'after its end').toBeNull()
    else if (time < this.end) expect(this.shown, 'before its end').toBe(this.user)
  }
}

/** The server, the browser and the visitor's clock. */
class World {
  time = START
  readonly page = Object.assign(new EventTarget(), { cookie: '' })
  readonly cookieStore = new EventTarget()
  readonly steps: string[] = []
  readonly models: readonly Model[]

  readonly random: () => number

  constructor(random: () => number) {
    this.random = random
    vi.useFakeTimers({ now: START })
    vi.stubGlobal('document', this.page)
    vi.stubGlobal('cookieStore', this.cookieStore)
    vi.stubGlobal('addEventListener', this.page.addEventListener.bind(this.page))
    this.models = ['one', 'two'].map((name) => new Model(name, this))
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  tell(): void {
    this.page.cookie = this.models.map(({ cookie }) => cookie).join('; ')
    this.cookieStore.dispatchEvent(new Event('change'))
  }

  /** Each millisecond of an event is known to the models. */
  pass(milliseconds: number): void {
    for (let rest = milliseconds; rest > 0; ) {
      const next = Math.min(
        rest,
        ...this.models.map(({ end }) => (end > this.time ? end - this.time : Infinity)),
        SECOND,
      )
      this.time += next
      rest -= next
      vi.advanceTimersByTime(next)
    }
  }

  step(): void {
    const model = this.models[this.below(2)] as Model
    const kind = this.below(10)
    this.steps.push(`${kind} ${model.name} at ${this.time - START}`)
    if (kind < 2) model.write(['dave', 'erin', 'frank'][this.below(3)] as string)
    else if (kind === 2 && !model.isOver) model.write(model.user)
    else if (kind === 3) model.write(null)
    else if (kind === 4) model.follow()
    else if (kind === 5) {
      // A step of one second alone would not be noticed.
      vi.setSystemTime(this.time + (this.below(29) - 14) * 2 * SECOND)
      for (const one of this.models) one.isExact = false
      this.page.dispatchEvent(new Event('visibilitychange'))
    } else if (kind === 6) this.page.dispatchEvent(new Event(['focus', 'pageshow'][this.below(2)] as string))
    else if (kind === 7) checkSessions()
    else this.pass(this.below([SECOND, 60 * SECOND, IDLE + 2 * SECOND][this.below(3)] as number))
  }
}

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

test(
  'what a page hears and shows is what the server does',
  () => {
    const first = Number(process.env.FUZZ_SEED ?? Date.now() % 1e9)
    for (let seed = first; seed < first + runs(20); seed++) {
      const world = new World(randomFrom(seed))
      try {
        for (let step = 0; step < 60; step++) {
          world.step()
          for (const model of world.models) model.check()
        }
      } catch (error) {
        throw new Error(`FUZZ_SEED=${seed}: after ${world.steps.slice(-8).join('; ')}`, { cause: error })
      } finally {
        for (const { stop } of world.models) stop()
      }
      expect(vi.getTimerCount()).toBe(0)
    }
  },
  runs(60_000),
)
