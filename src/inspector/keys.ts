/**
 * The keys that a person pastes, and the codecs that each of them may be for.
 */

import { type BeakerOptions, beaker } from '../server/codecs/beaker.js'
import { beakerJwt } from '../server/codecs/beaker-jwt.js'
import type { SessionCodec } from '../server/codecs/codec.js'
import { compact } from '../server/codecs/compact.js'
import { type DjangoJwtOptions, djangoJwt } from '../server/codecs/django-jwt.js'
import { djangoSigned } from '../server/codecs/django-signed.js'
import { type JweOptions, jwe } from '../server/codecs/jwe.js'
import { type JwtOptions, jwt } from '../server/codecs/jwt.js'
import { publicMaterial } from '../server/keys/weak-secrets.js'
import { decodeBase64 } from '../shared/base64.js'
import { decodeHex, encodeUtf8 } from '../shared/bytes.js'
import type { Warning } from './warnings.js'

/** A secret, or a key pair or its public half. */
export interface GivenKey {
  /** `Key 2`, as in the field. */
  readonly label: string
  readonly secret?: string | Uint8Array
  readonly pair?: unknown
}

/** A form of a codec with one key. */
export interface KeyedCodec {
  /** The name of its function, and what its options say. */
  readonly label: string
  readonly codec: SessionCodec
  readonly key: GivenKey
}

const PEM = /-----BEGIN [^-]+-----[\s\S]*?-----END [^-]+-----/g

/**
 * @param text - secrets, one on each line; or PEM, a JWK or a JWK set
 */
export function keysIn(text: string): GivenKey[] {
  const pems = text.match(PEM)
  if (pems) return pems.map((pem, index) => ({ label: labelOf(index), pair: pem }))
  const json = parsed(text)
  if (typeof json === 'object' && json !== null) return jwksIn(json)
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  return lines.flatMap((secret, index) => formsOf(secret, labelOf(index)))
}

function labelOf(index: number): string {
  return `key ${index + 1}`
}

function jwksIn(json: object): GivenKey[] {
  const list = Array.isArray(json) ? json : ((json as { keys?: unknown }).keys ?? json)
  return (Array.isArray(list) ? list : [list]).map((jwk: unknown, index) => {
    const { kid } = (jwk ?? {}) as { kid?: unknown }
    return { label: typeof kid === 'string' ? `${labelOf(index)} (${kid})` : labelOf(index), pair: jwk }
  })
}

/** As it stands first: what looks like digits may be the secret itself. */
function formsOf(secret: string, label: string): GivenKey[] {
  const forms: GivenKey[] = [{ label, secret }]
  if (/^(?:[0-9a-f]{2}){16,}$/i.test(secret)) {
    forms.push({ label: `${label}, as hexadecimal digits`, secret: decodeHex(secret.toLowerCase()) })
  }
  if (/^[\w+/-]{22,}={0,2}$/.test(secret)) {
    const base64 = secret.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '')
    const bytes = tryBase64(base64 + '='.repeat(-base64.length & 3))
    if (bytes) forms.push({ label: `${label}, as base64`, secret: bytes })
  }
  return forms
}

function tryBase64(text: string): Uint8Array | undefined {
  try {
    return decodeBase64(text)
  } catch {
    return undefined
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

interface CodecForm {
  readonly label: string
  /** Undefined: a key of this kind is none for it. @throws {TypeError} for a key that does not fit */
  make(key: GivenKey, encryptKey: string): SessionCodec | undefined
}

const HMACS = ['HS256', 'HS384', 'HS512'] as const
/** To look at a cookie makes no key weaker than it is. */
const weak = { allowWeakSecrets: true } as const

/** Of those that read one token, the one that asks for most of it comes first. */
const FORMS: readonly CodecForm[] = [
  {
    label: 'beakerJwt',
    make: ({ secret }) => (secret === undefined ? undefined : beakerJwt({ secrets: [secret], ...weak })),
  },
  {
    label: 'djangoJwt',
    make: ({ secret, pair }) =>
      secret === undefined ? djangoJwt({ keys: pair } as DjangoJwtOptions) : djangoJwt({ secrets: [secret], ...weak }),
  },
  ...HMACS.map(
    (alg): CodecForm => ({
      label: alg === 'HS256' ? 'jwt' : `jwt, ${alg}`,
      make: ({ secret }) => (secret === undefined ? undefined : jwt({ secrets: [secret], algorithms: [alg], ...weak })),
    }),
  ),
  {
    label: 'jwt',
    make: ({ pair }) => (pair === undefined ? undefined : jwt({ keys: pair } as JwtOptions)),
  },
  {
    label: 'compact',
    make: ({ secret }) => (secret === undefined ? undefined : compact({ secrets: [secret], ...weak })),
  },
  ...(['A256GCM', 'A256CBC-HS512'] as const).map(
    (enc): CodecForm => ({
      label: enc === 'A256GCM' ? 'jwe' : `jwe, ${enc}`,
      make: ({ secret }) =>
        secret === undefined ? undefined : jwe({ secrets: [secret], enc, ...weak } satisfies JweOptions),
    }),
  ),
  ...(['pickle', 'json'] as const).map(
    (serializer): CodecForm => ({
      label: serializer === 'pickle' ? 'beaker' : 'beaker, JSON',
      make: ({ secret }, encryptKey) =>
        typeof secret === 'string' ? beaker(beakerOptions(secret, serializer, encryptKey)) : undefined,
    }),
  ),
  ...(['json', 'pickle'] as const).map(
    (serializer): CodecForm => ({
      label: serializer === 'json' ? 'djangoSigned' : 'djangoSigned, pickle',
      make: ({ secret }) =>
        secret === undefined ? undefined : djangoSigned({ secretKey: secret, serializer, legacy: true, ...weak }),
    }),
  ),
]

function beakerOptions(secret: string, serializer: 'pickle' | 'json', encryptKey: string): BeakerOptions {
  const encryption = encryptKey === '' ? {} : ({ encryptKey, cryptoType: 'auto' } as const)
  return { validateKey: [secret], allowWeakSecrets: true, serializer, ...encryption }
}

export interface KeyedCodecs {
  readonly codecs: readonly KeyedCodec[]
  /** Why a key fits none of them. */
  readonly problem?: string
}

/** Every codec that takes one of the keys. */
export function keyedCodecs(keys: readonly GivenKey[], encryptKey: string): KeyedCodecs {
  let problem: string | undefined
  const codecs = keys.flatMap((key) =>
    FORMS.flatMap(({ label, make }): KeyedCodec[] => {
      try {
        const codec = make(key, encryptKey)
        return codec ? [{ label, codec, key }] : []
      } catch (error) {
        if (!(error instanceof TypeError)) throw error
        problem ??= `${key.label}: ${error.message}`
        return []
      }
    }),
  )
  return { codecs, ...(codecs.length === 0 && problem !== undefined && { problem }) }
}

/** In lists of passwords and in tutorials, and too short for a list of examples. */
const GUESSED: readonly string[] = [
  'secret',
  'secretkey',
  'password',
  'changeme',
  'change-me',
  'keyboard cat',
  'dev',
  'test',
  'key',
  'mysecret',
  'my-secret',
  'supersecret',
  'super-secret',
  'jwtsecret',
  'jwt-secret',
  'shhhhh',
  'validate-key',
  '12345678',
]

/** What is weak in a key, by its label. */
export function keyWarnings(keys: readonly GivenKey[]): Warning[] {
  return keys.flatMap(({ label, secret }): Warning[] => {
    if (typeof secret !== 'string') return []
    const bytes = encodeUtf8(secret)
    const known = GUESSED.includes(secret.toLowerCase()) ? 'a secret that everyone tries first' : publicMaterial(bytes)
    const title = `${label[0]?.toUpperCase()}${label.slice(1)}`
    if (known !== undefined) {
      return [{ level: 'bad', title: `${title} is well known`, text: `It is ${known}. Replace it.` }]
    }
    if (bytes.length >= 32) return []
    const text = `${bytes.length} bytes can be guessed from one cookie. Take 32 random bytes.`
    return [{ level: 'care', title: `${title} is short`, text }]
  })
}
