/**
 * Keys that node:crypto has read or made, told by their shape: not every runtime has its class.
 */
import { formOfSecret, type KeyForm, type KeyLabels, labelsOf } from './key-form.js'

/** `KeyObject` of node:crypto, by its shape. */
export interface KeyObjectLike {
  readonly type: 'public' | 'private' | 'secret'
  readonly asymmetricKeyType?: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: the overloads of KeyObject
  export(...options: any[]): unknown
}

/** @throws {TypeError} for one that signs no sessions */
export function formOfKeyObject(key: KeyObjectLike, labels: KeyLabels): KeyForm {
  if (key.type === 'secret') return formOfSecret(key.export() as Uint8Array, labels)
  if (key.asymmetricKeyType === 'rsa-pss') throw new TypeError('a KeyObject of type rsa-pss; give one of type rsa')
  return { ...labelsOf(labels), material: { pem: exported(key) } }
}

/**
 * As PEM and not as a JWK: of a key that was made a moment ago Node 20 holds a lock meanwhile, and waits for itself for ever where its
 * garbage collector comes in between and puts away what made the key.
 */
function exported(key: KeyObjectLike): string {
  try {
    return key.export({ format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' }) as string
  } catch {
    throw new TypeError('a KeyObject of a type or curve that signs no sessions')
  }
}
