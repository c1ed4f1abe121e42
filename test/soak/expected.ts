/** What the session of one visitor has to say. After a request that may or may not have been carried out, that is more than one thing. */

export interface Write {
  readonly key: string
  readonly value: string
}

/** Written by requests that nobody waited for: they may be carried out at any later time. */
export const LATE = 'late'

/** undefined: it may be missing. */
type Possible = Set<string | undefined>

export type Problem = { what: 'lost' | 'crossed'; text: string }

export class Expected {
  readonly #owner: string
  readonly #learns: boolean
  /** What each key may say. */
  readonly #values = new Map<string, Possible>()
  /** The session may have ended. */
  mayBeGone = false

  /**
   * @param owner - every value begins with it
   * @param learns - what one answer showed stays true; that of a cookie may be outdated by a newer one that the server remembers
   */
  constructor(owner: string, learns: boolean) {
    this.#owner = owner
    this.#learns = learns
  }

  /** There is no session, and all of this is about none. */
  get isEmpty(): boolean {
    return this.#values.size === 0
  }

  /** It was written. */
  is({ key, value }: Write): void {
    if (key === LATE) this.mayBe({ key, value })
    else this.#values.set(key, new Set([value]))
  }

  /** It was written or not. */
  mayBe({ key, value }: Write): void {
    this.#values.set(key, (this.#values.get(key) ?? new Set([undefined])).add(value))
  }

  /** The session has ended. */
  isGone(): void {
    this.#values.clear()
    this.mayBeGone = false
  }

  /** Nothing of another visitor, in whatever state. */
  findOthers(data: Record<string, unknown>): Problem[] {
    return Object.entries(data)
      .filter(([key, value]) =>
        key === 'owner' ? value !== this.#owner : !String(value).startsWith(`${this.#owner}:`),
      )
      .map(([key, value]) => ({ what: 'crossed', text: `${this.#owner} sees ${key}=${String(value).slice(0, 40)}` }))
  }

  /**
   * Compares with an answer, and learns from it.
   *
   * @param rejected - why the server found no session
   */
  compare(data: Record<string, unknown>, rejected = ''): Problem[] {
    const isGone = Object.keys(data).length === 0
    if (isGone && this.mayBeGone) this.isGone()
    else if (!isGone) this.mayBeGone = false
    const problems = this.findOthers(data)
    const keys = new Set([...this.#values.keys(), ...Object.keys(data)])
    keys.delete('owner')
    for (const key of keys) {
      const value = data[key] as string | undefined
      const possible = this.#values.get(key) ?? new Set([undefined])
      const isRight = possible.has(value)
      if (!isRight && problems.length === 0) problems.push(this.#lost(key, { value, possible, rejected }))
      // Told once.
      if (!isRight || (this.#learns && key !== LATE)) this.#values.set(key, new Set([value]))
    }
    return problems
  }

  #lost(
    key: string,
    { value, possible, rejected }: { value: string | undefined; possible: Possible; rejected: string },
  ): Problem {
    const wanted = [...possible].map(shorten).join(' or ')
    return { what: 'lost', text: `${this.#owner} sees ${key}=${shorten(value)} in place of ${wanted} ${rejected}` }
  }
}

function shorten(value: string | undefined): string {
  return value === undefined ? 'nothing' : value.slice(0, 30)
}
