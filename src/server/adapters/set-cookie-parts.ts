/**
 * A Set-Cookie text of the project taken apart again, for frameworks that want name, value and attributes one by one.
 * RFC 6265 §5.2, for texts that are known to be well formed.
 */

export interface SetCookieParts {
  name: string
  value: string
  /** By names in lower case. */
  attributes: ReadonlyMap<string, string>
}

export function setCookieParts(setCookie: string): SetCookieParts {
  const [pair, ...attributes] = setCookie.split('; ').map((part) => {
    const end = part.indexOf('=')
    return end === -1 ? ([part, ''] as const) : ([part.slice(0, end), part.slice(end + 1)] as const)
  })
  const [name = '', value = ''] = pair ?? []
  return { name, value, attributes: new Map(attributes.map(([key, text]) => [key.toLowerCase(), text])) }
}
