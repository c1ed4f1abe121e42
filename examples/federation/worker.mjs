/** A Worker that verifies with WebCrypto only; the binding `JWKS_URL` is the address of Django's public keys. */
import { isSessionError } from 'sessionglass'
import { verifyingSessions } from './verifying.mjs'

/** Prepared once for the life of the Worker, so that the keys are fetched once. */
let sessions

export default {
  async fetch(request, env) {
    sessions ??= verifyingSessions(env.JWKS_URL)
    try {
      const { data } = await sessions.load(request)
      if (!data.username) return Response.json({ error: 'sign in at the site' }, { status: 401 })
      return Response.json({ service: 'worker', username: data.username })
    } catch (error) {
      // Django can't be reached, and its keys were never seen: nobody is signed out for that.
      return Response.json({ error: isSessionError(error) ? error.code : 'unknown' }, { status: 503 })
    }
  },
}
