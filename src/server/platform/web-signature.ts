/**
 * Key pairs by WebCrypto: each is imported at its first use, since Workers allow no asynchronous work while a module starts.
 * RFC 7518 §3.3 to §3.5, RFC 8037 §3.1; W3C Web Cryptography Level 2.
 */
import { encodeBase64Url, encodeUtf8 } from '../../shared/bytes.js'
import {
  type AsymmetricKey,
  type HashName,
  type HmacKey,
  isPrivateJwk,
  type Jwk,
  type KeyMaterial,
  publicMembers,
  SIGNATURE_ALGORITHMS,
  type SignatureAlgorithm,
  type SignatureKey,
  signatureLength,
} from './platform.js'
import { plainBuffer } from './web-aes.js'
import { readPem } from './web-pem.js'

/** As `Platform.asymmetricKey`. */
export function webAsymmetricKey(material: KeyMaterial): AsymmetricKey {
  if ('jwk' in material) {
    const { jwk } = material
    return keyOf(jwk, isPrivateJwk(jwk), async (algorithm) => importJwk(jwk, algorithm))
  }
  if ('pem' in material) {
    if (material.passphrase !== undefined) throw new TypeError('this platform reads no PEM with a passphrase')
    const { format, der, facts } = readPem(material.pem)
    const isPrivate = format === 'pkcs8'
    return keyOf(facts, isPrivate, async (algorithm) => {
      const usage = isPrivate ? 'sign' : 'verify'
      const key = await crypto.subtle.importKey(format, der, importParameters(algorithm), true, [usage])
      return importJwk((await crypto.subtle.exportKey('jwk', key)) as Jwk, algorithm)
    })
  }
  const { privateKey, publicKey } = material
  return keyOf(factsOf((privateKey ?? publicKey) as CryptoKey), privateKey !== undefined, async (algorithm) => {
    const verifying = publicKey ?? (await publicHalf(privateKey as CryptoKey, algorithm))
    return { verifying, ...(privateKey && { signing: privateKey }) }
  })
}

/** An HMAC key that WebCrypto holds, or will hold once it is asked for. */
export function webHmacKeyOf(held: CryptoKey | (() => Promise<CryptoKey>)): HmacKey {
  const key = async (): Promise<CryptoKey> => (typeof held === 'function' ? held() : held)
  const sign = async (data: string | Uint8Array): Promise<Uint8Array> =>
    new Uint8Array(await crypto.subtle.sign('HMAC', await key(), octets(data)))
  return {
    sign,
    verify: async (data, mac) => crypto.subtle.verify('HMAC', await key(), plainBuffer(mac), octets(data)),
  }
}

interface ImportedKeys {
  verifying: CryptoKey
  signing?: CryptoKey
}

function keyOf(
  { kty, crv, n, e }: AsymmetricKey['facts'],
  isPrivate: boolean,
  load: (algorithm: SignatureAlgorithm) => Promise<ImportedKeys>,
): AsymmetricKey {
  const facts = { ...(kty && { kty }), ...(crv && { crv }), ...(n && { n }), ...(e && { e }) }
  return {
    facts,
    isPrivate,
    async prepare(algorithm) {
      const { verifying, signing } = await load(algorithm)
      return signatureKey(algorithm, verifying, signing)
    },
  }
}

async function signatureKey(
  algorithm: SignatureAlgorithm,
  verifying: CryptoKey,
  signing: CryptoKey | undefined,
): Promise<SignatureKey> {
  const parameters = signParameters(algorithm)
  const length = signatureLength(algorithm, (verifying.algorithm as Partial<RsaKeyAlgorithm>).modulusLength)
  const jwk = verifying.extractable
    ? publicMembers((await crypto.subtle.exportKey('jwk', verifying)) as Jwk)
    : undefined
  return {
    ...(jwk && { jwk }),
    ...(signing && {
      sign: async (data: string | Uint8Array) =>
        new Uint8Array(await crypto.subtle.sign(parameters, signing, octets(data))),
    }),
    verify: async (data, signature) =>
      (length === undefined || signature.length === length) &&
      (await crypto.subtle.verify(parameters, verifying, plainBuffer(signature), octets(data))),
  }
}

/** The members that make the key, and nothing else: what the key is for was looked at before. */
async function importJwk(jwk: Jwk, algorithm: SignatureAlgorithm): Promise<ImportedKeys> {
  const { kty, crv, x, y, n, e, d, p, q, dp, dq, qi } = jwk
  const parameters = importParameters(algorithm)
  const shared = publicMembers(jwk) as JsonWebKey
  const verifying = await crypto.subtle.importKey('jwk', shared, parameters, true, ['verify'])
  if (!isPrivateJwk(jwk)) return { verifying }
  const all = Object.entries({ kty, crv, x, y, n, e, d, p, q, dp, dq, qi }).filter(([, value]) => value !== undefined)
  const whole = Object.fromEntries(all) as JsonWebKey
  return { verifying, signing: await crypto.subtle.importKey('jwk', whole, parameters, false, ['sign']) }
}

/** Of a private key that can be exported. */
async function publicHalf(privateKey: CryptoKey, algorithm: SignatureAlgorithm): Promise<CryptoKey> {
  const jwk = (await crypto.subtle.exportKey('jwk', privateKey)) as Jwk
  return (await importJwk(publicMembers(jwk), algorithm)).verifying
}

function factsOf({ algorithm }: CryptoKey): AsymmetricKey['facts'] {
  const { name, namedCurve, modulusLength, publicExponent } = algorithm as Partial<EcKeyAlgorithm & RsaKeyAlgorithm>
  if (name === 'ECDSA') return { kty: 'EC', crv: namedCurve ?? '' }
  if (name === 'Ed25519') return { kty: 'OKP', crv: name }
  if (modulusLength === undefined || publicExponent === undefined)
    throw new TypeError('the CryptoKey is of an unknown type')
  return { kty: 'RSA', ...rsaFacts(modulusLength, publicExponent) }
}

/** The modulus itself may be out of reach; its length is not. */
function rsaFacts(bits: number, exponent: Uint8Array): { n: string; e: string } {
  const modulus = new Uint8Array(Math.ceil(bits / 8)).fill(0xff)
  modulus[0] = 0xff >> (modulus.length * 8 - bits)
  return { n: encodeBase64Url(modulus), e: encodeBase64Url(exponent) }
}

function importParameters(algorithm: SignatureAlgorithm): RsaHashedImportParams | EcKeyImportParams | Algorithm {
  const { kty, crv = '', hash } = SIGNATURE_ALGORITHMS[algorithm]
  if (kty === 'OKP') return { name: crv }
  if (kty === 'EC') return { name: 'ECDSA', namedCurve: crv }
  return { name: algorithm.startsWith('PS') ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash: hash as HashName }
}

function signParameters(algorithm: SignatureAlgorithm): EcdsaParams | RsaPssParams | Algorithm {
  const { kty, crv = '', hash } = SIGNATURE_ALGORITHMS[algorithm]
  if (kty === 'OKP') return { name: crv }
  if (kty === 'EC') return { name: 'ECDSA', hash: hash as HashName }
  if (!algorithm.startsWith('PS')) return { name: 'RSASSA-PKCS1-v1_5' }
  return { name: 'RSA-PSS', saltLength: Number(algorithm.slice(2)) / 8 }
}

function octets(data: string | Uint8Array): Uint8Array<ArrayBuffer> {
  return plainBuffer(typeof data === 'string' ? encodeUtf8(data) : data)
}
