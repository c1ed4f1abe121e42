import { useEffect } from 'react'
import { refreshSession } from 'sessionglass/client'

/** Reading and typing send no request, so while the visitor scrolls or types, the session is renewed once a minute. */
export function useKeepAlive() {
  useEffect(() => {
    const following = new AbortController()
    let last = 0
    const renew = () => {
      if (Date.now() - last < 60_000) return
      last = Date.now()
      refreshSession('/api/session').catch(() => {}) // offline: the next one may succeed
    }
    for (const type of ['keydown', 'scroll']) addEventListener(type, renew, following)
    return () => following.abort()
  }, [])
}
