/**
 * Cookies between Node and the real Beaker, both directions, in each serializer and cipher (FORMATS §2): one suite for each
 * side of `#platform` and each Beaker.
 */
import { expect, test } from 'vitest'
import { platform } from '#platform'
import type { BeakerCryptoType } from '../../src/server/codecs/beaker.js'
import { beaker, createSessions, isSessionError, type Session, type Sessions } from '../../src/server/index.js'
import { cookieHeader, cookieValue, type WsgiAnswer } from './beaker-jwt.helpers.js'
import { type BeakerOptions, describeWithPython, type PeerOptions } from './peer.js'
import { createRandom, type Random, randomData, seed } from './random-data.js'
import { member, normalized, type Tagged, taggedOf } from './tagged.js'

interface Form {
  name: string
  serializer: 'pickle' | 'json'
  cryptoType?: BeakerCryptoType
  nonceBits?: number
}

const ciphers = [
  {},
  { cryptoType: 'cryptography' },
  { cryptoType: 'pycrypto' },
  { cryptoType: 'pycrypto', nonceBits: 48 },
  { cryptoType: 'cryptography', nonceBits: 64 },
] as const
const forms: Form[] = (['pickle', 'json'] as const).flatMap((serializer) =>
  ciphers.map((cipher) => ({ name: [serializer, ...Object.values(cipher)].join(' '), serializer, ...cipher })),
)

const validateKey = 'interop validate key, %41+"=;'.slice(0, 26)
const encryptKey = 'interop encrypt key'

interface SavedCookie {
  cookie: string
  own: Record<string, Tagged>
  keys: string[]
}

/** @param count - of random sessions for each serializer and cipher */
export function beakerSuite(count: number, which: PeerOptions['older'] = false): void {
  const title = `${which || 'current'} Beaker and ${platform.name}, SEED=${seed}`
  const program = { program: 'beaker_peer.py', older: which }
  describeWithPython(
    title,
    (peer) => {
      test.each(forms)('Node changes one key of what Python saved, as $name', async (form) => {
        const options = pythonOptions(form)
        const random = createRandom(seed)
        const saved = await peer.call<SavedCookie[]>('random_cookies', { seed, count, options })
        const comparisons: Record<string, unknown>[] = []
        for (const [index, { cookie, own, keys }] of saved.entries()) {
          const sessions = nodeSessions(form)
          const session = await sessions.load(cookieHeader(cookie))
          expect(session.rejected, `session ${index}`).toBeUndefined()
          expect(session.id).toBe(own._id)
          expect(Object.keys(session.data)).toEqual(expect.arrayContaining(keys))
          expect(Object.keys(session.data)).toHaveLength(keys.length)
          const changed = changeOneKey(session, random)
          const written = cookieValue(await sessions.commit(session))
          expect(written).not.toBe(cookie)
          comparisons.push({ a: cookie, b: written, options, changed: [changed] })
        }
        expect(comparisons).toHaveLength(count)
        const outcomes = await peer.batch('compare', comparisons)
        expect(outcomes.map((outcome, index) => ({ index, ...outcome })).filter(isWrong)).toEqual([])
      })

      test.each(forms)('Python reads what Node made, as $name', async (form) => {
        const requests: Record<string, unknown>[] = []
        const expected: unknown[] = []
        for (const data of randomData(form.serializer === 'json' ? 'json' : 'bson', count, seed)) {
          const sessions = nodeSessions(form)
          const session = await sessions.load('')
          Object.defineProperties(session.data, Object.getOwnPropertyDescriptors(data))
          session.data['made by'] = 'Node'
          const cookie = await cookieFrom(sessions.commit(session))
          if (cookie === undefined) continue
          requests.push({ cookie, options: pythonOptions(form), keys: Object.keys(session.data) })
          // a plain Python int is neither of BSON's
          expected.push(normalized(taggedOf(session.data, 'json')))
        }
        expect(requests.length).toBeGreaterThan(count * 0.8)
        const outcomes = await peer.batch<[string, Tagged][]>('values', requests)
        const seen = outcomes.map((outcome) => ('result' in outcome ? normalized({ $dict: outcome.result }) : outcome))
        expect(seen).toEqual(expected)
      })

      test.each(forms)(
        'a session goes back and forth over WSGI with its id and creation time, as $name',
        async (form) => {
          const options = pythonOptions(form)
          const sessions = nodeSessions(form)
          const login = await peer.call<WsgiAnswer>('wsgi', {
            options,
            operations: [['read'], ['set', 'user', 'dave'], ['save']],
          })
          const session = await sessions.load(cookieHeader(cookieValue(login.set_cookie)))
          expect(session.data).toEqual({ user: 'dave' })
          session.data.cart = [{ sku: 'A1', count: 2 }]
          const cookie = cookieHeader(cookieValue(await sessions.commit(session)))
          const page = await peer.call<WsgiAnswer>('wsgi', {
            options,
            cookie,
            operations: [['remove', 'user'], ['save']],
          })
          expect(page).toMatchObject({ is_new: false, corrupt: false })
          for (const name of ['_id', '_creation_time']) {
            expect(member(page.session, name)).toEqual(member(login.session, name))
          }
          const back = await sessions.load(cookieHeader(cookieValue(page.set_cookie)))
          expect(back.data).toEqual({ cart: [{ sku: 'A1', count: 2 }] })
          expect(back.id).toBe(session.id)
          expect(Math.abs(back.createdAt.getTime() - session.createdAt.getTime())).toBe(0)
        },
      )

      test('a wrong key is refused on both sides', async () => {
        const form = forms[0] as Form
        const options = { ...pythonOptions(form), validate_key: 'another validate key' }
        const saved = await peer.call<SavedCookie[]>('random_cookies', { seed, count: 10, options })
        for (const { cookie } of saved) {
          const session = await nodeSessions(form).load(cookieHeader(cookie))
          expect(session.rejected?.code).toBe('ERR_SESSION_SIGNATURE')
          await expect(peer.call('decode', { cookie, options: pythonOptions(form) })).rejects.toThrow(
            'Invalid signature',
          )
        }
      })

      test.each(forms.filter(({ cryptoType }) => cryptoType))('auto finds out what encrypted, $name', async (form) => {
        const options = pythonOptions(form)
        const saved = await peer.call<SavedCookie[]>('random_cookies', { seed, count: 50, options })
        const { nonceBits } = form
        const shown = nonceBits === 64 ? nonceBits : undefined
        const codec = beaker({ ...keys(form), cryptoType: 'auto', nonceBits: shown, serializer: form.serializer })
        for (const { cookie, own } of saved) {
          const context = { cookieName: 'beaker.session.id', purpose: 'session', now: new Date() } as const
          expect((await codec.verify(cookie, context)).id).toBe(own._id)
        }
      })
    },
    program,
  )
}

function isWrong(outcome: object): boolean {
  return JSON.stringify((outcome as { result?: unknown }).result) !== '[]'
}

function keys({ cryptoType }: Form): { validateKey: string; encryptKey?: string } {
  return { validateKey, ...(cryptoType && { encryptKey }) }
}

function nodeSessions(form: Form): Sessions {
  const { serializer, cryptoType, nonceBits } = form
  return createSessions({
    codecs: [beaker({ ...keys(form), cryptoType, nonceBits, serializer })],
    expose: cryptoType === undefined,
    secure: false,
  })
}

function pythonOptions({ serializer, cryptoType, nonceBits }: Form): BeakerOptions {
  return {
    validate_key: validateKey,
    data_serializer: serializer,
    ...(cryptoType && { encrypt_key: encryptKey, crypto_type: cryptoType }),
    ...(nonceBits && { encrypt_nonce_bits: { $int: String(nonceBits) } }),
  }
}

/** Replaces, removes or adds one top-level key; it never removes the last one, for a session that becomes empty ends. Returns it. */
function changeOneKey({ data }: Session, random: Random): string {
  const names = Object.keys(data)
  const kind = random.below(3)
  if (kind === 0 || names.length === 0) {
    data['added by Node'] = true
    return 'added by Node'
  }
  const name = random.pick(names)
  if (kind === 1 && names.length > 1) delete data[name]
  else
    Object.defineProperty(data, name, {
      value: 'changed by Node',
      configurable: true,
      enumerable: true,
      writable: true,
    })
  return name
}

/** The cookie of a commit; `undefined` where the session does not fit into one. */
async function cookieFrom(commit: Promise<string[]>): Promise<string | undefined> {
  try {
    return cookieValue(await commit)
  } catch (error) {
    if (isSessionError(error) && error.code === 'ERR_SESSION_TOO_LARGE') return undefined
    throw error
  }
}
