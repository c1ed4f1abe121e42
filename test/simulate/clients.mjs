// @ts-check
/**
 * Clients that keep using their sessions and notice when one is gone. Each waits for an answer before it asks again: two
 * requests at once with one cookie lose an update by the nature of cookies, whatever the format.
 */
import { setMaxListeners } from 'node:events'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** One in so many clients comes only now and then: somebody always returns late. */
const SLOW_EVERY = 10

/**
 * @typedef {object} Loss
 * @property {'signed out' | 'changed'} how
 * @property {string} worker - the kind that answered
 *
 * @typedef {object} Clients
 * @property {() => number} visits
 * @property {() => number} failures - answers that were none
 * @property {() => number} longestGap - seconds between two visits of one client so far, also where the second is still to come
 * @property {() => Promise<void>} stop
 */

/**
 * Signs the clients in and keeps them busy.
 *
 * @param {object} options
 * @param {number} options.port
 * @param {number} options.count
 * @param {number} options.pause - the longest of a quick client, in seconds
 * @param {number} options.life - longer than the longest pause of a slow client, in seconds
 * @param {import('./random.mjs').Random} options.random
 * @param {(loss: Loss) => void} options.onLoss
 * @returns {Clients}
 */
export function startClients({ port, count, pause, life, random, onLoss }) {
  const agent = new Agent({ keepAlive: true })
  const stopping = new AbortController()
  setMaxListeners(count + 1, stopping.signal)
  let visits = 0
  let failures = 0
  let longestGap = 0
  const seen = Array.from({ length: count }, () => Date.now())

  /** @param {number} index */
  async function live(index) {
    const [shortest, longest] = index % SLOW_EVERY === 0 ? [0.6 * life, 0.95 * life] : [0.1 * pause, pause]
    const jar = new Map()
    let expected
    await rest(random.between(0, pause))
    for (let turn = 0; !stopping.signal.aborted; turn++) {
      expected ??= {
        user: `dävid ${index}.${turn}`,
        visits: 0,
        since: 1_600_000_000_123 + turn,
        roles: ['reader', 'editor'],
      }
      const { user, since } = expected
      const path = expected.visits === 0 ? `/login?user=${encodeURIComponent(user)}&since=${since}` : '/visit'
      const answer = await ask(port, path, jar, agent)
      const now = Date.now()
      longestGap = Math.max(longestGap, now - (seen[index] ?? now))
      seen[index] = now
      if (answer === undefined) {
        failures++
      } else {
        visits++
        expected.visits++
        if (
          JSON.stringify(answer.view) !==
          JSON.stringify({ user, visits: expected.visits, since, roles: expected.roles })
        ) {
          onLoss({ how: answer.view.user === undefined ? 'signed out' : 'changed', worker: answer.worker })
          expected = undefined
        }
      }
      await rest(random.between(shortest, longest))
    }
  }

  /** @param {number} seconds */
  async function rest(seconds) {
    await sleep(seconds * 1000, undefined, { signal: stopping.signal }).catch(() => {})
  }

  const lives = Array.from({ length: count }, (_, index) => live(index))
  return {
    visits: () => visits,
    failures: () => failures,
    longestGap: () => Math.max(longestGap, Date.now() - Math.min(...seen)) / 1000,
    stop: async () => {
      stopping.abort()
      await Promise.all(lives)
      agent.destroy()
    },
  }
}

/**
 * One request of a browser: sends its cookies, and keeps the last of each name that comes back.
 *
 * @param {number} port
 * @param {string} path
 * @param {Map<string, string>} jar
 * @param {Agent} agent
 * @returns {Promise<{ view: { user?: string }, worker: string } | undefined>}
 */
function ask(port, path, jar, agent) {
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  const headers = cookie === '' ? {} : { cookie }
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port, path, headers, agent }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (more) => {
        text += more
      })
      response.on('error', () => resolve(undefined))
      response.on('end', () => {
        if (response.statusCode !== 200) return resolve(undefined)
        for (const line of response.headers['set-cookie'] ?? []) keep(jar, line)
        resolve({ view: JSON.parse(text), worker: String(response.headers['x-worker']) })
      })
    })
    sent.on('error', () => resolve(undefined))
    sent.end()
  })
}

/**
 * @param {Map<string, string>} jar
 * @param {string} line - of Set-Cookie
 */
function keep(jar, line) {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
  const at = pair.indexOf('=')
  const name = pair.slice(0, at)
  const expires = attributes.find((attribute) => /^expires=/i.test(attribute))?.slice('expires='.length)
  // Python writes dashes in its dates.
  const isPast = expires !== undefined && Date.parse(expires.replaceAll('-', ' ')) <= Date.now()
  if (isPast) jar.delete(name)
  else jar.set(name, pair.slice(at + 1))
}
