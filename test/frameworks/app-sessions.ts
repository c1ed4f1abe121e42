/** The two sessions of the suite's applications, and a codec that is down. No module of Node: it runs in workers too. */

import type { SessionCodec } from '../../src/server/codecs/codec.js'
import { jwt } from '../../src/server/codecs/jwt.js'
import { createSessions, type Sessions } from '../../src/server/core/sessions.js'
import { memoryStore } from '../../src/server/stores/memory.js'
import type { SessionStore } from '../../src/server/stores/store.js'
import { defineSession } from '../../src/shared/define-session.js'
import { SessionError } from '../../src/shared/errors.js'
import type { Data } from './actions.js'

export const SECRET = 'swordfish-one-of-the-keys-0123456789abcdef'
export const NAME = 'sid'
export const OTHER_NAME = 'other'
/** A value that leads to the codec that is down. */
export const DOWN = 'down~x'
/** A user whom nothing takes: the store is down when it is asked to. */
const UNSAVED = 'unsaved'

export interface AppSessions {
  sessions: Sessions<Data>
  other: Sessions<Data>
}

/** Codecs that answer at once, codecs that have to be awaited, or a store behind them. */
export type Kind = 'at once' | 'later' | 'from a store'

export function appSessions(kind: Kind = 'at once'): AppSessions {
  const create = (name: string): Sessions<Data> =>
    createSessions<Data>({
      session: defineSession<Data>({ name }),
      codecs: [kind === 'later' ? slow(writer()) : writer(), down],
      expose: false,
      ...(kind === 'from a store' ? { store: slowStore() } : {}),
    })
  return { sessions: create(NAME), other: create(OTHER_NAME) }
}

/** In memory, but with promises, as over a network. */
function slowStore(): SessionStore {
  const memory = memoryStore()
  const { set, update } = memory as Required<SessionStore>
  const store: SessionStore = {
    ...memory,
    set: (id, row) => set(id, savable(row)),
    update: (id, change) =>
      update(id, (current) => {
        const row = change(current)
        return row && savable(row)
      }),
  }
  const wait = (call: (...given: unknown[]) => unknown) => {
    return async (...given: unknown[]): Promise<unknown> => {
      await new Promise((resolve) => setTimeout(resolve, 2))
      return call(...given)
    }
  }
  return Object.fromEntries(
    Object.entries(store).map(([name, member]) => [name, typeof member === 'function' ? wait(member) : member]),
  ) as unknown as SessionStore
}

const down: SessionCodec = {
  name: 'down',
  family: 'down',
  readable: false,
  matches: (value) => value.startsWith('down~'),
  verify() {
    throw outage()
  },
}

function writer(): SessionCodec {
  const codec = jwt({ secrets: [SECRET] }) as Required<SessionCodec>
  return { ...codec, sign: (record, context) => codec.sign(savable(record), context) }
}

function savable<Saved extends { data: Data }>(saved: Saved): Saved {
  if (saved.data.user === UNSAVED) throw outage()
  return saved
}

function outage(): SessionError {
  return new SessionError('ERR_SESSION_STORE', 'The store is down')
}

function slow(codec: SessionCodec): SessionCodec {
  const later = <Value>(value: Value): Promise<Value> => new Promise((resolve) => setTimeout(resolve, 3, value))
  const { sign } = codec as Required<SessionCodec>
  return {
    ...codec,
    verify: async (...given) => codec.verify(...(await later(given))),
    sign: async (...given) => sign(...(await later(given))),
  }
}
