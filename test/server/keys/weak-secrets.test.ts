/** Threat 46: what anyone may know is no secret, in whatever it is wrapped; everything else is one. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { beaker, beakerJwt, compact, djangoJwt, fromBeakerConfig, jwe, jwt } from '../../../src/server/index.js'
import { publicMaterial, refuseKeyFile } from '../../../src/server/keys/weak-secrets.js'
import { runs } from '../../random.js'
import { generate, jwkOf, pairFor, pemOf } from './keys.helpers.js'

const pem = pemOf(pairFor('RS256').publicKey)
const base64 = Buffer.from(pem).toString('base64')
const jwkText = JSON.stringify(jwkOf(pairFor('ES256').publicKey))

const pkcs1 = pairFor('RS256').publicKey.export({ format: 'der', type: 'pkcs1' })
const smallPkcs1 = generate('RSA', 1024).publicKey.export({ format: 'der', type: 'pkcs1' })
const privatePkcs1 = pairFor('RS256').privateKey.export({ format: 'der', type: 'pkcs1' })
const sec1 = pairFor('ES256').privateKey.export({ format: 'der', type: 'sec1' })
/** The length of a name, the name, the length of the point, the point. */
const openSsh = Buffer.concat([
  Buffer.from('0000000b', 'hex'),
  Buffer.from('ssh-ed25519'),
  Buffer.from('00000020', 'hex'),
  Buffer.from(jwkOf(pairFor('EdDSA').publicKey).x ?? '', 'base64url'),
]).toString('base64')

function derOf(algorithm: string): Buffer {
  return pairFor(algorithm).publicKey.export({ format: 'der', type: 'spki' })
}

const spki = derOf('RS256').toString('base64')

/** What a browser, a form, a shell, a file of settings or Python makes of a key file. */
const dressed: [string, string][] = [
  ['a PEM, percent-encoded', encodeURIComponent(pem)],
  ['a PEM out of a form', new URLSearchParams({ key: pem }).toString().slice('key='.length)],
  ['a PEM with _ for blanks', pem.replace(/ /g, '_')],
  ['a PEM with line ends as two characters', pem.replace(/\n/g, '\\n')],
  ['the lines of a PEM with line ends as two characters', spki.replace(/.{64}/g, '$&\\n')],
  ['the lines of a PEM with \\r\\n', spki.replace(/.{64}/g, '$&\\r\\n')],
  ['the lines of a PEM behind a comment', `# our key\n${spki.replace(/.{64}/g, '$&\n')}`],
  ['a PEM in base64 four times', [1, 2, 3].reduce((text) => Buffer.from(text).toString('base64'), base64)],
  ['a PEM in base64 behind a prefix', `base64:${base64}`],
  ['DER in base64 behind a prefix', `base64:${spki}`],
  ['DER in base64 behind a name', `PUBLIC_KEY=${spki}`],
  ['a data URL', `data:application/x-pem-file;base64,${base64}`],
  ['DER as bytes of Python', `b'${spki}'`],
  ['a PEM in base64 as bytes of Python', `b'${base64}'`],
  ['a PEM in digits with 0x', `0x${Buffer.from(pem).toString('hex')}`],
  ['a JWK, percent-encoded', encodeURIComponent(jwkText)],
  ['a JWK as Python shows it', jwkText.replace(/"/g, "'")],
  ['a key of .NET', `<RSAKeyValue><Modulus>${spki.slice(44)}</Modulus></RSAKeyValue>`],
  ['a line of known_hosts', `example.com ssh-ed25519 ${openSsh}`],
  ['a line of authorized_keys', `restrict,command="/bin/true" ssh-ed25519 ${openSsh} dave`],
]

const known: [string, string][] = [
  ...dressed,
  ['a PEM', pem],
  ['a PEM in base64', base64],
  ['a PEM in base64 without its padding', base64.replace(/=+$/, '')],
  ['a PEM in base64, in lines', base64.replace(/.{64}/g, '$&\n')],
  ['a PEM in base64url', Buffer.from(pem).toString('base64url')],
  ['a JWK', jwkText],
  ['a JWK in base64', Buffer.from(jwkText).toString('base64')],
  ['RSA in DER, as base64', derOf('RS256').toString('base64')],
  ['EC in DER, as base64', derOf('ES256').toString('base64')],
  ['Ed25519 in DER, as base64url', derOf('EdDSA').toString('base64url')],
  ...['RS256', 'ES256', 'EdDSA'].flatMap((algorithm): [string, string][] => {
    const der = derOf(algorithm)
    return [
      [`${algorithm} in DER, as hexadecimal digits`, der.toString('hex')],
      [
        `${algorithm} in DER, as digits with colons`,
        der
          .toString('hex')
          .toUpperCase()
          .replace(/..(?=.)/g, '$&:'),
      ],
    ]
  }),
  ['PKCS #1 in base64', pkcs1.toString('base64')],
  ['PKCS #1 in hexadecimal digits', pkcs1.toString('hex')],
  ['PKCS #1 of 1024 bits', smallPkcs1.toString('base64')],
  ['a private key as PKCS #1', privatePkcs1.toString('base64')],
  ['a private key as SEC 1', sec1.toString('base64')],
  ['a PEM in base64, in double quotes', `"${base64}"`],
  ['a PEM in base64, in single quotes', `'${base64}'`],
  ['a PEM in base64 twice', Buffer.from(base64).toString('base64')],
  ['a PEM in base64 twice, in quotes', `"${Buffer.from(base64).toString('base64')}"`],
  ['a JWK in base64 twice', Buffer.from(Buffer.from(jwkText).toString('base64')).toString('base64')],
  ['a JWK in quotes in quotes', JSON.stringify(JSON.stringify(jwkText))],
  ['a public key file of SSH2', `---- BEGIN SSH2 PUBLIC KEY ----\n${openSsh}\n---- END SSH2 PUBLIC KEY ----`],
  ['the base64 of an OpenSSH public key', openSsh],
  ['zeros in hexadecimal digits', '00'.repeat(32)],
  ['zeros in base64', Buffer.alloc(32).toString('base64')],
  ['one character', 'x'.repeat(64)],
  ['an example in base64', Buffer.from('complex_password_at_least_32_characters_long').toString('base64')],
  ['an OpenSSH key of a security key', `sk-ssh-ed25519@openssh.com ${'A'.repeat(68)}`],
  ['an OpenSSH public key', `ssh-ed25519 ${openSsh} dave@example.com`],
  ['the example of jwt.io', 'a-string-secret-at-least-256-bits-long'],
  ['the example of iron-session', 'complex_password_at_least_32_characters_long'],
  [
    'an example behind a prefix',
    `base64:${Buffer.from('complex_password_at_least_32_characters_long').toString('base64')}`,
  ],
]

describe.each(known)('%s as a secret', (_, secret) => {
  test.each<[string, (more: { allowWeakSecrets?: boolean }) => unknown]>([
    ['beakerJwt', (more) => beakerJwt({ secrets: [secret], ...more })],
    ['compact', (more) => compact({ secrets: [secret], ...more })],
    ['jwe', (more) => jwe({ secrets: [secret], ...more })],
    ['jwt', (more) => jwt({ secrets: [secret], ...more })],
    ['beaker', (more) => beaker({ validateKey: secret, ...more })],
    [
      'beaker, encryptKey',
      (more) =>
        beaker({
          validateKey: 'a validate key of 32 characters.',
          encryptKey: secret,
          cryptoType: 'cryptography',
          ...more,
        }),
    ],
    [
      'fromBeakerConfig',
      (more) => fromBeakerConfig({ type: 'cookie', validate_key: secret, data_serializer: 'json' }, more),
    ],
  ])('%s throws, and not with allowWeakSecrets', (_name, make) => {
    const error = errorOf(() => make({}))
    expect(error).toBeInstanceOf(TypeError)
    const messages = `${(error as Error).message} ${((error as Error).cause as Error | undefined)?.message}`
    expect(messages).toMatch(/a PEM or JWK|an OpenSSH public key|a secret from a published example|one byte again/)
    expect(messages).not.toContain(secret.slice(0, 24))
    expect(errorOf(() => make({ allowWeakSecrets: true }))).toBeUndefined()
  })
})

test.each<[string, Uint8Array]>([
  ['for RS256 in DER', derOf('RS256')],
  ['for ES256 in DER', derOf('ES256')],
  ['for EdDSA in DER', derOf('EdDSA')],
  ['as PKCS #1', pkcs1],
  ['in UTF-16', Buffer.from(pem, 'utf16le')],
  ['in UTF-16 with a byte order mark', Buffer.from(`\uFEFF${pem}`, 'utf16le')],
  ['in UTF-16, the other order', Buffer.from(`\uFEFF${pem}`, 'utf16le').swap16()],
  ['as a JWK in UTF-16', Buffer.from(`\uFEFF${jwkText}`, 'utf16le')],
])('a public key %s is no secret', (_, bytes) => {
  const der = new Uint8Array(bytes)
  expect(() => jwt({ secrets: der })).toThrow(/a PEM or JWK/)
  expect(() => jwt({ keys: der, allowWeakSecrets: true })).toThrow(/a PEM or JWK as a secret/)
})

test('"True" as the validate_key of Beaker throws', () => {
  expect(() => beaker({ validateKey: 'True' })).toThrow(/"validateKey" contains "True", which anyone can guess/)
  expect(() => beaker({ validateKey: 'True', allowWeakSecrets: true })).not.toThrow()
})

test.each([
  ['HS256', 32],
  ['HS384', 48],
  ['HS512', 64],
] as const)('%s asks for %i bytes, as text, as bytes, as a JWK and as a CryptoKey', async (alg, size) => {
  for (const [length, isTaken] of [
    [size, true],
    [size - 1, false],
  ] as const) {
    const text = 'x'.padStart(length, 'y')
    const bytes = new TextEncoder().encode(text)
    const hash = { name: 'HMAC', hash: `SHA-${alg.slice(2)}` }
    const key = await crypto.subtle.importKey('raw', bytes, hash, false, ['sign', 'verify'])
    const makes = [
      () => jwt({ secrets: text, algorithms: [alg] }),
      () => jwt({ secrets: bytes, algorithms: [alg] }),
      () => jwt({ keys: { key: bytes, alg } }),
      () => jwt({ keys: { kty: 'oct', k: Buffer.from(bytes).toString('base64url'), alg } }),
      () => jwt({ keys: key }),
    ]
    for (const make of makes) {
      const error = errorOf(make)
      if (isTaken) expect(error).toBeUndefined()
      else expect((error as Error).message).toMatch(`${length} bytes; ${size} are needed`)
    }
  }
})

describe('an OpenSSH public key', () => {
  const line = `ssh-ed25519 ${openSsh} dave@example.com`

  test.each<[string, () => unknown]>([
    ['keys', () => jwt({ keys: line })],
    ['keys', () => jwt({ keys: line, allowWeakSecrets: true })],
    ['keys', () => jwt({ keys: [Buffer.from(line)] })],
    ['keys', () => jwt({ keys: { pem: line } })],
    ['keys', () => djangoJwt({ keys: line })],
    ['key', () => djangoJwt({ key: line })],
    ['key', () => djangoJwt({ key: [pairFor('RS256').privateKey, line] })],
  ])('in "%s" is refused by name, with the cure (%#)', (option, make) => {
    expect(make).toThrow(`Option "${option}" holds an OpenSSH public key; convert it: ssh-keygen -e -m PKCS8 -f FILE`)
  })

  test('as a secret: the options that take it, and the cure', () => {
    for (const make of [() => jwt({ secrets: [line] }), () => djangoJwt({ secrets: [line] })]) {
      expect(make).toThrow(/^Option "secrets" contains an OpenSSH public key, which is not secret/)
      expect(make).toThrow(/"keys" of jwt and "key" of djangoJwt take it; convert it: ssh-keygen -e -m PKCS8 -f FILE/)
    }
  })
})

describe('secrets of every other kind are taken', () => {
  const seed = process.env.SECRETS_SEED ?? String(Date.now())
  const words = ['ssh', 'ecdsa', 'begin', 'key', 'public', 'horse', 'True', 'staple', '30', 'AAAA', '{}', '[1]', '----']

  function bytesOf(name: string, length: number): Buffer {
    const parts = Array.from({ length: Math.ceil(length / 32) }, (_, at) =>
      createHash('sha256').update(`${name} ${at}`),
    )
    return Buffer.concat(parts.map((part) => part.digest())).subarray(0, length)
  }

  function wordsOf(bytes: Buffer): string[] {
    return [...bytes.subarray(0, 12)].map((byte) => words[byte % words.length] as string)
  }

  const forms: [string, (bytes: Buffer) => string | Uint8Array][] = [
    ['bytes', (bytes) => bytes],
    ['hexadecimal digits', (bytes) => bytes.toString('hex')],
    ['digits with colons', (bytes) => bytes.toString('hex').replace(/..(?=.)/g, '$&:')],
    ['base64', (bytes) => bytes.toString('base64')],
    ['base64url', (bytes) => bytes.toString('base64url')],
    ['base64 of digits', (bytes) => Buffer.from(bytes.toString('hex')).toString('base64')],
    ['base64 in quotes', (bytes) => JSON.stringify(bytes.toString('base64'))],
    ['base64 behind a prefix', (bytes) => `base64:${bytes.toString('base64')}`],
    ['base64 behind a name', (bytes) => `SESSION_KEY=${bytes.toString('base64url')}`],
    ['percent-encoding', (bytes) => encodeURIComponent(bytes.toString('base64'))],
    ['digits with 0x', (bytes) => `0x${bytes.toString('hex')}`],
    ['base64 twice', (bytes) => Buffer.from(bytes.toString('base64')).toString('base64')],
    ['decimal digits', (bytes) => BigInt(`0x${bytes.toString('hex')}`).toString()],
    ['a passphrase', (bytes) => wordsOf(bytes).join(' ')],
    ['a passphrase with hyphens', (bytes) => wordsOf(bytes).join('-')],
    ['characters', (bytes) => bytes.toString('latin1').replace(/[^!-~]/g, 'x')],
  ]

  test.each(forms)('%s', (_, form) => {
    for (const length of [32, 48, 64, 131, 270]) {
      for (let run = 0; run < runs(30); run++) {
        const secret = form(bytesOf(`${seed} ${length} ${run}`, length))
        const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
        expect(publicMaterial(bytes), `SECRETS_SEED=${seed}, ${length} bytes, run ${run}`).toBeUndefined()
        expect(() => refuseKeyFile(bytes)).not.toThrow()
      }
    }
  })

  test.each([
    ['text that begins as such a line', 'ssh-my-own-passphrase-of-32-bytes-or-more'],
    ['31 equal bytes and another', `${'x'.repeat(31)}y`],
    ['DER of something else', Buffer.from(`3082010a0c82010${'6'.padEnd(600, '41')}`, 'hex')],
  ])('%s', (_, secret) => {
    expect(() => jwt({ secrets: [secret] })).not.toThrow()
  })
})

test('a secret of which every part can be read in many ways costs no long start', () => {
  const parts = Array.from({ length: 500 }, (_, at) => createHash('sha256').update(String(at)).digest('hex'))
  expect(publicMaterial(Buffer.from(parts.join(' ')))).toBeUndefined()
  // What stands behind the 64 readings is not looked at.
  expect(publicMaterial(Buffer.from([...parts, pem].join(' ')))).toMatch(/PEM/)
  expect(publicMaterial(Buffer.from([...parts, Buffer.from(base64).toString('base64')].join(' ')))).toBeUndefined()
})

function errorOf(make: () => unknown): unknown {
  try {
    make()
    return undefined
  } catch (error) {
    return error
  }
}
