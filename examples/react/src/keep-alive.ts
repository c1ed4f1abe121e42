import { useEffect } from 'react'
import { renew } from './api.js'

/** Reading and typing send no request, so while the visitor scrolls or types, the session is renewed once a minute. */
export function useKeepAlive() {
  useEffect(() => {
    const following = new AbortController()
    let last = 0
    const use = () => {
      if (Date.now() - last < 60_000) return
      last = Date.now()
      void renew()
    }
    for (const type of ['keydown', 'scroll']) addEventListener(type, use, following)
    return () => following.abort()
  }, [])
}
