import { useActionState } from 'react'
import { send } from './api.js'

export function SignIn() {
  const [fault, signIn, isPending] = useActionState(async (_before: string, form: FormData) => {
    const { ok, status } = await send('POST', '/sign-in', Object.fromEntries(form))
    if (ok) return ''
    return status === 401 ? 'Wrong name or password' : 'Please try again'
  }, '')
  return (
    <form action={signIn}>
      <label>
        Name <input name="username" autoComplete="username" required />
      </label>
      <label>
        Password <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <button type="submit" disabled={isPending}>
        Sign in
      </button>
      <p role="alert">{fault}</p>
    </form>
  )
}
