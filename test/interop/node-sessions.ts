/** Node's side of the interop tests. */
import { beakerJwt, createSessions, defineSession, type Sessions } from '../../src/server/index.js'
import { type Deployment, key } from './beaker-jwt.helpers.js'

/**
 * Sessions of a server that shares its cookie with Python.
 *
 * @param deployment - what both sides agree on; `now` is the clock, in seconds since 1970
 */
export function nodeSessions(deployment: Deployment & { now?: () => number } = {}): Sessions {
  // Beaker has no timeout by default.
  const { secrets = [key], form = 'bson', idleTimeout = false, now } = deployment
  return createSessions({
    session: defineSession({ idleTimeout }),
    codecs: [beakerJwt({ secrets, compress: form === 'bson', allowWeakSecrets: true })],
    expose: true,
    secure: false,
    ...(now && { clock: () => new Date(now() * 1000) }),
  })
}
