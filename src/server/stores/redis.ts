/**
 * Sessions in Redis or Valkey, through node-redis 4 and 5 or ioredis, told by their shape.
 * Commands of Redis 2.6.12 and later: GET, MGET, SET with PX, DEL, PEXPIRE, EVAL. With owners, sorted sets and scripts of Redis 5 and later.
 */
import type { Duration } from '../../shared/define-session.js'
import { checkDuration, checkNames, type OptionNames } from '../../shared/option-names.js'
import { withBsonTypes } from '../bson-types.js'
import { readRow, writeRow } from './row.js'
import type { SessionStore, StoredSession } from './store.js'

/** The part of a node-redis client, pool or cluster that is used. */
export interface NodeRedisClient {
  /** `GET` */
  get(key: string): Promise<unknown>
  /** `MGET`: several at once. Absent: they are read one by one. */
  mGet?(keys: string[]): Promise<unknown>
  /** `SET`, with a time to live in milliseconds. */
  set(key: string, value: string, options?: { PX: number }): Promise<unknown>
  /** `DEL` */
  del(key: string): Promise<unknown>
  /** `PEXPIRE` */
  pExpire(key: string, milliseconds: number): Promise<unknown>
  /** `EVAL` */
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}

/** The part of an ioredis client or cluster that is used. */
export interface IoRedisClient {
  /** `GET` */
  get(key: string): Promise<string | null>
  /** `MGET`: several at once. Absent: they are read one by one. */
  mget?(keys: string[]): Promise<unknown>
  /** `SET`, with a time to live in milliseconds. */
  set(key: string, value: string): Promise<unknown>
  set(key: string, value: string, unit: 'PX', milliseconds: number): Promise<unknown>
  /** `DEL` */
  del(key: string): Promise<unknown>
  /** `PEXPIRE` */
  pexpire(key: string, milliseconds: number): Promise<unknown>
  /** `EVAL` */
  eval(script: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>
}

/** Where and for how long sessions are kept. */
export interface RedisStoreOptions {
  /**
   * Before each id.
   *
   * @defaultValue `session:`
   */
  prefix?: string
  /**
   * How long a session without its own expiry is kept after its last write or touch.
   *
   * @defaultValue 14 days; `false`: for ever
   */
  ttl?: Duration | false
  /**
   * Keeps an index of the sessions of each owner, for `listSessions` and `endSessions`. Redis 5 or later; in a
   * cluster `prefix` needs a hash tag, as `{session}:`.
   *
   * @defaultValue false
   */
  owners?: boolean
  /** The present time, for tests. */
  clock?: () => Date
}

const OPTIONS: OptionNames<RedisStoreOptions> = { prefix: 1, ttl: 1, owners: 'switch', clock: 'function' }

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
 * @since 0.1.0
 * @example
 * const store = redisStore(client, { prefix: 'shop:', ttl: '30d' })
 */
export function redisStore(client: NodeRedisClient | IoRedisClient, options: RedisStoreOptions = {}): SessionStore {
  checkNames(options, OPTIONS, 'redisStore')
  const { prefix = 'session:', ttl = DEFAULT_TTL, owners = false, clock = () => new Date() } = options
  if (typeof prefix !== 'string') throw new TypeError('Option "prefix" must be a text')
  const lifetime = ttl === false ? undefined : checkDuration(ttl, 'ttl')
  const commands = commandsOf(client)
  const index = `${prefix}${INDEX}`

  /** Milliseconds from now, on our own clock; undefined: no end. */
  function timeToLive(expiresAt: Date | undefined): number | undefined {
    return expiresAt ? Math.ceil(expiresAt.getTime() - clock().getTime()) : lifetime
  }

  async function set(id: string, session: StoredSession): Promise<void> {
    const milliseconds = timeToLive(session.expiresAt)
    if (milliseconds !== undefined && milliseconds <= 0) await commands.delete(prefix + id)
    else await commands.set(prefix + id, writeRow(session), milliseconds)
  }

  async function get(id: string): Promise<StoredSession | undefined> {
    // That key has no row.
    if (id.startsWith(INDEX)) return undefined
    return await rowOf(await commands.get(prefix + id), owners)
  }

  async function getMany(ids: readonly string[]): Promise<(StoredSession | undefined)[]> {
    const texts = await commands.getMany(ids.map((id) => prefix + id))
    return await Promise.all(ids.map((id, at) => (id.startsWith(INDEX) ? undefined : rowOf(texts[at], owners))))
  }

  if (owners) return ownedStore({ commands, prefix, index, get, getMany, timeToLive, clock })
  return {
    name: 'redis',
    get,
    getMany,
    set,
    delete: (id) => commands.delete(prefix + id),
    async touch(id, expiresAt) {
      const milliseconds = timeToLive(expiresAt)
      if (milliseconds !== undefined) await commands.expire(prefix + id, milliseconds)
    },
    async update(id, change) {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const text = await commands.get(prefix + id)
        const current = await rowOf(text, false)
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

async function rowOf(text: string | undefined, owners: boolean): Promise<StoredSession | undefined> {
  if (text === undefined) return undefined
  const { owner, createdAt, accessedAt, row } = splitRow(text)
  const read = await withBsonTypes(() => readRow(row))
  if (!owners) return read
  return { ...read, owner, ...(createdAt && { createdAt }), ...(accessedAt && { accessedAt }) }
}

/** After the prefix: the keys of indexes. No row has such an id. */
const INDEX = 'owner:'
/** In front of a row: who it belongs to, percent-encoded, and in milliseconds since 1970 when it was made and last used. */
const HEAD = /^@([^ ,]+),(\d{1,15}),(\d{1,15}) /

interface SplitRow extends Pick<StoredSession, 'owner' | 'createdAt' | 'accessedAt'> {
  row: string
}

function splitRow(text: string): SplitRow {
  const [head, owner, created, accessed] = HEAD.exec(text) ?? []
  if (head === undefined) return { row: text }
  const times = { createdAt: new Date(Number(created)), accessedAt: new Date(Number(accessed)) }
  return { owner: decodeURIComponent(owner as string), ...times, row: text.slice(head.length) }
}

/** An owner's rows by when they expire, in milliseconds by the clock of Redis, and by their ids, which no touch moves: for pages. */
const KINDS = ['end:', 'ids:'] as const

/**
 * Writes a row and the indexes that it leaves and enters, all or nothing, if the row is still what was read; an empty text is no row. An
 * index expires with the last of its rows.
 *
 * KEYS: the row, then two indexes for each owner. ARGV: before, after, milliseconds, id, and where in KEYS the indexes are that it leaves and
 * enters, 0 for none.
 */
const WRITE = `if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1])
elseif ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function renew(ends, ids)
  local past = redis.call('ZRANGEBYSCORE', ends, '-inf', string.format('(%.0f', now), 'LIMIT', 0, 1000)
  for _, id in ipairs(past) do
    redis.call('ZREM', ends, id)
    redis.call('ZREM', ids, id)
  end
  local last = redis.call('ZRANGE', ends, -1, -1, 'WITHSCORES')[2]
  for _, index in ipairs({ ends, ids }) do
    if last == 'inf' then redis.call('PERSIST', index)
    elseif last then redis.call('PEXPIREAT', index, string.format('%.0f', last)) end
  end
end
local from, to = tonumber(ARGV[5]), tonumber(ARGV[6])
if from > 0 and from ~= to then
  redis.call('ZREM', KEYS[from], ARGV[4])
  redis.call('ZREM', KEYS[from + 1], ARGV[4])
  renew(KEYS[from], KEYS[from + 1])
end
if to > 0 then
  local score = '+inf'
  if ARGV[3] ~= '' then score = string.format('%.0f', now + ARGV[3]) end
  redis.call('ZADD', KEYS[to], score, ARGV[4])
  redis.call('ZADD', KEYS[to + 1], 0, ARGV[4])
  renew(KEYS[to], KEYS[to + 1])
end
return 1`

/** Ids in their order that have not expired. KEYS: the indexes. ARGV: the id to begin after, how many. */
const LIST = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found, last = {}, ARGV[1]
local wanted = tonumber(ARGV[2])
repeat
  local ids = redis.call('ZRANGEBYLEX', KEYS[2], last == '' and '-' or '(' .. last, '+', 'LIMIT', 0, wanted)
  for _, id in ipairs(ids) do
    local score = redis.call('ZSCORE', KEYS[1], id)
    if #found < wanted and score and (score == 'inf' or tonumber(score) >= now) then found[#found + 1] = id end
  end
  last = ids[#ids]
until #ids < wanted or #found == wanted
return found`

interface OwnedSettings {
  commands: Commands
  prefix: string
  index: string
  clock: () => Date
  get(id: string): Promise<StoredSession | undefined>
  getMany(ids: readonly string[]): Promise<(StoredSession | undefined)[]>
  timeToLive(expiresAt: Date | undefined): number | undefined
}

type Change = (current: StoredSession | undefined) => StoredSession | undefined

/** A store with an index for each owner. Every write is that of one script. */
function ownedStore({ commands, prefix, index, get, getMany, timeToLive, clock }: OwnedSettings): SessionStore {
  const indexesOf = (owner: string): string[] => KINDS.map((kind) => index + kind + encodeURIComponent(owner))

  /** @returns false if another request wrote first */
  async function replace(id: string, before: string | undefined, after: StoredSession | undefined): Promise<boolean> {
    const milliseconds = after && timeToLive(after.expiresAt)
    const isLive = milliseconds === undefined || milliseconds > 0
    const from = before === undefined ? undefined : splitRow(before)
    const text = after && isLive ? headOf(after, from) + writeRow(after) : ''
    return await write(id, {
      before: before ?? '',
      text,
      milliseconds,
      from: from?.owner,
      to: text ? after?.owner : undefined,
    })
  }

  async function write(id: string, { before, text, milliseconds, from, to }: OwnedWrite): Promise<boolean> {
    const owners = [...new Set([from, to])].filter((owner) => owner !== undefined)
    const place = (owner: string | undefined): string =>
      String(owner === undefined ? 0 : owners.indexOf(owner) * KINDS.length + 2)
    const time = milliseconds === undefined ? '' : String(milliseconds)
    const keys = [prefix + id, ...owners.flatMap(indexesOf)]
    return Number(await run(WRITE, keys, [before, text, time, id, place(from), place(to)])) === 1
  }

  async function run(script: string, keys: string[], args: string[]): Promise<unknown> {
    try {
      return await commands.eval(script, keys, args)
    } catch (error) {
      if (!/CROSSSLOT/.test(String(error))) throw error
      const cure = 'In a cluster, "owners" needs a prefix with a hash tag, such as {session}:'
      throw new Error(cure, { cause: error })
    }
  }

  /** Who the row belongs to, and its times; a row without an owner has none. */
  function headOf({ owner }: StoredSession, before: SplitRow | undefined): string {
    if (owner === undefined) return ''
    const now = clock().getTime()
    return `@${encodeURIComponent(owner)},${before?.createdAt?.getTime() ?? now},${now} `
  }

  async function until<T>(id: string, task: () => Promise<{ done: boolean; value?: T }>): Promise<T | undefined> {
    if (id.startsWith(INDEX)) throw new TypeError(`An id of a session can't begin with ${INDEX}`)
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const { done, value } = await task()
      if (done) return value
    }
    throw new Error(`Other requests changed the session ${MAX_ATTEMPTS} times while this one tried to write it`)
  }

  const read = (id: string): Promise<string | undefined> => commands.get(prefix + id)

  return {
    name: 'redis',
    get,
    getMany,
    async set(id, session) {
      // Most rows that are set are new.
      let isNew = true
      await until(id, async () => {
        const before = isNew ? undefined : await read(id)
        isNew = false
        return { done: await replace(id, before, session) }
      })
    },
    async delete(id) {
      if (id.startsWith(INDEX)) return
      await until(id, async () => {
        const before = await read(id)
        return { done: before === undefined || (await replace(id, before, undefined)) }
      })
    },
    async touch(id, expiresAt) {
      const milliseconds = timeToLive(expiresAt)
      if (milliseconds === undefined || id.startsWith(INDEX)) return
      await until(id, async () => {
        const before = await read(id)
        if (before === undefined) return { done: true }
        const { row, owner, ...times } = splitRow(before)
        const text = milliseconds > 0 ? headOf({ data: {}, owner }, { ...times, row }) + row : ''
        const to = text === '' ? undefined : owner
        return { done: await write(id, { before, text, milliseconds, from: owner, to }) }
      })
    },
    async update(id, change: Change) {
      return await until(id, async () => {
        const before = await read(id)
        const current = await rowOf(before, true)
        const changed = change(current)
        if (changed === undefined) return { done: true, ...(current && { value: current }) }
        return { done: await replace(id, before, changed), value: changed }
      })
    },
    async listOwned(owner, { limit, after = '' }) {
      return (await run(LIST, indexesOf(owner), [after, String(limit)])) as string[]
    },
  }
}

interface OwnedWrite {
  before: string
  text: string
  milliseconds: number | undefined
  from: string | undefined
  to: string | undefined
}

/** What both clients do, each in its own words. */
interface Commands {
  get(key: string): Promise<string | undefined>
  getMany(keys: string[]): Promise<(string | undefined)[]>
  set(key: string, value: string, milliseconds: number | undefined): Promise<void>
  delete(key: string): Promise<void>
  expire(key: string, milliseconds: number): Promise<void>
  replace(key: string, change: Replacement): Promise<boolean>
  eval(script: string, keys: string[], args: string[]): Promise<unknown>
}

interface Replacement {
  before: string
  after: string
  milliseconds: number | undefined
}

function commandsOf(client: NodeRedisClient | IoRedisClient): Commands {
  if (hasMethods<NodeRedisClient>(client, ['get', 'set', 'del', 'pExpire', 'eval'])) {
    const get = async (key: string): Promise<string | undefined> => textOf(await client.get(key))
    return {
      get,
      getMany: readingMany(client.mGet && ((keys) => client.mGet?.(keys)), get),
      set: async (key, value, PX) => void (await client.set(key, value, ...(PX === undefined ? [] : [{ PX }]))),
      delete: async (key) => void (await client.del(key)),
      expire: async (key, milliseconds) => void (await client.pExpire(key, milliseconds)),
      replace: async (key, change) =>
        Number(await client.eval(REPLACE, { keys: [key], arguments: argumentsOf(change) })) === 1,
      eval: async (script, keys, args) => await client.eval(script, { keys, arguments: args }),
    }
  }
  if (hasMethods<IoRedisClient>(client, ['get', 'set', 'del', 'pexpire', 'eval'])) {
    const get = async (key: string): Promise<string | undefined> => textOf(await client.get(key))
    return {
      get,
      getMany: readingMany(client.mget && ((keys) => client.mget?.(keys)), get),
      set: async (key, value, milliseconds) =>
        void (await (milliseconds === undefined ? client.set(key, value) : client.set(key, value, 'PX', milliseconds))),
      delete: async (key) => void (await client.del(key)),
      expire: async (key, milliseconds) => void (await client.pexpire(key, milliseconds)),
      replace: async (key, change) => Number(await client.eval(REPLACE, 1, key, ...argumentsOf(change))) === 1,
      eval: async (script, keys, args) => await client.eval(script, keys.length, ...keys, ...args),
    }
  }
  throw new TypeError('redisStore takes a client of node-redis (createClient) or ioredis (new Redis)')
}

/** With one command, but for a cluster, where the keys may be in different places. */
function readingMany(mget: ((keys: string[]) => unknown) | undefined, get: Commands['get']): Commands['getMany'] {
  const readEach = (keys: string[]): Promise<(string | undefined)[]> => Promise.all(keys.map(get))
  if (!mget) return readEach
  let isCluster = false
  return async (keys) => {
    try {
      if (!isCluster) return ((await mget(keys)) as unknown[]).map(textOf)
    } catch (error) {
      isCluster = /CROSSSLOT/.test(String(error))
      if (!isCluster) throw error
    }
    return await readEach(keys)
  }
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
