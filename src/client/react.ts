/**
 * The entry `sessionglass/react`: the session of a page for its components, which render again if what they show has changed.
 * React 18 and 19, `useSyncExternalStore`. Nothing is verified, as with `getSession`.
 */
import {
  type Context,
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { lightValue } from '../shared/bson/light-types.js'
import { readBsonBy } from '../shared/bson/reader.js'
import { decodeBase64Url } from '../shared/bytes.js'
import type { SessionDefinition } from '../shared/define-session.js'
import { deepFreeze, type SessionData } from '../shared/types.js'
import { contentOf, createSessionStore } from './watch.js'

export type { SessionDefinition } from '../shared/define-session.js'
export type { SessionData } from '../shared/types.js'

type Snapshot<Public> = Readonly<Partial<Public>> | null

/** The server's value of a session, by the name of its cookie; `null` without a provider. */
type ServerValues = (name: string) => unknown

const Values: Context<ServerValues> = /* @__PURE__ */ createContext<ServerValues>(() => null)

/** The properties of `SessionProvider`. */
export interface SessionProviderProps {
  /** Whose value it is; providers of several definitions may stand inside each other. */
  definition: SessionDefinition<unknown, unknown>
  /** The text of `serializeForClient`, or what `JSON.parse` makes of it. */
  value: string | Readonly<SessionData> | null
  /** The components that see the value. */
  children?: ReactNode
}

/**
 * Gives the server's value of a session to `useSession`, while a server renders and while the page hydrates. After that the cookie counts.
 *
 * @see docs/react.md
 * @since 0.1.0
 * @example
 * ```tsx
 * const page = (
 *   <SessionProvider definition={appSession} value={serializeForClient(session)}>
 *     <Greeting />
 *   </SessionProvider>
 * )
 * ```
 */
export function SessionProvider({ definition, value, children }: SessionProviderProps): ReactElement {
  const outer = useContext(Values)
  const { name } = definition
  const session = useMemo(() => revive(value), [value])
  const values = useCallback<ServerValues>(
    (wanted) => (wanted === name ? session : outer(wanted)),
    [outer, name, session],
  )
  return createElement(Values.Provider, { value: values }, children)
}

/** Undoes `serializeForClient`. */
function revive(value: unknown): unknown {
  const json = typeof value === 'string' ? JSON.parse(value) : (value ?? null)
  return deepFreeze(json?.$bson ? readBsonBy(decodeBase64Url(json.$bson), lightValue) : json)
}

/**
 * The session of the page, or a part of it. The component renders again when that changes, and not when it stays equal.
 * **Nothing is verified**: show it, and let the server decide.
 *
 * @param definition - of the session
 * @param selector - takes the part; may be written in place, and may return new objects, arrays, sets and maps of data
 * @returns what `getSession` returns, or the part of it; on a server the value of `SessionProvider`
 * @since 0.1.0
 * @example
 * ```tsx
 * function Greeting() {
 *   const user = useSession(appSession, (session) => session?.user)
 *   return <p>{user === undefined ? 'Sign in' : `Hello ${user}`}</p>
 * }
 * ```
 */
export function useSession<Public, Data = unknown>(definition: SessionDefinition<Data, Public>): Snapshot<Public>
export function useSession<Public, Selected, Data = unknown>(
  definition: SessionDefinition<Data, Public>,
  selector: (session: Snapshot<Public>) => Selected,
): Selected
export function useSession<Public>(
  definition: SessionDefinition<unknown, Public>,
  selector: (session: Snapshot<Public>) => unknown = (session) => session,
): unknown {
  const { subscribe, getSnapshot } = createSessionStore(definition)
  const values = useContext(Values)
  const shown = useRef<unknown>(undefined)
  let last = shown.current
  const select = (session: unknown): unknown => {
    const selected = selector(session as Snapshot<Public>)
    if (last !== selected && contentOf(last) !== contentOf(selected)) last = selected
    return last
  }
  const selected = useSyncExternalStore(
    subscribe,
    () => select(getSnapshot()),
    () => select(values(definition.name)),
  )
  useEffect(() => {
    shown.current = selected
  })
  return selected
}

/**
 * The seconds until the session ends if nothing renews it, for "you will be signed out in a minute".
 *
 * @param definition - of the session
 * @param secondsBefore - from when on
 * @returns whole seconds, rounded up, each of them once; `null` before that time, without a session, if it has no end, and on a server
 * @since 0.1.0
 * @example
 * ```tsx
 * function Countdown() {
 *   const seconds = useSessionEnd(appSession, 60)
 *   return seconds === null ? null : <p>You will be signed out in {seconds} seconds.</p>
 * }
 * ```
 */
export function useSessionEnd(definition: SessionDefinition<unknown, unknown>, secondsBefore: number): number | null {
  const { subscribe, getEnd } = createSessionStore(definition)
  const [left, setLeft] = useState<number | null>(null)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const count = (): void => {
      clearTimeout(timer)
      // NaN without an end.
      const rest = (getEnd()?.getTime() as number) - Date.now()
      const seconds = Math.ceil(rest / 1_000)
      setLeft(seconds > 0 && seconds <= secondsBefore ? seconds : null)
      // Timers stand still while a machine sleeps, so it looks at the clock every second.
      timer = setTimeout(count, Math.min(rest - Math.min(seconds - 1, secondsBefore) * 1_000, 1_000) || 1_000)
    }
    const stop = subscribe(count)
    count()
    return () => {
      stop()
      clearTimeout(timer)
    }
  }, [subscribe, getEnd, secondsBefore])
  return left
}
