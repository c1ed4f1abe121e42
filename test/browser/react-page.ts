/** The components of the React tests: the server renders them, and the page hydrates them. React itself is chosen by the bundle. */
import { createElement as h, type ReactElement, StrictMode, useState } from 'react'
import type { Root } from 'react-dom/client'
import { defineSession } from 'sessionglass'
import { SessionProvider, useSession, useSessionEnd } from 'sessionglass/react'

interface Visitor {
  user: string
  roles: string[]
  since: Date
  visits: number
  secret: string
}

export const visitor = defineSession<Visitor>()({
  name: 'visitor',
  idleTimeout: '10m',
  expose: ['user', 'roles', 'since', 'visits'],
})
export const basket = defineSession<{ items: number }>()({ name: 'basket', idleTimeout: '10m', expose: ['items'] })

/** How often each component was rendered. */
export const renders: Record<string, number> = {}

function count(name: string): void {
  renders[name] = (renders[name] ?? 0) + 1
}

function User(): ReactElement {
  count('user')
  const user = useSession(visitor, (session) => session?.user)
  return h('p', { id: 'user' }, user ?? 'nobody')
}

function Roles(): ReactElement {
  count('roles')
  const roles = useSession(visitor, (session) => new Set(session?.roles?.map((role) => role.toUpperCase())))
  return h('p', { id: 'roles' }, [...roles].join(' '))
}

function Since(): ReactElement {
  const session = useSession(visitor)
  return h('p', { id: 'since' }, session?.since?.toISOString() ?? 'never')
}

function Items(): ReactElement {
  return h('p', { id: 'items' }, useSession(basket)?.items ?? 'empty')
}

function Left(): ReactElement {
  count('left')
  return h('p', { id: 'left' }, useSessionEnd(visitor, 3) ?? '-')
}

function Visits(): ReactElement {
  return h(
    'b',
    { className: 'visits' },
    useSession(visitor, (session) => session?.visits ?? 0),
  )
}

/** A selector that follows the component's own state. */
function Member(): ReactElement {
  const [name, setName] = useState<'user' | 'visits'>('user')
  const value = useSession(visitor, (session) => ({ value: session?.[name] }))
  return h('button', { id: 'member', type: 'button', onClick: () => setName('visits') }, `${name}: ${value.value}`)
}

export interface PageProps {
  /** As `serializeForClient` gave it, or as a script has it. */
  readonly visitor: string | object | null
  readonly basket: string | object | null
  readonly many: number
}

export function Page({ visitor: session, basket: items, many }: PageProps): ReactElement {
  const visits = Array.from({ length: many }, (_, key) => h(Visits, { key }))
  const parts = h('main', null, h(User), h(Roles), h(Since), h(Items), h(Left), h(Member), h('div', null, visits))
  const inner = h(SessionProvider, { definition: basket, value: items as string }, parts)
  return h(StrictMode, null, h(SessionProvider, { definition: visitor, value: session as string }, inner))
}

export interface ReactWindow {
  readonly given: PageProps
  readonly react: { readonly renders: typeof renders; readonly root: Root }
}
