/** Codecs of one signature and several ciphers: a plaintext of the wrong one is random, and must neither end a session nor become one. */
import { createCipheriv, createHmac, pbkdf2Sync } from 'node:crypto'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { platform } from '#platform'
import { type BeakerOptions, beaker, createSessions, type SessionEvent } from '../../../src/server/index.js'
import { runs } from '../../random.js'
import { NAME, START } from '../server.helpers.js'

const validateKey = 'swordfish-validate-key-0123456789'
const encryptKey = 'swordfish-encrypt-key-0123456789'
const otherKey = 'swordfish-encrypt-key-of-before-1'
const context = { cookieName: NAME, purpose: 'session', now: new Date(START) } as const
/** Each with the key of today and the one of before, with nonces of both lengths, strict and not. */
const options: readonly Partial<BeakerOptions>[] = [
  {},
  { strictBase64: true },
  { serializer: 'json' },
  ...(['cryptography', 'pycrypto', 'nss'] as const).flatMap((cryptoType) =>
    (['pickle', 'json'] as const).flatMap((serializer) => [
      { encryptKey, cryptoType, serializer },
      { encryptKey: otherKey, cryptoType, serializer, nonceBits: 48, strictBase64: true },
    ]),
  ),
]
const codecs = options.map((more) => beaker({ validateKey, ...more }))
/** A cookie does not say that it is read strictly. */
const isSame = (one: number, other: number): boolean => one === other || (one < 2 && other < 2)

afterEach(() => vi.restoreAllMocks())

/** Numbers of a seed (mulberry32), so that a failure comes again. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

function signed(body: string): string {
  return createHmac('sha1', validateKey).update(body).digest('hex') + body
}

describe('random cookies through every order of the list', () => {
  const count = runs(platform.name === 'node' ? 15 : 3)
  const seed = Date.now() % 2 ** 31

  test(`${count} of each codec, seed ${seed}: read by its own, and by no other`, async () => {
    const random = randomOf(seed)
    const pseudo = (length: number): Uint8Array => Uint8Array.from({ length }, random)
    // Those of the runtime, where a codec asks for them, so that the seed says all.
    vi.spyOn(platform, 'randomBytes').mockImplementation(pseudo)
    for (const [place, codec] of codecs.entries()) {
      for (let turn = 0; turn < count; turn++) {
        const record = { id: String(random()), data: { user: `dave ${random()}` }, createdAt: new Date(START) }
        const value = await (codec as Required<typeof codec>).sign(record, context)
        for (const [other, reader] of codecs.entries()) {
          const outcome = await attempt(async () => (await reader.verify(value, context)).data)
          const expected = isSame(place, other) ? record.data : { code: 'ERR_SESSION_KEY', verified: true }
          if (JSON.stringify(outcome) !== JSON.stringify(expected)) {
            expect.unreachable(
              `seed ${seed}: a cookie of codec ${place}, by codec ${other}: ${JSON.stringify(outcome)}`,
            )
          }
        }
      }
    }
  })

  test('in a service: whoever comes first, the session is read', async () => {
    const random = randomOf(seed)
    for (let turn = 0; turn < runs(4); turn++) {
      const order = codecs.filter((_, place) => place !== 1)
      for (let at = order.length - 1; at > 0; at--) {
        const to = random() % (at + 1)
        ;[order[at], order[to]] = [order[to], order[at]] as [(typeof order)[0], (typeof order)[0]]
      }
      for (const [place, writer] of order.entries()) {
        const events: SessionEvent[] = []
        const sessions = createSessions({ codecs: order, expose: false, on: (event) => events.push(event) })
        const value = await (writer as Required<typeof writer>).sign({ data: { user: 'dave' } }, context)
        const session = await sessions.load(`${NAME}=${value}`)
        expect(session.data, `seed ${seed}`).toEqual({ user: 'dave' })
        expect(events[0]).toMatchObject({ type: 'read', codecIndex: place })
      }
    }
  })
})

describe('bytes that look like a session by chance', () => {
  /** What AES-CTR makes of a body, chosen here. */
  function decryptedTo(plaintext: string): string {
    const nonce = 'AAAABBBB'
    const key = pbkdf2Sync(encryptKey, validateKey + nonce, 1, 32, 'sha1')
    const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
    return signed(nonce + Buffer.concat([cipher.update(plaintext, 'latin1'), cipher.final()]).toString('base64'))
  }
  const plain = (bytes: string): string => signed(Buffer.from(bytes, 'latin1').toString('base64'))
  const ctr = beaker({ validateKey, encryptKey, cryptoType: 'pycrypto' })
  const auto = beaker({ validateKey, encryptKey, cryptoType: 'auto' })
  const json = beaker({ validateKey, serializer: 'json' })
  const random = '\x93\x1c\xfa\x07\x8e\x55\xe1\x9d\x02\x44'
  const moved = { code: 'ERR_SESSION_KEY', verified: true }

  test.each([
    ['an empty dict and more', `}.${random}`],
    ['an empty dict of protocol 2 and more', `\x80\x02}.${random}`],
    ['an empty dict of protocol 0', '}.'],
    ['a dict without a word of Beaker, and more', `\x80\x02}K\x01K\x02s.${random}`],
    ['a dict with a key like one of Beaker, and more', `\x80\x02}U\x03_idK\x02s.${random}`.replace('_id', '_ie')],
    ['a number', `\x80\x02K\x01.`],
    ['a list', `\x80\x02].`],
    ['a pickle at first', `\x80${random}`],
    ['a pickle cut short', '\x80\x02}q\x01(X\x08\x00\x00\x00'],
    ['more than limits allow', '\x80\x02}r\xff\xff\xff\x7fK\x01.'],
    ['zlib at first', `x\x9c${random}`],
    ['nothing', ''],
  ])('%s', async (_, bytes) => {
    for (const [codec, value] of [
      [beaker({ validateKey }), plain(bytes)],
      [json, plain(bytes)],
      [ctr, decryptedTo(bytes)],
      [auto, decryptedTo(bytes)],
    ] as const) {
      if (value.length > 40) expect(await attempt(async () => codec.verify(value, context))).toEqual(moved)
    }
  })

  test.each([
    ['whole', '\x80\x02}U\x04userU\x04daves.'],
    ['whole, with the padding of ECB', '\x80\x02}U\x04userU\x04daves.    '],
    [
      'with a word of Beaker, and more behind',
      `\x80\x02}(U\x04userU\x04daveU\x0e_creation_timeG?\xf0\0\0\0\0\0\0u.${random}`,
    ],
  ])('a session is one: %s', async (_, bytes) => {
    for (const [codec, value] of [
      [beaker({ validateKey }), plain(bytes)],
      [ctr, decryptedTo(bytes)],
      [auto, decryptedTo(bytes)],
    ] as const) {
      expect((await codec.verify(value, context)).data).toEqual({ user: 'dave' })
    }
  })

  test('what Beaker wrote and can not be read ends the search, for its cause is known', async () => {
    const deep = `\x80\x02}(U\x0e_creation_timeG?\xf0\0\0\0\0\0\0U\x01a${']'.repeat(65)}${'a'.repeat(64)}u.`
    for (const [codec, value] of [
      [beaker({ validateKey }), plain(deep)],
      [ctr, decryptedTo(deep)],
    ] as const) {
      expect(await attempt(async () => codec.verify(value, context))).toEqual({
        code: 'ERR_SESSION_LIMIT',
        verified: true,
      })
    }
  })

  test('a whole session under a wrong key stays protected, whoever else was asked', async () => {
    const value = await (codecs[4] as Required<(typeof codecs)[4] & object>).sign({ data: { user: 'dave' } }, context)
    const others = [beaker({ validateKey }), json, beaker({ validateKey: 'another key' })]
    const sessions = createSessions({ codecs: others, expose: false })
    const session = await sessions.load(`${NAME}=${value}`)
    expect(session.rejected).toMatchObject(moved)
    session.data.user = 'eve'
    await expect(sessions.commit(session)).rejects.toMatchObject({ code: 'ERR_SESSION_PROTECTED' })
  })
})

async function attempt(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return await run()
  } catch (error) {
    const { code, verified } = error as { code: string; verified?: boolean }
    return { code, verified: verified ?? false }
  }
}
