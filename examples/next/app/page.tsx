import { read } from '../lib/sessions'
import { rename, signIn, signOut } from './actions'

export default async function Page() {
  const { data } = await read()
  if (data.user === undefined) {
    return (
      <form action={signIn}>
        <p id="greeting">Nobody is signed in</p>
        <input name="user" aria-label="Your name" />
        <button type="submit">Sign in</button>
      </form>
    )
  }
  return (
    <main>
      <p id="greeting">Hello {data.user}</p>
      <p id="visits">{data.visits ?? 0}</p>
      <form action={rename}>
        <input name="user" aria-label="Another name" />
        <button type="submit">Rename</button>
      </form>
      <form action={signOut}>
        <button type="submit">Sign out</button>
      </form>
    </main>
  )
}
