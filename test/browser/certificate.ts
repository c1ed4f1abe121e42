/** A certificate for servers of tests, made anew in each process: browsers bind sessions only where TLS is in order. RFC 5280 §4.1. */
import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto'

export interface Certificate {
  /** PEM. */
  readonly key: string
  readonly cert: string
  /** The hash of its public key, for Chromium's `--ignore-certificate-errors-spki-list`. */
  readonly spki: string
}

const ECDSA_SHA256 = sequence(identifier([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]))

export function certificateFor(hosts: readonly string[]): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const name = sequence(der(0x31, sequence(identifier([0x55, 0x04, 0x03]), der(0x0c, Buffer.from(hosts[0] ?? '')))))
  const day = 86_400_000
  const times = [Date.now() - day, Date.now() + day].map((time) =>
    der(0x18, Buffer.from(`${new Date(time).toISOString().replace(/[-:T]|\.\d+/g, '')}`)),
  )
  const names = sequence(...hosts.map((host) => der(0x82, Buffer.from(host))))
  const extension = sequence(identifier([0x55, 0x1d, 0x11]), der(0x04, names))
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_SHA256,
    name,
    sequence(...times),
    name,
    spki,
    der(0xa3, sequence(extension)),
  )
  const signature = createSign('sha256').update(body).sign(privateKey)
  const bits = der(0x03, Buffer.concat([Buffer.from([0]), signature]))
  const base64 = sequence(body, ECDSA_SHA256, bits).toString('base64').replace(/.{64}/g, '$&\n').trim()
  return {
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    spki: createHash('sha256').update(spki).digest('base64'),
  }
}

function sequence(...parts: Uint8Array[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function identifier(bytes: number[]): Buffer {
  return der(0x06, Buffer.from(bytes))
}

/** X.690 §8.1: tag, length, contents. */
function der(tag: number, contents: Uint8Array): Buffer {
  const { length } = contents
  const long = length > 0xff ? [0x82, length >> 8, length & 0xff] : [0x81, length]
  return Buffer.concat([Buffer.from([tag, ...(length > 0x7f ? long : [length])]), contents])
}
