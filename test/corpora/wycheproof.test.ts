/** https://github.com/C2SP/wycheproof: HMAC and AES of both platforms, and tokens through the codec `jwt`. */
import { test } from 'vitest'
import { type Jwk, type JwkSet, jwt, type SessionCodec } from '../../src/server/index.js'
import { platform as node } from '../../src/server/platform/node.js'
import type { HashName } from '../../src/server/platform/platform.js'
import { platform as web } from '../../src/server/platform/web.js'
import { codeOf, fromHex, readCorpus, Tally } from './corpora.js'

type VectorGroup<Group, Case> = Group & {
  tests: (Case & { tcId: number; result: 'valid' | 'invalid' | 'acceptable' })[]
}

function readVectors<Group, Case>(name: string): VectorGroup<Group, Case>[] {
  return JSON.parse(readCorpus('wycheproof', 'testvectors_v1', `${name}_test.json`)).testGroups
}

const platforms = [node, web]

test.each([
  ['hmac_sha1', 'SHA-1'],
  ['hmac_sha256', 'SHA-256'],
  ['hmac_sha384', 'SHA-384'],
  ['hmac_sha512', 'SHA-512'],
] as const)('%s', async (name, hash: HashName) => {
  const tally = new Tally(name)
  const groups = readVectors<{ tagSize: number }, { key: string; msg: string; tag: string }>(name)
  for (const { tagSize, tests } of groups) {
    for (const { tcId, key, msg, tag, result } of tests) {
      for (const platform of platforms) {
        const hmac = platform.hmacKey(fromHex(key), hash)
        const mac = (await hmac.sign(fromHex(msg))).subarray(0, tagSize / 8)
        const isWhole = tagSize / 8 === (await hmac.sign('')).length
        const isValid = isWhole ? await hmac.verify(fromHex(msg), fromHex(tag)) : Buffer.from(mac).equals(fromHex(tag))
        tally.add(`${platform.name} ${tcId}`, isValid === (result === 'valid'))
      }
    }
  }
  tally.expectDifferences()
})

test('aes_gcm with keys of 32 bytes', async () => {
  const tally = new Tally('aes_gcm')
  type Case = { key: string; iv: string; aad: string; msg: string; ct: string; tag: string }
  for (const { keySize, ivSize, tests } of readVectors<{ keySize: number; ivSize: number }, Case>('aes_gcm')) {
    if (keySize !== 256 || ivSize !== 96) continue
    for (const { tcId, key, iv, aad, msg, ct, tag, result } of tests) {
      if (aad !== '') continue
      for (const platform of platforms) {
        const text = await platform.decrypt('GCM', fromHex(ct + tag), { key: fromHex(key), iv: fromHex(iv) })
        const isRight =
          text === undefined ? result === 'invalid' : result === 'valid' && Buffer.from(text).equals(fromHex(msg))
        tally.add(`${platform.name} ${tcId}`, isRight)
      }
    }
  }
  tally.expectDifferences()
})

test('aes_cbc_pkcs5 with keys of 32 bytes', async () => {
  const tally = new Tally('aes_cbc_pkcs5')
  type Case = { key: string; iv: string; msg: string; ct: string }
  for (const { keySize, tests } of readVectors<{ keySize: number }, Case>('aes_cbc_pkcs5')) {
    if (keySize !== 256) continue
    for (const { tcId, key, iv, msg, ct, result } of tests) {
      for (const platform of platforms) {
        const text = await platform.decrypt('CBC', fromHex(ct), { key: fromHex(key), iv: fromHex(iv) })
        const isRight =
          text === undefined ? result === 'invalid' : result === 'valid' && Buffer.from(text).equals(fromHex(msg))
        tally.add(`${platform.name} ${tcId}`, isRight)
      }
    }
  }
  tally.expectDifferences()
})

/** A token is verified if only its claims are refused: the corpus signs texts such as `foo`. */
const VERIFIED = ['none', 'ERR_SESSION_JSON', 'ERR_SESSION_CLAIMS']

/** @returns the code, or that the key is refused */
async function verify(keys: Jwk | JwkSet, token: string): Promise<string> {
  let codec: SessionCodec
  try {
    codec = jwt({ keys })
    await codec.keys?.ready()
  } catch {
    return 'refused key'
  }
  return await codeOf(() => codec.verify(token, { cookieName: 'session', purpose: 'session', now: new Date() }))
}

interface KeyGroup {
  comment: string
  private?: Jwk | JwkSet
  public?: Jwk | JwkSet
}

async function tallyTokens(name: string): Promise<Tally> {
  const tally = new Tally(name)
  for (const { comment, private: own, public: other, tests } of readVectors<
    KeyGroup,
    { jws: unknown; comment: string }
  >(name)) {
    for (const { tcId, jws, result, comment: about } of tests) {
      // JSON serializations are no cookies.
      const outcome = typeof jws === 'string' ? await verify((other ?? own) as Jwk | JwkSet, jws) : 'no text'
      tally.add(`${tcId} ${comment}, ${about}: ${outcome}`, VERIFIED.includes(outcome) === (result === 'valid'))
    }
  }
  return tally
}

test('json_web_signature', async () => {
  const tally = await tallyTokens('json_web_signature')
  tally.expectDifferences({
    'the payload is valid, and no UTF-8': [/normalPayload: ERR_SESSION_MALFORMED$/, 6],
    "the token's algorithm is not the one that its key names": [/Figure20: ERR_SESSION_ALGORITHM$/, 2],
    'the key names an algorithm that does not exist (ES521)': [/Figure27: refused key$/, 2],
    'a "?" in base64url, which some readers pass over': [/InvalidCharacterInserted\w+: ERR_SESSION_UNSUPPORTED$/, 2],
    'the same token as in the valid case 357': [/^3(67|70) .*ERR_SESSION_JSON$/, 2],
  })
})

test('json_web_key', async () => {
  const tally = await tallyTokens('json_web_key')
  tally.expectDifferences({
    'secrets and public keys in one set: each key has one algorithm, so none is taken for another': [
      /mixedSymmetryKeyset/,
      1,
    ],
  })
})
