/**
 * What the buttons of the page do to the session: plain changes of `session.data`, nothing else.
 */
import { randomBytes } from 'node:crypto'
import { readKey, readValue } from './values.mjs'

/** @typedef {import('../../../dist/server/index.js').Session<import('../page/session.js').DemoSession>} DemoSession */
/** @typedef {(session: DemoSession, body: Record<string, unknown>) => void} Change */

const MAX_NAME_LENGTH = 40

/** @type {Record<string, Change>} */
export const changes = {
  /** Only a request: it is read, and written again with new times. */
  visit() {},

  'sign-in'(session, { name, remember }) {
    if (typeof name !== 'string' || name.trim() === '') throw new TypeError('a name, please')
    session.data.user = { name: name.trim().slice(0, MAX_NAME_LENGTH), roles: ['reader', 'editor'] }
    session.data.visits = 1
    // A new id at each login: nobody gets in with one that was planted before it. The time of it is what "sign out everywhere" goes by.
    session.regenerate({ authenticated: true })
    // Otherwise as the options say: until the browser closes.
    session.remember(remember === 'on' ? '30d' : undefined)
  },

  /** So short that its end can be watched. */
  short: (session) => session.remember('30s'),

  count(session) {
    session.data.visits = Number(session.data.visits ?? 0) + 1
  },

  date(session) {
    session.data.last_seen = new Date()
  },

  bytes(session) {
    session.data.token = new Uint8Array(randomBytes(12))
  },

  nested(session) {
    const cart = Array.isArray(session.data.cart) ? session.data.cart : []
    const next = GOODS[cart.length % GOODS.length]
    session.data.cart = [...cart, { ...next }]
  },

  /** More than a cookie holds, so that the error can be seen: the old cookie stays. */
  overfill(session) {
    session.data.blob = new Uint8Array(randomBytes(3500))
  },

  set(session, { key, type, value }) {
    session.data[readKey(key)] = readValue(type, value)
  },

  remove(session, { key }) {
    delete session.data[readKey(key)]
  },
}

const GOODS = [
  { item: 'lens', pieces: 2, price: 12.5 },
  { item: 'prism', pieces: 1, price: 48 },
  { item: 'mirror', pieces: 3, price: 7.25 },
]
