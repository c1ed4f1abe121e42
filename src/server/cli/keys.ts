/**
 * Where keys come from: the environment, a file, a JWK set, or a question. Never from an argument, which every user of the machine can read
 * and the shell remembers.
 */
import type { GivenKey } from '../codecs/by-key.js'
import { type Jwk, type JwkSet, remoteJwks } from '../index.js'
import { askSecret, readFile, type Terminal, UsageError } from './terminal.js'

/** The options of every command that needs keys. */
export const KEY_OPTIONS = {
  'key-env': {
    type: 'string',
    multiple: true,
    value: 'NAME',
    help: 'the environment variable that has a key: a secret (several with commas), a PEM or a JWK',
  },
  'key-file': { type: 'string', multiple: true, value: 'FILE', help: 'the file that has a key' },
  'env-file': {
    type: 'string',
    value: 'FILE',
    help: 'a settings file, as .env: its variables count, too, unless they are set already',
  },
  jwks: { type: 'string', multiple: true, value: 'URL', help: "the address of another server's public keys" },
} as const

export interface KeyArguments {
  readonly 'key-env'?: readonly string[]
  readonly 'key-file'?: readonly string[]
  readonly jwks?: readonly string[]
}

/**
 * Reads all keys that the arguments name, or asks for one.
 *
 * @throws {UsageError} if a variable is not set, and if there is nobody to ask
 */
export async function givenKeys(terminal: Terminal, named: KeyArguments): Promise<GivenKey[]> {
  const keys: GivenKey[] = []
  for (const name of named['key-env'] ?? []) keys.push(keyOf(name, fromEnvironment(terminal, name)))
  for (const file of named['key-file'] ?? []) keys.push(keyOf(file, fromFile(file)))
  for (const url of named.jwks ?? []) keys.push({ label: url, pair: remoteJwks(url) })
  if (keys.length > 0) return keys
  const secrets = await askSecret(terminal, 'Secret (it is not shown)')
  if (secrets === '') throw new UsageError('No key was given')
  return [{ label: 'the key that you entered', secrets }]
}

const PEM = /-----BEGIN [A-Z0-9 ]+-----/

function keyOf(label: string, text: string): GivenKey {
  if (PEM.test(text)) return { label, pair: text }
  const json = text.trimStart().startsWith('{') ? parsed(text) : undefined
  return json && ('kty' in json || 'keys' in json) ? { label, pair: json } : { label, secrets: text }
}

function parsed(text: string): Jwk | JwkSet | undefined {
  try {
    return JSON.parse(text) as Jwk | JwkSet
  } catch {
    return undefined
  }
}

export function fromEnvironment({ env }: Terminal, name: string): string {
  const text = env[name]
  if (text === undefined || text === '') {
    throw new UsageError(
      `The environment variable ${name} is not set: set it, or name the file that has it with --env-file`,
    )
  }
  // As a line of a settings file has them.
  return PEM.test(text) ? text.replaceAll('\\n', '\n') : text
}

/** A file that a person has written ends with a line break, which is no part of a secret. */
function fromFile(path: string): string {
  const text = readFile(path)
  if (text.trim() === '') throw new UsageError(`${path} is empty`)
  return text.replace(/\r?\n$/, '')
}
