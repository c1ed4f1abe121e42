'use client'

import { useSession } from 'sessionglass/react'
import { appSession } from '../lib/app-session'

export function Greeting() {
  const user = useSession(appSession, (session) => session?.user)
  return <p id="greeting">{user === undefined ? 'Nobody is signed in' : `Hello ${user}`}</p>
}
