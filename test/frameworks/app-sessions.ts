/** The two sessions of the suite's applications, and a codec that is down. No module of Node: it runs in workers too. */

import type { SessionCodec } from '../../src/server/codecs/codec.js'
import { jwt } from '../../src/server/codecs/jwt.js'
import { createSessions, type Sessions } from '../../src/server/sessions.js'
import { defineSession } from '../../src/shared/define-session.js'
import { SessionError } from '../../src/shared/errors.js'
import type { Data } from './actions.js'

export const SECRET = 'swordfish-one-of-the-keys-0123456789abcdef'
export const NAME = 'sid'
export const OTHER_NAME = 'other'
/** A value that leads to the codec that is down. */
export const DOWN = 'down~x'

export interface AppSessions {
  sessions: Sessions<Data>
  other: Sessions<Data>
}

/** @param isSlow - every codec has to be awaited */
export function appSessions(isSlow = false): AppSessions {
  const create = (name: string): Sessions<Data> =>
    createSessions<Data>({
      session: defineSession<Data>({ name }),
      codecs: [isSlow ? slow(jwt({ secrets: [SECRET] })) : jwt({ secrets: [SECRET] }), down],
      expose: false,
    })
  return { sessions: create(NAME), other: create(OTHER_NAME) }
}

const down: SessionCodec = {
  name: 'down',
  family: 'down',
  readable: false,
  matches: (value) => value.startsWith('down~'),
  verify() {
    throw new SessionError('ERR_SESSION_STORE', 'The store is down')
  },
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
