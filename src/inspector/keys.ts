/**
 * The keys that a person pastes.
 */

import type { GivenKey } from '../server/codecs/by-key.js'
import { publicMaterial } from '../server/keys/weak-secrets.js'
import { decodeBase64 } from '../shared/base64.js'
import { decodeHex, encodeUtf8 } from '../shared/bytes.js'
import { count } from '../shared/words.js'
import type { Warning } from './warnings.js'

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
  const forms: GivenKey[] = [{ label, secrets: [secret] }]
  if (/^(?:[0-9a-f]{2}){16,}$/i.test(secret)) {
    forms.push({ label: `${label}, as hexadecimal digits`, secrets: [decodeHex(secret.toLowerCase())] })
  }
  if (/^[\w+/-]{22,}={0,2}$/.test(secret)) {
    const base64 = secret.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '')
    const bytes = tryBase64(base64 + '='.repeat(-base64.length & 3))
    if (bytes) forms.push({ label: `${label}, as base64`, secrets: [bytes] })
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
  return keys.flatMap(({ label, secrets = [] }): Warning[] => {
    const [secret] = secrets
    if (typeof secret !== 'string') return []
    const bytes = encodeUtf8(secret)
    const known = GUESSED.includes(secret.toLowerCase()) ? 'a secret that everyone tries first' : publicMaterial(bytes)
    const title = `${label[0]?.toUpperCase()}${label.slice(1)}`
    if (known !== undefined) {
      return [{ level: 'bad', title: `${title} is well known`, text: `It is ${known}. Replace it.` }]
    }
    if (bytes.length >= 32) return []
    const text = `${count(bytes.length, 'byte')} can be guessed from one cookie. Take 32 random bytes.`
    return [{ level: 'care', title: `${title} is short`, text }]
  })
}
