/**
 * The sessions of the demo. A changed switch or key makes them anew: that is all a real server would change, too.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { beakerJwt, createSessions } from '../../../dist/server/index.js'
import { demoSession } from '../page/session.js'
import { revocations } from './everywhere.mjs'

/** @typedef {import('../../../dist/server/index.js').SessionEvent} SessionEvent */
/** @typedef {ReturnType<typeof toPage>} PageEvent */

/**
 * @param {object} parts
 * @param {ReturnType<import('./keys.mjs').createKeys>} parts.keys
 * @param {ReturnType<import('./settings.mjs').createSettings>} parts.settings
 * @param {(event: PageEvent) => void} parts.onEvent
 */
export function createDesk({ keys, settings, onEvent }) {
  /** What happened in the request at hand, for its answer. @type {AsyncLocalStorage<PageEvent[]>} */
  const heard = new AsyncLocalStorage()
  let sessions = open()
  keys.onChange(() => (sessions = open()))
  settings.onChange(() => (sessions = open()))

  function open() {
    const { payload, expose, mode } = settings.report()
    return createSessions({
      session: demoSession,
      codecs: [beakerJwt({ secrets: keys.secrets(), compress: payload === 'compressed' })],
      expose: expose === 'user' ? ['user'] : true,
      owner: ({ user }) => user?.name,
      revocation: revocations,
      mode: mode === 'observe' ? 'observe' : 'write',
      // Every request writes, so that there is something to look at. The default is once a minute.
      touchEvery: 0,
      // Plain http on the loopback address, and Safari keeps no Secure cookie there. A real server leaves this out.
      secure: false,
      on: hear,
    })
  }

  /** @param {SessionEvent} event */
  function hear(event) {
    keys.on(event)
    const shown = toPage(event, keys.numberAt(event.keyIndex))
    heard.getStore()?.push(shown)
    onEvent(shown)
  }

  return {
    /** The sessions as the switches stand now. */
    get sessions() {
      return sessions
    },
    /**
     * Runs a piece of work and collects the events it causes.
     *
     * @template T
     * @param {() => Promise<T>} work
     * @returns {Promise<{ result: T, events: PageEvent[] }>}
     */
    async listen(work) {
      /** @type {PageEvent[]} */
      const events = []
      return { result: await heard.run(events, work), events }
    },
  }
}

/**
 * @param {SessionEvent} event
 * @param {number | undefined} key
 */
function toPage({ type, time, cookie, codec, bytes, code, path, candidates, observed }, key) {
  return { type, time, cookie, codec, key, bytes, code, path, candidates, observed }
}
