/**
 * Ways to answer twice, wrongly, in part or never, over bare frameworks and over ours: the bytes on the wire and what the handler
 * saw are the same but for the headers of a session, and the process lives.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import {
  createSessions,
  defineSession,
  memoryStore,
  SessionError,
  type SessionStore,
  type Sessions,
} from '../../src/server/index.js'
import { type App, apps, type Seen } from './answers/apps.js'
import { exchange, NEXT, type Transcript } from './answers/exchange.js'
import { type Row, rows } from './answers/rows.js'
import { NAME, SECRET } from './app-sessions.js'

const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'

const kinds: Record<string, () => Sessions<Seen>> = {
  'a cookie': () => create(),
  'a slow store': () => create(slowStore()),
}

function create(store?: SessionStore): Sessions<Seen> {
  return createSessions<Seen>({
    session: defineSession<Seen>({ name: NAME }),
    secrets: [SECRET],
    expose: false,
    ...(store ? { store } : {}),
  })
}

/** Takes its time to write, in which handlers do all that they do. */
function slowStore(error?: Error): SessionStore {
  const memory = memoryStore()
  const wait = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 30))
    if (error) throw error
  }
  return {
    ...memory,
    set: async (id, row) => {
      await wait()
      return memory.set(id, row)
    },
    update: async (id, change) => {
      await wait()
      return (memory as Required<SessionStore>).update(id, change)
    },
  }
}

function play(row: Row, { start, hasHeadersInAnyOrder = false }: App, sessions?: Sessions<Seen>): Promise<Transcript> {
  const { head = GET, isAlone = false } = row
  return exchange((observer, onExchange) => start({ row, observer, onExchange, sessions }), {
    head,
    isAlone,
    hasHeadersInAnyOrder,
  })
}

for (const [name, app] of Object.entries(apps)) {
  const { way, savesOnError } = app
  describe(name, () => {
    describe.each(rows.filter((row) => row[way]))('$name', (row) => {
      const isSaved = !row.isUnanswered && (savesOnError || !row.isError)
      let bare: Transcript

      beforeAll(async () => {
        bare = await play(row, app)
        expect(bare.escaped).toEqual([])
      })

      test.each(Object.entries(kinds))('with %s', async (_, create) => {
        const { cookies, ...ours } = await play(row, app, create())
        expect({ ...ours, cookies: 0 }).toEqual(bare)
        if (isSaved) expect(cookies).toBe(1)
      })

      test('with a store that fails', async () => {
        const { wire, escaped } = await play(row, app, create(slowStore(new SessionError('ERR_SESSION_STORE', 'Down'))))
        expect(escaped).toEqual([])
        if (!isSaved) return
        // Early hints go before it.
        const [, page] = wire.split(/^(?:HTTP\/1.1 1[\s\S]*?\r\n\r\n)*HTTP\/1.1 (?=503 )/)
        if (row.isCutOff) expect(wire).toBe('')
        else expect(page).toMatch(/^503 /)
        expect(wire).not.toMatch(/the (?:first|second) answer/)
        // The connection goes on after it.
        if (bare.wire.includes(NEXT)) expect(page).toMatch(/HTTP\/1.1 200 OK\r\n[\s\S]*next/)
      })
    })
  })
}
