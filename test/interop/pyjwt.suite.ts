/**
 * Plain claims between Node and the real PyJWT, current and 1.x (FORMATS §6): one suite for each side of `#platform` and each
 * release.
 */
import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { platform } from '#platform'
import type { SessionCodec, SessionRecord } from '../../src/server/index.js'
import { type HmacAlgorithm, isSessionError, type JwtOptions, jwt } from '../../src/server/index.js'
import { base64url, key, type SavedSession, strangeKey } from './beaker-jwt.helpers.js'
import { describeWithPython, type Outcome } from './peer.js'
import { changeOneThing, createRandom, randomData, seed } from './random-data.js'
import { differences, members, normalized, type Tagged, taggedOf } from './tagged.js'

const algorithms: HmacAlgorithm[] = ['HS256', 'HS384', 'HS512']
const registered = ['exp', 'nbf', 'iat', 'jti', 'sub', 'iss', 'aud', 'bsZ']
/** Seconds since 1970; PyJWT's clock stands there, and ours. */
const now = 1_700_000_000
const context = { cookieName: 'jwtsession', purpose: 'session', now: new Date(now * 1000) } as const

export interface PyJwtSuiteOptions {
  /** Of random sessions in each test of them. */
  count: number
  /** PyJWT 1.x in place of the current release. */
  older?: boolean
}

export function pyJwtSuite({ count, older = false }: PyJwtSuiteOptions): void {
  const suiteName = `PyJWT ${older ? '1.x' : 'current'} and ${platform.name}, SEED=${seed}`

  describeWithPython(
    suiteName,
    (peer) => {
      function saved(algorithm: HmacAlgorithm): Promise<SavedSession[]> {
        return peer.call('random_claims', { seed, count, key, algorithm, special_floats: true })
      }

      test('is the release that is meant', async () => {
        const { PyJWT } = await peer.call<Record<string, string>>('versions')
        expect(PyJWT).toMatch(older ? /^1\./ : /^2\./)
      })

      test.each(algorithms)('Node reads what Python signed with %s, and writes the same token', async (algorithm) => {
        const codec = codecOf({ algorithms: [algorithm] })
        const tokens = await saved(algorithm)
        const wrong: string[] = []
        for (const [index, { cookie, session }] of tokens.entries()) {
          const record = await codec.verify(cookie, context)
          wrong.push(...differences(session, record.data).map((line) => `token ${index}: ${line}`))
          expect(codec.changed?.(record), `token ${index}`).toBe(false)
          const written = await codec.sign(record, context)
          // 1.x wrote the header in another order
          if (older) expect(written.split('.')[1], `token ${index}`).toBe(cookie.split('.')[1])
          else expect(written, `token ${index}`).toBe(cookie)
        }
        expect(wrong).toEqual([])
        expect(tokens).toHaveLength(count)
      })

      test.each(algorithms)('Python reads what Node signed with %s, and writes the same token', async (algorithm) => {
        const codec = codecOf({ algorithms: [algorithm] })
        const sessions = randomData('json', count, seed).map(withoutRegistered)
        const tokens = await Promise.all(sessions.map((data) => codec.sign({ data }, context)))
        const claims = await decoded(tokens, algorithm)
        expect(claims.map(normalized)).toEqual(sessions.map((data) => normalized(taggedOf(data, 'json'))))
        const again = claims.map((payload) => ({ payload, key, algorithm }))
        const rewritten = (await peer.batch<string>('jwt_encode', again)).map(resultOf)
        if (older) expect(rewritten.map(payloadOf)).toEqual(tokens.map(payloadOf))
        else expect(rewritten).toEqual(tokens)
        expect(tokens).toHaveLength(count)
      })

      test('one thing changed in Node, all the rest as Python had it', async () => {
        const random = createRandom(seed)
        const codec = codecOf()
        const tokens = await saved('HS256')
        const expected: SessionRecord['data'][] = []
        const written: string[] = []
        for (const { cookie } of tokens) {
          const record = await codec.verify(cookie, context)
          changeOneThing(record.data, random)
          expected.push(withoutRegistered(record.data))
          written.push(await codec.sign({ ...record, data: withoutRegistered(record.data) }, context))
        }
        const claims = await decoded(written, 'HS256')
        expect(claims.flatMap((tagged, index) => differences(tagged, expected[index]))).toEqual([])
        // in value and type: what both tokens hold is the same to Python
        for (const [index, { session }] of tokens.entries()) {
          const before = new Map(members(session))
          const kept = members(claims[index] as Tagged).filter(([name, value]) => isSame(before.get(name), value))
          const changed = Math.max(before.size, members(claims[index] as Tagged).length) - kept.length
          expect(changed, `token ${index}`).toBeLessThanOrEqual(1)
        }
      })

      test('claims that Node does not touch survive: 1.0, integers without end, escapes', async () => {
        const payload =
          '{"a":1.0,"b":123456789012345678901234567890,"c":1e+16,"d":-0.0,"e":"\\u00e9\\ud83d\\udd11\\u007f","f":{"g":[1.50]}}'
        const codec = codecOf()
        const record = await codec.verify(signed('{"alg":"HS256","typ":"JWT"}', payload), context)
        record.data.touched = true
        const [claims] = await decoded([await codec.sign(record, context)], 'HS256')
        const [before] = await decoded([signed('{"alg":"HS256","typ":"JWT"}', payload)], 'HS256')
        expect(members(claims as Tagged)).toEqual([...members(before as Tagged), ['touched', true]])
        expect(members(before as Tagged)[0]).toEqual(['a', expect.objectContaining({ $float: '1.0' })])
      })

      test('exp, nbf and iat: the verdicts of PyJWT', async () => {
        const offsets = [-86_400, -6, -5, -4, -1, 0, 1, 4, 5, 6, 86_400]
        const cases = ['exp', 'nbf', 'iat'].flatMap((claim) =>
          offsets.flatMap((offset) =>
            [0, 5].flatMap((leeway) => [0, 0.5].map((fraction) => ({ claim, offset, leeway, fraction }))),
          ),
        )
        const tokens = cases.map(({ claim, offset }) => signed('{"alg":"HS256"}', `{"${claim}":${now + offset},"a":1}`))
        const requests = cases.map(({ leeway, fraction }, index) => {
          return { token: tokens[index], key, leeway, now: now + fraction }
        })
        const python = (await peer.batch<Tagged>('jwt_decode', requests)).map(verdictOfPython)
        const node = await Promise.all(
          cases.map(({ leeway, fraction }, index) => {
            const time = new Date((now + fraction) * 1000)
            const codec = codecOf({ clockTolerance: leeway })
            return verdictOfNode(() => codec.verify(tokens[index] as string, { ...context, now: time }))
          }),
        )
        const differing = cases.flatMap((entry, index) =>
          python[index] === node[index] ? [] : [{ ...entry, python: python[index], node: node[index] }],
        )
        // 1.x looks at no iat, and lets a token live through the second it ends in.
        const isExplained = ({ claim, offset, leeway, python }: (typeof differing)[number]): boolean =>
          older && python === 'valid' && (claim === 'iat' || (claim === 'exp' && offset + leeway === 0))
        expect(differing.filter((entry) => !isExplained(entry))).toEqual([])
        expect(differing.length > 0).toBe(older)
        expect(new Set(python)).toEqual(new Set(['valid', 'ERR_SESSION_EXPIRED', 'ERR_SESSION_NOT_YET_VALID']))
      })

      test('what Node writes as exp and iat is valid in Python, and expires there when it expires here', async () => {
        const codec = codecOf({ expires: '1h', identify: true })
        const token = await codec.sign({ data: { a: 1 }, id: 'x'.repeat(32), createdAt: context.now }, context)
        const claims = await peer.call<Tagged>('jwt_decode', { token, key, now })
        expect(members(claims)).toEqual([
          ['a', { $int: '1' }],
          ['iat', { $int: String(now) }],
          ['exp', { $int: String(now + 3600) }],
          ['jti', 'x'.repeat(32)],
        ])
        await expect(peer.call('jwt_decode', { token, key, now: now + 3601 })).rejects.toMatchObject({
          name: 'ExpiredSignatureError',
        })
      })

      test('keys and algorithms that are not ours: refused by both', async () => {
        const body = '{"user":"admin"}'
        const tokens: [token: string, code: string, error: string][] = [
          [signed('{"alg":"HS256"}', body, strangeKey), 'ERR_SESSION_SIGNATURE', 'InvalidSignatureError'],
          [
            `${signed('{"alg":"HS256"}', body).replace(/[^.]+$/, '')}`,
            'ERR_SESSION_SIGNATURE',
            'InvalidSignatureError',
          ],
          [`${base64url('{"alg":"none"}')}.${base64url(body)}.`, 'ERR_SESSION_ALGORITHM', 'InvalidAlgorithmError'],
          [signed('{"alg":"NONE"}', body), 'ERR_SESSION_ALGORITHM', 'InvalidAlgorithmError'],
          [signed('{"alg":"hs256"}', body), 'ERR_SESSION_ALGORITHM', 'InvalidAlgorithmError'],
          [signed('{"alg":"HS512"}', body, key, 'sha512'), 'ERR_SESSION_ALGORITHM', 'InvalidAlgorithmError'],
          [signed('{"alg":"HS256"}', body, key, 'sha512'), 'ERR_SESSION_SIGNATURE', 'InvalidSignatureError'],
        ]
        const codec = codecOf({ secrets: [key] })
        const outcomes = await peer.batch<Tagged>(
          'jwt_decode',
          tokens.map(([token]) => ({ token, key })),
        )
        for (const [index, [token, code, error]] of tokens.entries()) {
          expect(await verdictOfNode(() => codec.verify(token, context)), `token ${index}`).toBe(code)
          expect(outcomes[index], `token ${index}`).toMatchObject({ raises: { error } })
        }
      })

      async function decoded(tokens: readonly string[], algorithm: HmacAlgorithm): Promise<Tagged[]> {
        const requests = tokens.map((token) => ({ token, key, algorithms: [algorithm] }))
        return (await peer.batch<Tagged>('jwt_decode', requests)).map(resultOf)
      }
    },
    { older },
  )
}

function codecOf(options: Partial<JwtOptions> = {}): Required<SessionCodec> {
  return jwt({ secrets: [key], identify: false, clockTolerance: 0, ...options }) as Required<SessionCodec>
}

function signed(header: string, payload: string, secret: string = key, hash = 'sha256'): string {
  const signingInput = `${base64url(header)}.${base64url(payload)}`
  return `${signingInput}.${createHmac(hash, secret).update(signingInput).digest('base64url')}`
}

function payloadOf(token: string): string | undefined {
  return token.split('.')[1]
}

function withoutRegistered(data: Record<string, unknown>): Record<string, unknown> {
  return Object.defineProperties(
    {},
    Object.fromEntries(
      Object.entries(Object.getOwnPropertyDescriptors(data)).filter(([name]) => !registered.includes(name)),
    ),
  )
}

function resultOf<Result>(outcome: Outcome<Result>): Result {
  if ('result' in outcome) return outcome.result
  throw new Error(`Python raised ${outcome.raises.error}`)
}

function isSame(before: Tagged | undefined, after: Tagged): boolean {
  return before !== undefined && JSON.stringify(before) === JSON.stringify(after)
}

const errors: Record<string, string> = {
  ExpiredSignatureError: 'ERR_SESSION_EXPIRED',
  ImmatureSignatureError: 'ERR_SESSION_NOT_YET_VALID',
}

function verdictOfPython(outcome: Outcome<Tagged>): string {
  return 'result' in outcome ? 'valid' : (errors[outcome.raises.error] ?? outcome.raises.error)
}

async function verdictOfNode(verify: () => unknown): Promise<string> {
  try {
    await verify()
    return 'valid'
  } catch (error) {
    return isSessionError(error) ? error.code : String(error)
  }
}
