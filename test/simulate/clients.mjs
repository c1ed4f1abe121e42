// @ts-check
/**
 * Clients that keep using their sessions and notice when one is gone. Each waits for an answer before it asks again: two
 * requests at once with one cookie lose an update by the nature of cookies, whatever the format.
 */
import { Agent, request } from 'node:http'

/** One in so many clients comes only now and then: somebody always returns late. */
const SLOW_EVERY = 10
/** Requests on their way together, each of another client. */
const AT_ONCE = 8

/**
 * @typedef {object} Loss
 * @property {'signed out' | 'changed'} how
 * @property {string} worker - the kind that answered
 *
 * @typedef {object} Clients
 * @property {(round: number, half?: () => Promise<void>) => Promise<void>} visit - whoever is due in a round comes; `half` is
 *   called when half of them have asked, and the others do not wait for it
 * @property {() => number} visits
 * @property {() => number} failures - answers that were none
 * @property {() => void} stop
 */

/**
 * Makes the clients. Time is counted in rounds: nobody waits for a clock, so that a slow machine sees the same as a quick one.
 *
 * @param {object} options
 * @param {number} options.port
 * @param {number} options.count
 * @param {number} options.pause - the longest of a quick client, in rounds
 * @param {number} options.life - longer than the longest pause of a slow client, in rounds
 * @param {import('./random.mjs').Random} options.random
 * @param {(loss: Loss) => void} options.onLoss
 * @returns {Clients}
 */
export function startClients({ port, count, pause, life, random, onLoss }) {
  const agent = new Agent({ keepAlive: true })
  let visits = 0
  let failures = 0
  const clients = Array.from({ length: count }, (_, index) => {
    const [shortest, longest] = index % SLOW_EVERY === 0 ? [Math.ceil(0.6 * life), life - 1] : [1, pause]
    return {
      index,
      shortest,
      longest,
      due: whole(0, pause),
      draw: 0,
      turn: 0,
      jar: new Map(),
      expected: newSession(index, 0),
    }
  })

  /** @param {typeof clients[number]} client */
  async function live(client) {
    const { user, since, roles } = client.expected
    const path = client.expected.visits === 0 ? `/login?user=${encodeURIComponent(user)}&since=${since}` : '/visit'
    const answer = await ask({ port, path, draw: client.draw, jar: client.jar, agent })
    if (answer === undefined) return void failures++
    visits++
    client.expected.visits++
    if (JSON.stringify(answer.view) === JSON.stringify({ user, visits: client.expected.visits, since, roles })) return
    onLoss({ how: answer.view.user === undefined ? 'signed out' : 'changed', worker: answer.worker })
    client.expected = newSession(client.index, ++client.turn)
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  function whole(from, to) {
    return Math.floor(random.between(from, to + 1))
  }

  return {
    visits: () => visits,
    failures: () => failures,
    async visit(round, half) {
      const due = clients.filter((client) => client.due <= round)
      // Here, for who is first to be answered is not up to the seed.
      for (const client of due) {
        client.due = round + whole(client.shortest, client.longest)
        client.draw = whole(0, 2 ** 31 - 1)
      }
      due.sort((one, other) => one.draw - other.draw)
      const middle = Math.floor(due.length / 2)
      /** @type {Promise<void> | undefined} */
      let meanwhile
      let next = 0
      const line = async () => {
        while (next < due.length) {
          if (next === middle) meanwhile ??= half?.()
          await live(/** @type {typeof clients[number]} */ (due[next++]))
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, line))
      await (meanwhile ?? half?.())
    },
    stop: () => agent.destroy(),
  }
}

/**
 * @param {number} index
 * @param {number} turn
 */
function newSession(index, turn) {
  return { user: `dävid ${index}.${turn}`, visits: 0, since: 1_600_000_000_123 + turn, roles: ['reader', 'editor'] }
}

/**
 * One request of a browser: sends its cookies, and keeps the last of each name that comes back.
 *
 * @param {object} options
 * @param {number} options.port
 * @param {string} options.path
 * @param {number} options.draw - chooses the worker
 * @param {Map<string, string>} options.jar
 * @param {Agent} options.agent
 * @returns {Promise<{ view: { user?: string }, worker: string } | undefined>}
 */
function ask({ port, path, draw, jar, agent }) {
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  const headers = { 'x-draw': draw, ...(cookie === '' ? {} : { cookie }) }
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
