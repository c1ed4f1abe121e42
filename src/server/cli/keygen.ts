/**
 * `sessionglass keygen`: a secret or a key pair, made by `node:crypto`.
 * RFC 7517, RFC 7518 §3.2 for lengths; RFC 7468 for PEM.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { createKeys, type Jwk } from '../index.js'
import { type Call, type Command, EXIT, text } from './command.js'
import { readFile, UsageError } from './terminal.js'

/** Bytes of a secret: as many as the MAC has. */
const SECRETS: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 }
const RSA_BITS = 3072
const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }
const PAIRS: readonly string[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', ...Object.keys(CURVES), 'EdDSA']
const FORMATS: readonly string[] = ['hex', 'pem', 'jwk', 'env']

export const keygen: Command = {
  name: 'keygen',
  summary: 'makes a secret or a key pair',
  usage: '[--alg NAME] [--format FORMAT]',
  about:
    'Prints a new key. hex (a secret as text), pem (a private key), jwk (with its id), env (a line for a settings file). The default is a ' +
    'secret for HS256 in hex; for key pairs pem. --public-of prints the public key of a private one, in its own form.',
  options: {
    alg: {
      type: 'string',
      value: 'NAME',
      choices: [...Object.keys(SECRETS), ...PAIRS],
      help: 'what signs with it; default HS256',
    },
    format: { type: 'string', value: 'FORMAT', choices: FORMATS, help: FORMATS.join(', ') },
    env: { type: 'string', value: 'NAME', help: 'the name in the line of --format env; default SESSION_KEY' },
    'public-of': { type: 'string', value: 'FILE', help: 'prints the public key of the private key in this file' },
  },
  examples: [
    ['sessionglass keygen --format env >> .env', 'adds a secret to the settings'],
    ['sessionglass keygen --alg ES256 > private.pem', 'a key pair: the private key …'],
    ['sessionglass keygen --public-of private.pem > public.pem', '… and its public one, for those who verify'],
  ],
  async run({ values, words, terminal: { stdout } }: Call) {
    if (words.length > 0) throw new UsageError('keygen takes no words, only options')
    const file = text(values['public-of'])
    const key = file === undefined ? await newKey(values) : await publicKeyOf(file)
    stdout.write(key.endsWith('\n') ? key : `${key}\n`)
    return EXIT.ok
  },
}

async function newKey(values: Call['values']): Promise<string> {
  const alg = text(values.alg) ?? 'HS256'
  const bytes = SECRETS[alg]
  if (bytes === undefined && !PAIRS.includes(alg)) {
    throw new UsageError(`--alg must be one of ${[...Object.keys(SECRETS), ...PAIRS].join(', ')}`)
  }
  const format = text(values.format) ?? (bytes === undefined ? 'pem' : 'hex')
  if (!FORMATS.includes(format)) throw new UsageError(`--format must be one of ${FORMATS.join(', ')}`)
  const variable = text(values.env) ?? 'SESSION_KEY'
  if (!/^[A-Za-z_]\w*$/.test(variable)) throw new UsageError('--env must be the name of a variable')
  if (bytes !== undefined) {
    if (format === 'pem') throw new UsageError(`A secret for ${alg} has no PEM: use hex, jwk or env`)
    const secret = randomBytes(bytes)
    if (format === 'jwk') return JSON.stringify({ kty: 'oct', alg, use: 'sig', k: secret.toString('base64url') })
    // The digits are the secret, not the bytes that they stand for: so any language takes it as text.
    return format === 'env' ? `${variable}=${secret.toString('hex')}` : secret.toString('hex')
  }
  if (format === 'hex') throw new UsageError(`A key pair for ${alg} has no hex: use pem, jwk or env`)
  const key = newPair(alg)
  if (format === 'jwk') return JSON.stringify(await jwkOf(key, alg))
  const pem = key.export({ format: 'pem', type: 'pkcs8' }) as string
  return format === 'env' ? `${variable}="${pem.trimEnd().replaceAll('\n', '\\n')}"` : pem
}

function newPair(alg: string): KeyObject {
  const curve = CURVES[alg]
  if (curve !== undefined) return generateKeyPairSync('ec', { namedCurve: curve }).privateKey
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519').privateKey
  return generateKeyPairSync('rsa', { modulusLength: RSA_BITS }).privateKey
}

/** With the id that the library gives it (RFC 7638). */
async function jwkOf(key: KeyObject, alg?: string): Promise<object> {
  const jwk = { ...key.export({ format: 'jwk' }), ...(alg !== undefined && { alg }) } as unknown as Jwk
  const [known] = await createKeys(jwk).publicKeys()
  return { ...jwk, ...(known && { kid: known.kid, alg: known.alg }), use: 'sig' }
}

/** @throws {UsageError} for what is no private key */
async function publicKeyOf(file: string): Promise<string> {
  const given = readFile(file).trim()
  try {
    if (!given.startsWith('{')) return createPublicKey(given).export({ format: 'pem', type: 'spki' }) as string
    const jwk = JSON.parse(given) as { alg?: string; kty: string }
    const key = createPublicKey({ key: jwk, format: 'jwk' } as Parameters<typeof createPublicKey>[0])
    return JSON.stringify(await jwkOf(key, jwk.alg))
  } catch {
    throw new UsageError(`${file} has no private key, as PEM or JWK`)
  }
}
