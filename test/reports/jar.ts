/** The cookies of a browser: name, domain, path and partition make one, and a newer one takes the place of an older one (RFC 6265 §5.3). */
export class Jar {
  readonly #cookies = new Map<string, { name: string; value: string; path: string }>()

  /** Takes the Set-Cookie headers of a response in the order in which they stand there. */
  take(setCookies: readonly string[]): void {
    for (const setCookie of setCookies) {
      const [[name, value], ...rest] = setCookie.split('; ').map(pairOf) as [Pair, ...Pair[]]
      const attributes = new Map(rest)
      const path = attributes.get('Path') ?? '/'
      const key = [name, attributes.get('Domain') ?? '', path, attributes.has('Partitioned')].join(' ')
      if (attributes.get('Max-Age') === '0') this.#cookies.delete(key)
      else if (this.#cookies.has(key)) (this.#cookies.get(key) as { value: string }).value = value
      else this.#cookies.set(key, { name, value, path })
    }
  }

  /** The Cookie header of the next request. */
  get header(): string {
    const sorted = [...this.#cookies.values()].sort((a, b) => b.path.length - a.path.length)
    return sorted.map(({ name, value }) => `${name}=${value}`).join('; ')
  }

  get names(): string[] {
    return [...this.#cookies.values()].map(({ name }) => name)
  }
}

type Pair = [name: string, value: string]

function pairOf(text: string): Pair {
  const [name = '', ...value] = text.split('=')
  return [name, value.join('=')]
}
