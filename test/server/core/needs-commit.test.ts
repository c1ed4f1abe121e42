/** Whether a session needs a commit, asked in any state: a commit then does something, or else it does what marking does. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { internal } from '../../../src/server/core/verify-sessions.js'
import {
  beaker,
  beakerJwt,
  compact,
  createSessions,
  defineSession,
  type Session,
  type SessionCodec,
  SessionError,
  type SessionEvent,
  type SessionStore,
  type SessionsOptions,
} from '../../../src/server/index.js'
import { runs } from '../../random.js'
import { NAME, OLD_SECRET, SECRET, testBrowser, testClock, textCodec } from '../server.helpers.js'
import { openStore } from '../stores/stores.helpers.js'

const CODECS = {
  beakerJwt: () => beakerJwt({ secrets: [SECRET, OLD_SECRET] }),
  oldKey: () => beakerJwt({ secrets: OLD_SECRET }),
  compact: () => compact({ secrets: [SECRET, OLD_SECRET] }),
  beaker: () => beaker({ validateKey: SECRET }),
  // Its data is compared with a copy, and no page can read it.
  text: () => textCodec('text'),
  // Verifies, and refuses what it reads: such a cookie is not overwritten.
  newer: () => textCodec('newer', { family: 'newer' }),
} satisfies Record<string, () => SessionCodec>
const UNREADABLE = new SessionError('ERR_SESSION_UNSUPPORTED', 'A newer release wrote it', { verified: true })
type CodecName = keyof typeof CODECS
const READABLE: readonly CodecName[] = ['beakerJwt', 'compact']

const EXPOSED: Record<string, SessionsOptions['expose']> = {
  none: false,
  all: true,
  list: ['user', 'n'],
  function: ({ user = '' }: { user?: string }) => ({ initial: user.slice(0, 1) }),
  broken: () => {
    throw new Error('This field can not be shown')
  },
}

/** What an application does between two commits. */
type Step = readonly ['set', string, unknown] | readonly [Exclude<string, 'set'>]
const values = fc.oneof(
  fc.integer(),
  fc.string({ maxLength: 4 }),
  fc.constant(undefined),
  fc.record({ deep: fc.nat(3) }),
)
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constant('set' as const), fc.constantFrom('user', 'n', 'list'), values),
  ...['look', 'clear', 'replace', 'regenerate', 'destroy', 'pass', 'pass', 'commit', 'huge'].map((step) =>
    fc.constant([step] as const),
  ),
)

const cases = fc.record({
  codecs: fc.shuffledSubarray<CodecName>(['beakerJwt', 'compact', 'beaker', 'text'], { minLength: 1 }),
  before: fc.constantFrom<CodecName>('beakerJwt', 'oldKey', 'compact', 'beaker', 'text', 'newer'),
  beforeExpose: fc.constantFrom('none', 'list', 'function'),
  expose: fc.constantFrom(...Object.keys(EXPOSED)),
  upgrade: fc.constantFrom('always' as const, 'on-change' as const, 'never' as const),
  mode: fc.constantFrom('write' as const, 'write' as const, 'observe' as const),
  store: fc.constantFrom('none', 'atomic', 'steps'),
  touchEvery: fc.constantFrom(undefined, 0, '30s' as const),
  idleTimeout: fc.constantFrom(undefined, '1m' as const, '1h' as const),
  domain: fc.constantFrom(undefined, 'example.org'),
  cookie: fc.constantFrom('none', 'same', 'twice', 'garbage', 'without public', 'wrong public'),
  age: fc.constantFrom(0, 45, 61, 3601),
  steps: fc.array(steps, { maxLength: 5 }),
})
type Case = typeof cases extends fc.Arbitrary<infer Value> ? Value : never

function optionsOf(it: Case, names: readonly CodecName[], expose: string): SessionsOptions<Record<string, unknown>> {
  const isShown = names.some((name) => READABLE.includes(name) || name === 'oldKey')
  return {
    session: defineSession<Record<string, unknown>>({
      ...(it.idleTimeout !== undefined && { idleTimeout: it.idleTimeout }),
    }),
    codecs: names.map((name) => CODECS[name]()),
    expose: isShown || typeof EXPOSED[expose] === 'boolean' ? (EXPOSED[expose] as never) : false,
  }
}

/** The Cookie header of a browser that has been here before. */
async function cookieOf(it: Case, store: SessionStore | undefined, clock: () => Date): Promise<string> {
  const browser = testBrowser()
  if (it.cookie === 'none') return ''
  if (it.cookie === 'garbage') return `${NAME}=a.b.c`
  const sessions = createSessions({ ...optionsOf(it, [it.before], it.beforeExpose), clock, ...(store && { store }) })
  const session = await sessions.load(null)
  Object.assign(session.data, { user: 'dave', n: 1, list: [1] })
  browser.take(await sessions.commit(session))
  if (it.cookie === 'without public') browser.cookies.delete(`${NAME}.public`)
  if (it.cookie === 'wrong public') browser.cookies.set(`${NAME}.public`, 'a.b.c')
  return it.cookie === 'twice' ? `${NAME}=a.b.c; ${browser.cookie}` : browser.cookie
}

function take(
  [step, ...rest]: Step,
  session: Session<Record<string, unknown>>,
  clock: { pass(s: number): void },
): void {
  const [key = '', value] = rest as [string?, unknown?]
  if (step === 'set') session.data[key] = value
  else if (step === 'look') void session.data
  else if (step === 'clear') for (const each of Object.keys(session.data)) delete session.data[each]
  else if (step === 'replace') session.data = { ...session.data }
  else if (step === 'regenerate') session.regenerate()
  else if (step === 'huge') session.data.user = Array.from({ length: 900 }, (_, n) => (n * 7919).toString(36)).join('')
  else if (step === 'pass') clock.pass(31)
}

describe('needsCommit', () => {
  test('says what a commit then does', async () => {
    const seen = { yes: 0, no: 0 }
    await fc.assert(
      fc.asyncProperty(cases, async (it) => {
        const clock = testClock()
        const store = it.store === 'none' ? undefined : openStore({ atomic: it.store === 'atomic' })
        const cookie = await cookieOf(it, store, clock)
        clock.pass(it.age)
        const events: SessionEvent[] = []
        const protectedCodec = textCodec('newer', { family: 'newer', fails: UNREADABLE })
        const sessions = createSessions({
          ...optionsOf(it, it.codecs, it.expose),
          codecs: [...it.codecs.map((name) => CODECS[name]()), protectedCodec],
          upgrade: it.upgrade,
          mode: it.mode,
          clock,
          on: (event) => events.push(event),
          ...(store && { store }),
          ...(it.touchEvery !== undefined && { touchEvery: it.touchEvery }),
          ...(it.domain !== undefined && { domain: it.domain }),
        })
        const session = await sessions.load(cookie)
        const inner = sessions[internal]

        for (const step of [...it.steps, ['commit'] as const]) {
          take(step, session, clock)
          if (step[0] === 'destroy') await sessions.destroy(session)
          if (step[0] !== 'commit') continue
          const answer = inner.needsCommit(session)
          const marked = new Headers()
          inner.markResponse(session, marked)
          const headers = new Headers()
          events.length = 0
          if (store) store.calls.length = 0
          const outcome = await sessions.commit(session, headers).catch(() => 'failed' as const)
          const does =
            outcome === 'failed' ||
            outcome.length > 0 ||
            events.length > 0 ||
            (store?.calls.some((call) => call !== 'get') ?? false)
          seen[does ? 'yes' : 'no']++
          expect(answer).toBe(does)
          if (!does) expect([...headers]).toEqual([...marked])
        }
      }),
      { numRuns: runs(200) },
    )
    // The cases say something about both answers.
    expect(Math.min(seen.yes, seen.no)).toBeGreaterThan(20)
  })

  test('a commit under way may end in anything', async () => {
    const sessions = createSessions({ secrets: SECRET, expose: false })
    const session = await sessions.load(null)
    session.data.user = 'dave'
    const under = sessions.commit(session)
    expect(sessions[internal].needsCommit(session)).toBe(true)
    await under
    expect(sessions[internal].needsCommit(session)).toBe(false)
  })
})
