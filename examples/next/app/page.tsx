import { SessionProvider } from 'sessionglass/react'
import { serializeForClient } from 'sessionglass/server'
import { appSession } from '../lib/app-session'
import { read } from '../lib/sessions'
import { rename, signIn, signOut } from './actions'
import { Greeting } from './greeting'

export default async function Page() {
  const session = await read()
  const { data } = session
  return (
    <SessionProvider definition={appSession} value={serializeForClient(session)}>
      <Greeting />
      {data.user === undefined ? (
        <form action={signIn}>
          <input name="user" aria-label="Your name" />
          <button type="submit">Sign in</button>
        </form>
      ) : (
        <main>
          <p id="visits">{data.visits ?? 0}</p>
          <form action={rename}>
            <input name="user" aria-label="Another name" />
            <button type="submit">Rename</button>
          </form>
          <form action={signOut}>
            <button type="submit">Sign out</button>
          </form>
        </main>
      )}
    </SessionProvider>
  )
}
