/** The cookies of a browser: name, domain, path and partition make one, and a newer one takes the place of an older one (RFC 6265 §5.3). */
export class Jar {
  readonly #cookies = new Map<string, { name: string; value: string; path: string }>()

  /** Takes the Set-Cookie headers of a response in the order in which they stand there. */
  take(setCookies: readonly string[]): void {
    for (const setCookie of setCookies) {
      const [[name, value], ...rest] = setCookie.trim().split('; ').map(pairOf) as [Pair, ...Pair[]]
      const attributes = new Map(rest)
      const path = attributes.get('Path') ?? '/'
      // Browsers ignore a leading dot and the case of a domain (RFC 6265 §5.2.3).
      const domain = attributes.get('Domain')?.replace(/^\./, '').toLowerCase() ?? ''
      const key = [name, domain, path, attributes.has('Partitioned')].join(' ')
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

  /** Where the cookies of a name are: domain, empty for the host alone, and path. */
  places(name: string): string[] {
    const keys = [...this.#cookies.keys()].map((key) => key.split(' '))
    return keys.filter((key) => key[0] === name).map(([, domain, path]) => `${domain}${path}`)
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
