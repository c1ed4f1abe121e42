/** Where sessions are kept: in cookies of each codec, and in each store. */
import {
  beakerJwt,
  compact,
  createSessions,
  defineSession,
  djangoStore,
  type ExpressStore,
  fromExpressStore,
  jwe,
  jwt,
  memoryStore,
  type SessionStore,
  type Sessions,
  sqliteExecute,
} from '../../src/server/index.js'
import { DJANGO_TABLE, openSqlite } from '../server/stores/sqlite.helpers.js'
import { openSharedStore, type SharedStore, type StorePlaces } from '../setup/stores.js'
import { clock, faultyStore, type Sabotage } from './faults.js'

export const NAME = 'sid'
const SECRET = 'swordfish-one-of-the-keys-0123456789abcdef'
/** Caches fill up soon, too. */
const KEYS = { secrets: [SECRET], remember: 64 }
/** More than there are visitors, and few enough to be reached soon: from then on the memory is flat. */
const MAX_SESSIONS = 100

export type Data = Record<string, unknown>

/** What is known of a system at its client. */
export interface SystemInfo {
  readonly name: string
  readonly hasStore: boolean
  /** A session may be larger than one cookie. */
  readonly isLarge: boolean
  /** A row is changed in one step. */
  readonly hasUpdate: boolean
  /** The server that it needs. */
  readonly database?: 'redis' | 'postgres'
}

export interface System extends SystemInfo {
  readonly sessions: Sessions<Data>
  /** Fails while the database is away. */
  probe(): Promise<unknown>
}

/** The database servers that are there. */
export interface Databases {
  redis?: number
  postgres?: NonNullable<StorePlaces['postgres']>
}

/** The one list. */
export async function openSystems({ redis, postgres }: Databases, sabotage?: Sabotage): Promise<System[]> {
  const database = await openSqlite()
  database.exec(DJANGO_TABLE)
  const places: StorePlaces = { ...(redis !== undefined && { redisPort: redis }), ...(postgres && { postgres }) }
  const open = (name: SharedStore): Promise<SessionStore> => openSharedStore(name, places, { secretKey: SECRET, clock })
  const inStore = (name: string, store: SessionStore, server?: 'redis' | 'postgres'): System =>
    systemOf({ name, store: faultyStore(store, sabotage), ...(server && { database: server }) })
  return [
    systemOf({ name: 'beakerJwt', codec: beakerJwt(KEYS) }),
    systemOf({ name: 'compact', codec: compact(KEYS) }),
    systemOf({ name: 'jwe', codec: jwe(KEYS) }),
    systemOf({ name: 'jwt', codec: jwt({ ...KEYS, clockTolerance: '5m' }) }),
    inStore('memory', memoryStore({ maxSessions: MAX_SESSIONS, clock })),
    inStore('sqlite', djangoStore({ execute: sqliteExecute(database), secretKey: SECRET, clock })),
    inStore('express', fromExpressStore(mapStore(), { clock })),
    ...(redis === undefined
      ? []
      : [
          inStore('redis', await open('redisStore'), 'redis'),
          inStore('ioredis', await open('redisStore with ioredis'), 'redis'),
          inStore('connect-redis', await open('connect-redis'), 'redis'),
        ]),
    ...(postgres
      ? [
          inStore('postgres', await open('djangoStore in PostgreSQL'), 'postgres'),
          inStore('connect-pg-simple', await open('connect-pg-simple'), 'postgres'),
        ]
      : []),
  ]
}

function systemOf({
  name,
  store,
  codec = jwt({ ...KEYS, clockTolerance: '5m' }),
  database,
}: {
  name: string
  store?: SessionStore
  codec?: ReturnType<typeof jwt>
  database?: 'redis' | 'postgres'
}): System {
  const sessions = createSessions<Data>({
    session: defineSession<Data>({ name: NAME, idleTimeout: '30m', absoluteTimeout: '12h' }),
    codecs: [codec],
    ...(store && { store }),
    expose: false,
    secure: false,
    touchEvery: '1s',
    clock,
  })
  return {
    name,
    sessions,
    hasStore: store !== undefined,
    isLarge: store !== undefined || codec.chunks === true,
    hasUpdate: store?.update !== undefined,
    ...(database && { database }),
    probe: async () => store?.get('0'.repeat(32)),
  }
}

/** A store of express-session in memory, bounded: its own MemoryStore keeps every session for ever. */
function mapStore(): ExpressStore {
  const rows = new Map<string, string>()
  return {
    get(id, done) {
      const text = rows.get(id)
      setImmediate(() => done(undefined, text === undefined ? undefined : JSON.parse(text)))
    },
    set(id, session, done) {
      rows.delete(id)
      if (rows.size >= MAX_SESSIONS) rows.delete(rows.keys().next().value as string)
      rows.set(id, JSON.stringify(session))
      setImmediate(() => done?.())
    },
    destroy(id, done) {
      rows.delete(id)
      setImmediate(() => done?.())
    },
  }
}
