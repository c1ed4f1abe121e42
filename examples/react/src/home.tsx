import { useState } from 'react'
import { send } from './api.js'
import { useKeepAlive } from './keep-alive.js'
import { SessionEnd } from './session-end.js'

export function Home({ user }: { user: string }) {
  const [orders, setOrders] = useState<string[]>([])
  useKeepAlive()

  async function load() {
    const response = await send('GET', '/orders')
    if (response.ok) setOrders(await response.json())
  }

  return (
    <>
      <h1>Hello {user}</h1>
      <SessionEnd />
      <button type="button" onClick={load}>
        My orders
      </button>
      <ul>
        {orders.map((order) => (
          <li key={order}>{order}</li>
        ))}
      </ul>
      <button type="button" onClick={() => send('POST', '/sign-out')}>
        Sign out
      </button>
    </>
  )
}
