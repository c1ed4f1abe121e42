/**
 * Set-Cookie texts of this package as the tools of tests take cookies.
 * RFC 6265 §5.2 and §5.3 for what a browser makes of the attributes.
 */

/** As Playwright's `context.addCookies` and `storageState` take it. */
export interface PlaywrightCookie {
  name: string
  value: string
  /** With a dot before it for the hosts below, too. */
  domain: string
  path: string
  /** Seconds since 1970; -1: until the browser closes. */
  expires: number
  httpOnly: boolean
  secure: boolean
  sameSite: 'Lax' | 'Strict' | 'None'
}

/** The arguments of `cy.setCookie`. */
export type CypressCookie = [
  name: string,
  value: string,
  options: {
    domain: string
    hostOnly: boolean
    path: string
    /** Seconds since 1970. */
    expiry?: number
    httpOnly: boolean
    secure: boolean
    sameSite: 'lax' | 'strict' | 'no_restriction'
  },
]

export interface ParsedCookie {
  name: string
  value: string
  domain: string
  hostOnly: boolean
  path: string
  /** Absent: until the browser closes. */
  expires?: Date
  httpOnly: boolean
  secure: boolean
  sameSite: 'Lax' | 'Strict' | 'None'
}

/**
 * Takes a Set-Cookie text apart that this package wrote.
 *
 * @param hostname - of the server that sent it
 * @param made - when it came
 */
export function parseSetCookie(text: string, { hostname, made }: { hostname: string; made: Date }): ParsedCookie {
  const [pair = '', ...attributes] = text.split('; ')
  const found = new Map(attributes.map((attribute) => splitOnce(attribute)))
  const [name, value] = splitOnce(pair)
  const domain = found.get('Domain')?.replace(/^\./, '')
  const maxAge = found.get('Max-Age')
  const date = found.get('Expires')
  // Max-Age counts before Expires (RFC 6265 §5.3).
  const expires = maxAge === undefined ? date && new Date(date) : new Date(made.getTime() + Number(maxAge) * 1000)
  return {
    name,
    value,
    domain: domain ?? hostname,
    hostOnly: domain === undefined,
    path: found.get('Path') ?? '/',
    ...(expires ? { expires } : {}),
    httpOnly: found.has('HttpOnly'),
    secure: found.has('Secure'),
    // Without the attribute browsers take Lax.
    sameSite: (found.get('SameSite') ?? 'Lax') as ParsedCookie['sameSite'],
  }
}

export function toPlaywright({ domain, hostOnly, expires, ...cookie }: ParsedCookie): PlaywrightCookie {
  return { ...cookie, domain: hostOnly ? domain : `.${domain}`, expires: expires ? secondsOf(expires) : -1 }
}

export function toCypress({ name, value, expires, sameSite, ...cookie }: ParsedCookie): CypressCookie {
  const site = ({ Lax: 'lax', Strict: 'strict', None: 'no_restriction' } as const)[sameSite]
  return [name, value, { ...cookie, ...(expires ? { expiry: secondsOf(expires) } : {}), sameSite: site }]
}

function secondsOf(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}

function splitOnce(text: string): [string, string] {
  const equals = text.indexOf('=')
  return equals === -1 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)]
}
