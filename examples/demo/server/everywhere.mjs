/**
 * Signing out everywhere. A signed cookie can't be revoked, so the server keeps one time for each user: sessions that began
 * before it have ended. It needs no list of sessions, and `createdAt` is the time of the sign-in, which no renewal moves.
 */

/** @typedef {import('./actions.mjs').DemoSession} DemoSession */

/** Users that are kept in mind; a real server has a column beside each user. */
const MOST = 1000

export function createEverywhere() {
  /** @type {Map<string, Date>} */
  const ended = new Map()
  return {
    /** Ends all sessions of the user of this one. @param {DemoSession} session */
    end({ data: { user } }) {
      if (!user) return
      ended.set(user.name, new Date())
      if (ended.size > MOST) ended.delete([...ended.keys()][0] ?? '')
    },
    /** Empties a session that has ended so: its commit takes the cookie away. @param {DemoSession} session */
    check(session) {
      const time = ended.get(session.data.user?.name ?? '')
      if (!time || session.createdAt > time) return
      session.data = {}
      session.regenerate()
    },
  }
}
