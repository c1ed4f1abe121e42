// @ts-check
/**
 * The Node end of the hop: takes what Django wrote, changes a key, changes it back and writes it, each in a request of its own.
 * One JSON object on each line of stdin, its answer on stdout. sessionglass_hop.py is the other end.
 */
import { createInterface } from 'node:readline'
import { createSessions, defineSession, djangoSession, djangoSigned, djangoStore } from 'sessionglass/server'

/**
 * @typedef {{
 *   secretKey: string, fallbacks: string[], salt: string, serializer: 'json' | 'pickle', cookieAge: number,
 * }} DjangoSettings - keys in base64, the age in seconds
 * @typedef {{ id: number, kind: 'row' | 'cookie', text: string, expires: string | null, now: number, settings: DjangoSettings }} Request
 * @typedef {{ text: string, expires: string | null } | { skipped: string } | { failed: string }} Answer
 * @typedef {{ session_data: string, expire_date: string }} Row
 */

const NAME = 'sessionid'
/** Of the row: any key that Django could have made. */
const KEY = 'sessionglass0hop0through0node000'
/** What is added and taken out again. */
const ADDED = '_sessionglass_hop'

/** @type {Row | undefined} */
let row
let now = new Date()
const clock = () => now

/** @type {Map<string, import('sessionglass/server').Sessions>} */
const known = new Map()

/** @param {DjangoSettings} settings */
function keysOf({ secretKey, fallbacks }) {
  const bytes = (/** @type {string} */ text) => new Uint8Array(Buffer.from(text, 'base64'))
  return { secretKey: bytes(secretKey), fallbacks: fallbacks.map(bytes), allowWeakSecrets: true }
}

/**
 * @param {'row' | 'cookie'} kind
 * @param {DjangoSettings} settings
 */
function sessionsFor(kind, settings) {
  const name = JSON.stringify([kind, settings])
  const found = known.get(name)
  if (found) return found
  const { salt, serializer, cookieAge } = settings
  const { fallbacks, ...key } = keysOf(settings)
  const common = { session: defineSession({ name: NAME }), expose: /** @type {const} */ (false), clock }
  const made =
    kind === 'cookie'
      ? createSessions({
          ...common,
          codecs: [djangoSigned({ ...key, fallbacks, salt, serializer, maxAge: cookieAge })],
        })
      : createSessions({
          ...common,
          codecs: [djangoSession()],
          store: djangoStore({ ...key, secretKeyFallbacks: fallbacks, salt, serializer, cookieAge, execute, clock }),
        })
  known.set(name, made)
  return made
}

/**
 * A table of one row, for the statements of `djangoStore`.
 *
 * @param {string} sql
 * @param {readonly unknown[]} params
 * @returns {Row[]}
 */
function query(sql, params) {
  const [first, second] = /** @type {string[]} */ (params)
  if (sql.startsWith('SELECT')) return row && first === KEY ? [{ ...row }] : []
  if (sql.startsWith('DELETE')) row = undefined
  else if (sql.startsWith('UPDATE') && sql.includes('session_data') && first && second) {
    row = { session_data: first, expire_date: second }
  } else throw new Error(`the table of the hop knows no such statement: ${sql.split(' ')[0]}`)
  return []
}

const execute = Object.assign(query, {
  dialect: /** @type {const} */ ('postgresql'),
  transaction: async (/** @type {(run: typeof query) => any} */ work) => await work(query),
})

/**
 * @param {Request} request
 * @returns {Promise<Answer>}
 */
async function hop({ kind, text, expires, now: seconds, settings }) {
  now = new Date(seconds * 1000)
  row = kind === 'row' && expires !== null ? { session_data: text, expire_date: expires } : undefined
  const sessions = sessionsFor(kind, settings)
  let value = kind === 'row' ? KEY : text
  for (const change of [add, remove]) {
    const session = await sessions.load(`${NAME}=${value}`)
    if (session.isNew) {
      // Django would not read it either.
      if (session.rejected?.code === 'ERR_SESSION_EXPIRED') return { skipped: 'expired' }
      throw session.rejected ?? new Error('the session was not found')
    }
    // It is read, but one that has become empty again would end.
    if (change === add && Object.keys(session.data).length === 0) return { skipped: 'empty' }
    change(session.data)
    const [setCookie = ''] = await sessions.commit(session)
    value = setCookie.slice(NAME.length + 1).split(';')[0] ?? ''
  }
  if (kind === 'cookie') return { text: value, expires: null }
  if (!row) throw new Error('the row is gone')
  if (value !== KEY) throw new Error('the key of the session has changed')
  return { text: row.session_data, expires: row.expire_date }
}

/** @param {Record<string, unknown>} data */
function add(data) {
  data[ADDED] = { list: [1, 'é'] }
}

/** @param {Record<string, unknown>} data */
function remove(data) {
  delete data[ADDED]
}

// One after the other: there is one row.
for await (const line of createInterface({ input: process.stdin })) {
  const request = /** @type {Request} */ (JSON.parse(line))
  /** @type {Answer} */
  const answer = await hop(request).catch((/** @type {Error & { code?: string }} */ error) => ({
    failed: `${error.code ?? error.name}: ${error.message}`,
  }))
  process.stdout.write(`${JSON.stringify({ id: request.id, ...answer })}\n`)
}
