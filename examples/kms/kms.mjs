/** A stand-in for a KMS: its private key never leaves this file. It answers late, and sometimes not at all. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'

/** @returns what an application has of a KMS, and a switch for tests */
export function startKms() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const state = { isDown: false, isSlow: false, signatures: 0 }
  return {
    state,
    /** As `GetPublicKey` of AWS: SPKI in DER. */
    getPublicKey: async () => new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })),
    /** As `Sign` of AWS with `ECDSA_SHA_256`: DER. @param {Uint8Array} bytes */
    async sign(bytes) {
      await pause(state.isSlow ? 2000 : 20)
      if (state.isDown) throw new Error('The KMS does not answer')
      state.signatures++
      return new Uint8Array(sign('sha256', bytes, privateKey))
    },
  }
}
