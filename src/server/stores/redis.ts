/**
 * Sessions in Redis or Valkey, through node-redis 4 and 5 or ioredis, told by their shape.
 * Commands of Redis 2.6.12 and later: GET, SET with PX, DEL, PEXPIRE, EVAL.
 */
import type { Duration } from '../../shared/define-session.js'
import { checkDuration, checkNames, type OptionNames } from '../../shared/option-names.js'
import { withBsonTypes } from '../bson-types.js'
import { readRow, writeRow } from './row.js'
import type { SessionStore, StoredSession } from './store.js'

/** The part of a node-redis client, pool or cluster that is used. */
export interface NodeRedisClient {
  get(key: string): Promise<unknown>
  set(key: string, value: string, options?: { PX: number }): Promise<unknown>
  del(key: string): Promise<unknown>
  pExpire(key: string, milliseconds: number): Promise<unknown>
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}

/** The part of an ioredis client or cluster that is used. */
export interface IoRedisClient {
  get(key: string): Promise<string | null>
  set(key: string, value: string): Promise<unknown>
  set(key: string, value: string, unit: 'PX', milliseconds: number): Promise<unknown>
  del(key: string): Promise<unknown>
  pexpire(key: string, milliseconds: number): Promise<unknown>
  eval(script: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>
}

export interface RedisStoreOptions {
  /** Before each id. Default `session:`. */
  prefix?: string
  /** How long a session without its own expiry is kept after its last write or touch. Default 14 days; `false`: for ever. */
  ttl?: Duration | false
  /** The present time, for tests. */
  clock?: () => Date
}

const OPTIONS: OptionNames<RedisStoreOptions> = { prefix: 1, ttl: 1, clock: 'function' }

const DEFAULT_TTL = '14d'
/** How often a change is tried again. Each failure means that another request has written, so it takes as many requests at once. */
const MAX_ATTEMPTS = 100

/** Writes only if nothing was written since the row was read; a missing row is an empty text. Redis runs a script without interruption. */
const REPLACE = `if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1`

/**
 * A store in Redis: one key for each session, with the time to live of Redis itself. The client stays yours: connect it, listen to
 * its errors, close it. A client that queues commands while Redis is away makes requests wait; see its options.
 *
 * @param client - of node-redis 4 or 5, or ioredis; a cluster of either too
 * @throws {TypeError} where the client has another shape, or naming the option that is wrong
 * @see docs/stores.md for what a value looks like
 */
export function redisStore(client: NodeRedisClient | IoRedisClient, options: RedisStoreOptions = {}): SessionStore {
  checkNames(options, OPTIONS, 'redisStore')
  const { prefix = 'session:', ttl = DEFAULT_TTL, clock = () => new Date() } = options
  if (typeof prefix !== 'string') throw new TypeError('Option "prefix" must be a text')
  const lifetime = ttl === false ? undefined : checkDuration(ttl, 'ttl')
  const commands = commandsOf(client)

  /** Milliseconds from now, on our own clock; undefined: no end. */
  function timeToLive(expiresAt: Date | undefined): number | undefined {
    return expiresAt ? Math.ceil(expiresAt.getTime() - clock().getTime()) : lifetime
  }

  async function set(id: string, session: StoredSession): Promise<void> {
    const milliseconds = timeToLive(session.expiresAt)
    if (milliseconds !== undefined && milliseconds <= 0) await commands.delete(prefix + id)
    else await commands.set(prefix + id, writeRow(session), milliseconds)
  }

  return {
    name: 'redis',
    async get(id) {
      const text = await commands.get(prefix + id)
      return await rowOf(text)
    },
    set,
    delete: (id) => commands.delete(prefix + id),
    async touch(id, expiresAt) {
      const milliseconds = timeToLive(expiresAt)
      if (milliseconds !== undefined) await commands.expire(prefix + id, milliseconds)
    },
    async update(id, change) {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const text = await commands.get(prefix + id)
        const current = await rowOf(text)
        const changed = change(current)
        if (changed === undefined) return current
        const milliseconds = timeToLive(changed.expiresAt)
        // A missing row is an empty text.
        if (await commands.replace(prefix + id, { before: text ?? '', after: writeRow(changed), milliseconds }))
          return changed
      }
      throw new Error(`Other requests changed the session ${MAX_ATTEMPTS} times while this one tried to write it`)
    },
  }
}

async function rowOf(text: string | undefined): Promise<StoredSession | undefined> {
  return text === undefined ? undefined : await withBsonTypes(() => readRow(text))
}

/** What both clients do, each in its own words. */
interface Commands {
  get(key: string): Promise<string | undefined>
  set(key: string, value: string, milliseconds: number | undefined): Promise<void>
  delete(key: string): Promise<void>
  expire(key: string, milliseconds: number): Promise<void>
  replace(key: string, change: Replacement): Promise<boolean>
}

interface Replacement {
  before: string
  after: string
  milliseconds: number | undefined
}

function commandsOf(client: NodeRedisClient | IoRedisClient): Commands {
  if (hasMethods<NodeRedisClient>(client, ['get', 'set', 'del', 'pExpire', 'eval'])) {
    return {
      get: async (key) => textOf(await client.get(key)),
      set: async (key, value, PX) => void (await client.set(key, value, ...(PX === undefined ? [] : [{ PX }]))),
      delete: async (key) => void (await client.del(key)),
      expire: async (key, milliseconds) => void (await client.pExpire(key, milliseconds)),
      replace: async (key, change) =>
        Number(await client.eval(REPLACE, { keys: [key], arguments: argumentsOf(change) })) === 1,
    }
  }
  if (hasMethods<IoRedisClient>(client, ['get', 'set', 'del', 'pexpire', 'eval'])) {
    return {
      get: async (key) => textOf(await client.get(key)),
      set: async (key, value, milliseconds) =>
        void (await (milliseconds === undefined ? client.set(key, value) : client.set(key, value, 'PX', milliseconds))),
      delete: async (key) => void (await client.del(key)),
      expire: async (key, milliseconds) => void (await client.pexpire(key, milliseconds)),
      replace: async (key, change) => Number(await client.eval(REPLACE, 1, key, ...argumentsOf(change))) === 1,
    }
  }
  throw new TypeError('redisStore takes a client of node-redis (createClient) or ioredis (new Redis)')
}

function hasMethods<Client>(client: unknown, names: readonly (keyof Client)[]): client is Client {
  return (
    typeof client === 'object' &&
    client !== null &&
    names.every((name) => typeof (client as Client)[name] === 'function')
  )
}

function argumentsOf({ before, after, milliseconds }: Replacement): string[] {
  return [before, after, milliseconds === undefined ? '' : String(Math.max(milliseconds, 1))]
}

function textOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined
  if (typeof value === 'string') return value
  throw new TypeError('redisStore needs a client that answers with text, not with buffers')
}
