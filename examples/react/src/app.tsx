import { useSession } from 'sessionglass/react'
import { Home } from './home.js'
import { session } from './session.js'
import { SignIn } from './sign-in.js'

export function App() {
  const user = useSession(session, (current) => current?.user)
  return user === undefined ? <SignIn /> : <Home key={user} user={user} />
}
