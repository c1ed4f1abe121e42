/**
 * The server's entry: everything an application needs to issue, verify and rotate session cookies.
 */
export { decodeSession } from '../shared/decode.js'
export type { Duration } from '../shared/define-session.js'
export {
  type DefineSession,
  defineSession,
  type ExposingDefinition,
  type SessionDefinition,
  type SessionOptions,
} from '../shared/define-session.js'
export { isSessionError, type KeySize, SessionError, type SessionErrorCode } from '../shared/errors.js'
export type {
  DecodedSession,
  MaybePromise,
  NeutralType,
  Origin,
  OriginNode,
  SchemaResult,
  SessionData,
  StandardSchema,
} from '../shared/types.js'
export { type BoundHandlerOptions, expressBound, fastifyBound, fetchBound, honoBound } from './adapters/bound.js'
export {
  type ExpressMiddleware,
  type ExpressOptions,
  type ExpressRequestSession,
  type ExpressSession,
  expressSessions,
  type SessionCallback,
  type SessionCookie,
  sessionOf,
} from './adapters/express.js'
export {
  type FastifyCallback,
  type FastifyOptions,
  type FastifyPlugin,
  type FastifyRequestSession,
  type FastifySession,
  fastifySessions,
} from './adapters/fastify.js'
export { type FetchHandler, fetchSessions } from './adapters/fetch.js'
export { type HonoMiddleware, type HonoOptions, honoSessions } from './adapters/hono.js'
export { expressJwks, fetchJwks, type JwksFor, type JwksOptions } from './adapters/jwks.js'
export {
  type NextCookieAttributes,
  type NextCookies,
  type NextHeaders,
  type NextSessions,
  nextSessions,
  type ReadOnlySession,
} from './adapters/next.js'
export { type NextProxyHandler, type NextResponses, nextProxy } from './adapters/next-proxy.js'
export { type RecentOptions, type RecentStep, recentOnly, requireRecent } from './adapters/recent.js'
export type { SessionsFor } from './adapters/saving.js'
export {
  type OpenTelemetryApi,
  openTelemetryListener,
  type PrometheusClient,
  type PrometheusOptions,
  prometheusListener,
  type TelemetryOptions,
} from './adapters/telemetry.js'
export { type TouchHandler, type TouchOptions, touchHandler } from './adapters/touch.js'
export { bsonTypesOf } from './bson-types.js'
export { type BeakerCodec, type BeakerCryptoType, type BeakerOptions, beaker } from './codecs/beaker.js'
export { type BeakerJwtOptions, beakerJwt } from './codecs/beaker-jwt.js'
export type { CodecContext, SessionCodec, SessionRecord } from './codecs/codec.js'
export { type CompactOptions, compact } from './codecs/compact.js'
export type { DjangoField, DjangoJwtSession } from './codecs/django-jwt.js'
export { type DjangoJwtOptions, djangoJwt } from './codecs/django-jwt.js'
export { type DjangoSessionOptions, djangoSession } from './codecs/django-session.js'
export { type DjangoSignedOptions, djangoSigned } from './codecs/django-signed.js'
export { type JweOptions, jwe } from './codecs/jwe.js'
export { type JwtOptions, jwt } from './codecs/jwt.js'
export type { BoundOptions } from './core/bound.js'
export { type ShownSession, serializeForClient } from './core/client-value.js'
export type { CookieAttributes } from './core/cookies.js'
export type { SessionEvent, SessionEventListener, SessionEventType } from './core/events.js'
export { createReadStats, type ReadStats, type ReadStatsRow, type ReadStatsTarget } from './core/events.js'
export type { Expose } from './core/expose.js'
export type { FlashValue } from './core/flash.js'
export { bearerToken, type CookieSource, type HeaderTarget, type TokenSource } from './core/http.js'
export type { OnceOptions } from './core/once.js'
export type { SessionsChanges, SessionsOptions, VerifyOptions } from './core/options.js'
export type { EndSessionsOptions, ListSessionsOptions, OwnedSession, OwnedSessions } from './core/owned-sessions.js'
export type { Owner } from './core/owner.js'
export {
  createRevocations,
  type RevocableSession,
  type Revocation,
  type Revocations,
  type RevocationsOptions,
} from './core/revocation.js'
export type { OnInvalid, RefusedPath } from './core/schema.js'
export type { Session } from './core/session.js'
export { createSessions, type Sessions } from './core/sessions.js'
export { type ReadOnlySessions, verifySessions } from './core/verify-sessions.js'
export {
  type DjangoLogin,
  type DjangoLoginOptions,
  type DjangoUser,
  type DjangoUserOptions,
  type DjangoUserSession,
  djangoLogin,
  djangoUser,
} from './django/user.js'
export type { ContentEncryption } from './keys/encryption-keys.js'
export type { Secrets } from './keys/hmac.js'
export type { JwkSet, KeyInput, KeySigner } from './keys/key-input.js'
export type { KeysEvent, LoadedKeys, SecretSource } from './keys/key-source.js'
export type { CodecKeys, KeyRing } from './keys/keys.js'
export { createKeys, type KeySource, type Keys, type KeysOptions } from './keys/keys.js'
export type { HmacAlgorithm, Jwk, JwsAlgorithm } from './keys/prepared-key.js'
export { type RemoteJwksOptions, remoteJwks } from './keys/remote-jwks.js'
export { keyThumbprint } from './keys/thumbprint.js'
export { type BeakerConfig, type BeakerConfigOptions, fromBeakerConfig } from './presets/beaker-config.js'
export { type WsgiJwtSessionOptions, wsgiJwtSession } from './presets/wsgi-jwt-session.js'
export { type DjangoStoreOptions, djangoStore } from './stores/django.js'
export { type ExpressStore, fromExpressStore } from './stores/express.js'
export { type MemoryStoreOptions, memoryStore } from './stores/memory.js'
export { type PgClient, type PgPool, pgExecute } from './stores/pg.js'
export { type IoRedisClient, type NodeRedisClient, type RedisStoreOptions, redisStore } from './stores/redis.js'
export type { SqlConnection, SqlDialect, SqlExecute, SqlQuery, SqlRow } from './stores/sql.js'
export { type SqlStore, type SqlStoreOptions, sqlStore } from './stores/sql-store.js'
export {
  type SqliteDatabase,
  type SqliteExecuteOptions,
  type SqliteStatement,
  sqliteExecute,
} from './stores/sqlite.js'
export type { OwnedQuery, SessionStore, StoredSession } from './stores/store.js'
