/**
 * The codec contract: how one format of session cookies is recognized, verified and signed. A codec is a plain
 * object; test/contract is the suite that each one passes.
 */
import type { SessionDefinition } from '../../shared/define-session.js'
import type { Origin, SessionData } from '../../shared/types.js'
import type { Verifications } from '../keys/hmac.js'
import type { CodecKeys } from '../keys/keys.js'

export type { KeysEvent } from '../keys/key-source.js'
export type { CodecKeys } from '../keys/keys.js'

/** What a value is verified or signed for. */
export interface CodecContext {
  /** The name of the cookie. */
  cookieName: string
  /** `public` is the cookie that scripts may read; it is signed with its own key and never trusted. */
  purpose: 'session' | 'public'
  /** Whose sessions these are, for a format that is bound to it (`isBound`). */
  tenant?: string | undefined
  /** The present time. */
  now: Date
  /** For `verify`: what this request may still verify. */
  verifications?: Verifications
  /** For `sign`: the index of another key than the first, so that a test can make what an older key signed. */
  keyIndex?: number
}

/** A session between its codec and the core: what was read, or what is to be written. */
export interface SessionRecord {
  /**
   * The application's keys. With a store they are in `stored`, and this is what the token says beside its id and times: empty for a new
   * session and after `regenerate()`, else what was read, to be written again.
   */
  data: SessionData
  /**
   * For `sign`, with a store: what the store holds of the session, from which a codec may take claims. Only what it takes goes
   * into the cookie. `id` names the row: a codec that is used with a store must write it.
   */
  stored?: SessionData
  /** The JWT payload as parsed, if there is one. */
  claims?: Record<string, unknown>
  /** The id, if the format carries one. */
  id?: string
  /** When the session was created, if the format says so. */
  createdAt?: Date
  /** When the session was last used, if the format says so. */
  accessedAt?: Date
  /** When the value expires by itself, if it does. */
  expiresAt?: Date
  /**
   * For a format that has no time of the last access: how long before `expiresAt` the value was written, in milliseconds, by an option of the
   * codec. A session's own lifetime comes before it.
   */
  validFor?: number
  /** For `sign`: `expiresAt` is what the session itself asks for, and comes before an option of the codec. */
  isOwnEnd?: boolean
  /**
   * How often the session was written before, for our own formats: whole, from 0. A codec that carries it makes lost updates
   * visible.
   */
  version?: number
  /** Index of the key that verified it; 0 is the one that signs. */
  keyIndex?: number
  /** The id of the key that verified it, if that has one. */
  kid?: string
  /** What the payload said of each value, so that untouched keys survive. */
  origin?: Origin
}

/** The place of its cookie that a session names itself. What is absent is as the options say. */
export interface NamedPlace {
  /** null: the host alone. */
  readonly domain?: string | null
  /** The path. */
  readonly path?: string
}

/** An HMAC key. */
export interface DerivedKey {
  /** The HMAC of a text. */
  sign(text: string): Promise<Uint8Array>
  /** The same at once, if the runtime can. */
  signNow?(text: string): Uint8Array
}

/**
 * Reads and writes one format. A plain object: nothing is registered. docs/writing-a-codec.md explains how to make
 * one.
 */
export interface SessionCodec {
  /** For events, errors and statistics. */
  readonly name: string
  /** Values of two families never look alike: `jws`, `jwe`, `beaker`, `django-signed`, `compact`. */
  readonly family: string
  /** Can a browser read it at all? */
  readonly readable: boolean
  /** Longest value in characters, as that system counts it. */
  readonly maxLength?: number
  /** Does each value say when the session was created and last used? One that doesn't is refused if a timeout needs it. */
  readonly hasTimes?: boolean
  /** Values are bound to the context's `cookieName` and `tenant`: with the same keys no other cookie and no other tenant takes them. */
  readonly isBound?: boolean
  /** What the other side has configured, in milliseconds, in place of the default of `defineSession`. */
  readonly idleTimeout?: number
  /** When a value that is signed now expires by an option of the codec. Absent: only as the session's timeouts say. */
  valueEnd?(record: SessionRecord, now: Date): Date | undefined
  /** May the value be split over several cookies? */
  readonly chunks?: boolean
  /** What is weak or uncertain in this configuration; `sessions.warnings` has them all, for a log at start. They hold no key. */
  readonly warnings?: readonly string[]
  /** Keys that tell about the session and are not data, each with what to use instead. */
  readonly meta?: Readonly<Record<string, string>>
  /** For a codec with key pairs, or with keys that are loaded while it works. */
  readonly keys?: CodecKeys
  /** What `sign` writes always has the session's id; false: never, so a store can't be used with it. */
  readonly keepsId?: boolean
  /**
   * The value is the id of a session and nothing else. It is not signed, so it is only looked up: it needs a store, and an id that names no
   * row gives a new session with a new id. `alone`: no other codec of the list may write the id, for it could be copied out of its values.
   */
  readonly bareId?: 'alone' | 'beside'
  /** The id of a new session: 32 random characters of a to z and 0 to 9. Absent: 32 hex digits. */
  newId?(): string
  /**
   * For a codec with secrets: keys for something else than sessions, which differ for each label, one of each secret in their order. Tokens
   * of `csrfToken()` are made with them; without them the session holds a secret.
   */
  deriveKeys?(label: string): Promise<readonly DerivedKey[]>
  /** For a codec that browsers can't read: signs the public cookie, with keys of its own, if no other codec of the list does. */
  readonly publicCodec?: SessionCodec
  /**
   * Names each key by something that tells nothing of it, in the order of `keyIndex`, as `keyThumbprint` does: so that all that one of them
   * signed can be revoked. Undefined: it has no such name. Absent: no key verifies.
   */
  thumbprints?(): Promise<readonly (string | undefined)[]>
  /** For a codec with named claims: the same one, with the names of the definition where its own options give none. */
  forSession?(definition: Pick<SessionDefinition, 'fields' | 'sessionField'>): SessionCodec
  /** Tells by shape alone whether a value may be of this family. */
  matches(value: string): boolean
  /**
   * Verifies a value and takes it apart.
   *
   * @throws {SessionError} any code; `verified` is true if the signature was valid
   */
  verify(value: string, context: CodecContext): Promise<SessionRecord>
  /** Loads what `sign` needs and `verify` does not. `ready()` of sessions that write calls it; without it the first `sign` loads the same. */
  prepareSign?(): Promise<void>
  /**
   * Writes a session. Absent: read only.
   *
   * @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path of a value it can't hold
   */
  sign?(record: SessionRecord, context: CodecContext): Promise<string>
  /**
   * Whether an unchanged session is due to be written again, for a format that knows better than `touchEvery`; an idle timeout may ask for
   * it sooner.
   */
  needsRenewal?(record: SessionRecord, now: Date): boolean
  /** Where `sign` says in the value that its cookie is: by the record's `origin`, for `data` may have changed since. Else the options count. */
  cookiePlace?(record: SessionRecord): NamedPlace | undefined
  /** As a store's, for a format whose data may have times in words of its own. */
  cookieEnd?(data: SessionData, now: Date): Date | 'browser' | undefined
  /** As a store's. */
  endText?(time: Date): string
  /** What `origin` read, in its own objects: then the core compares with it, and asks no `changed`. */
  original?(record: SessionRecord): SessionData | undefined
  /** Whether the data differs from what `origin` read; absent: the core compares with a copy. */
  changed?(record: SessionRecord): boolean
}
