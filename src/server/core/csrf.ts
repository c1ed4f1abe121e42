/**
 * Tokens against cross-site requests (CWE-352): an HMAC of the session's id, masked anew for each page that shows it.
 * A secret that stands in the session, where pyramid_beaker keeps its own, comes first.
 */
import { platform } from '#platform'
import { concatBytes, decodeBase64Url, encodeBase64Url, encodeHex, encodeUtf8 } from '../../shared/bytes.js'
import type { SessionData } from '../../shared/types.js'
import type { DerivedKey, SessionCodec } from '../codecs/codec.js'
import { boundName, equalInConstantTime, type KeyUse } from '../keys/hmac.js'

/** Where pyramid_beaker keeps the secret. */
export const CSRF_SECRET = '_csrft_'
/** The id that a session gets for its tokens if its cookie has none. It is no secret. */
export const CSRF_ID = '_csrf_id'
const SECRET_BYTES = 20
/** The random ids of this project, of Beaker and of Django. Other ids may be the same for several visitors. */
const RANDOM_ID = /^[0-9a-z]{32}$/

/** Secrets of sessions, told without waiting. */
interface CsrfSecrets {
  /** One for each key, the first makes tokens; none without keys, and for ids that the runtime has to wait for. */
  of(id: string): readonly Uint8Array[]
  /** A new id whose secrets are known. */
  newId(): string
}

/** What the sessions of a server have in common. */
export interface CsrfKeys {
  /** The id of a new session, as the codec that writes makes it. */
  newId(): string
  /** Every codec that writes keeps the session's id. */
  readonly keepsId: boolean
  /** Secrets that stand in a session are removed from it. */
  readonly derives: boolean
  /** For all sessions, once the keys are known, if they never change and the runtime computes at once. */
  shared?: CsrfSecrets
  /** For one session. */
  prepare(data: SessionData, id: string): Promise<CsrfSecrets>
}

/** What tokens need to know of a session. */
export interface CsrfState {
  id: string
  readonly loaded?: { readonly record: { readonly id?: string } }
  readonly isRegenerated: boolean
  /** A token of the id was made or verified: the session is kept, even without data. */
  isNeeded: boolean
  readonly csrf: CsrfSecrets
  readonly keepsId: boolean
  /** The secret that stood in the session when it was loaded, and is removed from it. */
  formerSecret?: string
}

/** Prepares the keys of all codecs that have secrets: tokens are made with the first key and verified with every one. */
export function createCsrfKeys(
  codecs: readonly SessionCodec[],
  use: Pick<KeyUse, 'cookieName' | 'tenant'>,
  derives: boolean,
): CsrfKeys {
  // Nothing that is signed begins so: see `publicCookieLabel`.
  const label = `sessionglass csrf of ${boundName(use)}\x01`
  // A codec knows the keys of its present secrets; what it loads again is asked for each time.
  const areFixed = codecs.every((codec) => !codec.deriveKeys || !codec.keys?.reload)
  const keepsId = codecs.every((codec) => !codec.sign || codec.keepsId)
  const newId = codecs[0]?.newId ?? hexId
  const csrfKeys: CsrfKeys = {
    newId,
    keepsId,
    derives,
    async prepare(data, id) {
      const keys = (await Promise.all(codecs.map((codec) => codec.deriveKeys?.(label) ?? []))).flat()
      const atOnce = secretsAtOnce(keys, newId)
      if (!atOnce) return await secretsAhead(keys, [id, ...ownId(data)], { newId, keepsId })
      if (areFixed) csrfKeys.shared = atOnce
      return atOnce
    },
  }
  return csrfKeys
}

/** 128 random bits as 32 hex digits, as Beaker's ids are. */
function hexId(): string {
  return encodeHex(platform.randomBytes(16))
}

/** For `regenerate()`. If no cookie keeps it, it is none for tokens. */
export function nextId({ csrf, keepsId }: CsrfState): string {
  return keepsId ? csrf.newId() : hexId()
}

function secretsAtOnce(keys: readonly DerivedKey[], newId: () => string): CsrfSecrets | undefined {
  const of = (id: string) => keys.flatMap(({ signNow }) => (signNow ? [secretIn(signNow(id))] : []))
  return keys.every(({ signNow }) => signNow) ? { of, newId } : undefined
}

/** Where a MAC takes a promise, a session knows those of its ids; more ids are ready for `regenerate()`. */
async function secretsAhead(
  keys: readonly DerivedKey[],
  ids: readonly string[],
  { newId, keepsId }: Pick<CsrfKeys, 'newId' | 'keepsId'>,
): Promise<CsrfSecrets> {
  const known = new Map<string, readonly Uint8Array[]>()
  const learn = async (id: string) =>
    known.set(id, await Promise.all(keys.map(async (key) => secretIn(await key.sign(id)))))
  // One for a sign-in, and one for a second or for a session that had none.
  const spares = [newId(), newId()]
  await Promise.all([...ids, ...(keepsId ? spares : []), ...spares.map(asOwn)].map(learn))
  return { of: (id) => known.get(id) ?? [], newId: () => spares.pop() ?? newId() }
}

function secretIn(mac: Uint8Array): Uint8Array {
  return mac.subarray(0, SECRET_BYTES)
}

/**
 * A token for a form or a header. No two are equal, so that what a page compresses tells nothing of the secret (BREACH).
 * A session whose cookie has no random id gets one, which changes the data.
 */
export function createCsrfToken(data: SessionData, state: CsrfState): string {
  const stored = textIn(data, CSRF_SECRET)
  const secret = stored ? encodeUtf8(stored) : (derivedSecret(data, state) ?? storeSecret(data))
  const mask = platform.randomBytes(secret.length)
  return encodeBase64Url(concatBytes(mask, masked(secret, mask)))
}

/**
 * Whether a token was made of this session's secret. One that stands in the session is the only one, and is a token itself, as
 * pyramid_beaker shows it.
 */
export function isCsrfToken(data: SessionData, state: CsrfState, token: unknown): boolean {
  if (typeof token !== 'string') return false
  const stored = textIn(data, CSRF_SECRET)
  const text = encodeUtf8(stored || (state.formerSecret ?? ''))
  if (text.length > 0 && (equalInConstantTime(text, encodeUtf8(token)) || isTokenOf(text, token))) return true
  if (stored) return false
  const isOf = (id: string): boolean => state.csrf.of(id).some((secret) => isTokenOf(secret, token))
  if (ownId(data).some(isOf)) return true
  if (!hasId(state) || !isOf(state.id)) return false
  // The page that has the token may send it again.
  state.isNeeded = true
  return true
}

/** The next token begins with another secret, and no earlier token stays valid. The session has its new id by then. */
export function forgetCsrf(data: SessionData, state: CsrfState): void {
  takeStoredSecret(data)
  state.formerSecret = ''
  state.isNeeded = false
  if (textIn(data, CSRF_ID)) delete data[CSRF_ID]
}

/** Takes the secret out that stands in a session. @returns an empty text if there is none */
export function takeStoredSecret(data: SessionData): string {
  const stored = textIn(data, CSRF_SECRET)
  if (stored) delete data[CSRF_SECRET]
  return stored
}

/** Any text, which stays as it is; an empty one proves nothing, and neither does what is no text. */
function textIn(data: SessionData, key: string): string {
  const text = Object.hasOwn(data, key) ? data[key] : ''
  return typeof text === 'string' ? text : ''
}

/** For servers without a secret, which have key pairs alone: no format that they sign is compressed. */
function storeSecret(data: SessionData): Uint8Array {
  const secret = encodeHex(platform.randomBytes(SECRET_BYTES))
  data[CSRF_SECRET] = secret
  return encodeUtf8(secret)
}

/** @returns undefined if there is no key */
function derivedSecret(data: SessionData, state: CsrfState): Uint8Array | undefined {
  const { csrf, keepsId } = state
  const [own] = ownId(data)
  if (own) return csrf.of(own)[0]
  if (keepsId && hasId(state)) {
    state.isNeeded = true
    return csrf.of(state.id)[0]
  }
  const added = csrf.newId()
  const [secret] = csrf.of(asOwn(added))
  if (secret) data[CSRF_ID] = added
  return secret
}

/** The session's own id is random, and its cookie has it or will get it. */
function hasId({ id, isRegenerated, loaded }: CsrfState): boolean {
  return RANDOM_ID.test(id) && (!loaded || isRegenerated || loaded.record.id === id)
}

/** The id that the data has for tokens, if it has one: no application can make it look like the id of another session. */
function ownId(data: SessionData): string[] {
  const id = textIn(data, CSRF_ID)
  return RANDOM_ID.test(id) ? [asOwn(id)] : []
}

/** The key for tokens without an id that tokens are made of. */
export function isNoCsrf(key: string, value: unknown): boolean {
  return key === CSRF_ID && !(typeof value === 'string' && RANDOM_ID.test(value))
}

function asOwn(id: string): string {
  return `own ${id}`
}

/** Mask and masked secret in base64url. */
function isTokenOf(secret: Uint8Array, token: string): boolean {
  try {
    const bytes = decodeBase64Url(token)
    return equalInConstantTime(secret, masked(bytes.subarray(secret.length), bytes))
  } catch {
    return false
  }
}

function masked(bytes: Uint8Array, mask: Uint8Array): Uint8Array {
  return bytes.map((byte, at) => byte ^ (mask[at] as number))
}
