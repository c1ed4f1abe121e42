import { useSessionEnd } from 'sessionglass/react'
import { renew } from './api.js'
import { session } from './session.js'

export function SessionEnd() {
  const seconds = useSessionEnd(session, 60)
  if (seconds === null) return null
  return (
    <p role="timer">
      You will be signed out in {seconds} s.{' '}
      <button type="button" onClick={renew}>
        Stay signed in
      </button>
    </p>
  )
}
