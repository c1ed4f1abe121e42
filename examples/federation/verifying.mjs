/** What every service that trusts Django's sessions needs: the names of the claims and the address of Django's public keys. */
import { defineSession } from 'sessionglass'
import { createSessions, djangoJwt, remoteJwks } from 'sessionglass/server'

/** Names as in DJANGO_SESSION_JWT['FIELDS']; the pages of the site use the same definition. */
export const siteSession = defineSession({
  name: 'sessionid',
  sessionField: 'sk',
  fields: { user_id: 'user_id', username: 'u', email: 'e' },
})

/** @param {string} jwksUrl - of the service that issues: no secret, no database */
export function verifyingSessions(jwksUrl) {
  return createSessions({
    session: siteSession,
    codecs: [djangoJwt({ keys: remoteJwks(jwksUrl), fields: siteSession.fields })],
    readOnly: true,
  })
}
