/**
 * Cookies of our name in other places than ours: other domains and paths, which no Cookie header tells apart.
 * RFC 6265 §5.3 (name, domain and path make a cookie) and §5.4 (longer paths come first, then older cookies).
 */
import type { SessionErrorCode } from '../shared/errors.js'

/** Where a cookie may be kept beside the place that the options say. */
export interface CookiePlace {
  /** Absent: of the host alone. */
  domain?: string
  /** Default: that of the options. */
  path?: string
}

/** A cookie of our name that did not become the session. Its value is told to nobody. */
export interface ShadowedCookie {
  /** Its place in the Cookie header among those of our name, from 0 on: longer paths come first, then older cookies. */
  position: number
  /** Octets of name and value. */
  bytes: number
  /** Why it was not taken; absent where it was not looked at, because a later one was good. */
  code?: SessionErrorCode
}

/**
 * The cookies that stand beside the session's.
 *
 * @param values - of our name, as in the header
 * @param taken - the first piece of what became the session
 * @returns undefined where all say the same
 */
export function findShadowed(
  name: string,
  values: readonly string[],
  taken: string | undefined,
  rejections: readonly { value: string; error: { code: SessionErrorCode } }[],
): ShadowedCookie[] | undefined {
  if (values.length < 2 || new Set(values).size < 2) return undefined
  const held = taken === undefined ? -1 : values.lastIndexOf(taken)
  return values.flatMap((value, position) => {
    if (position === held) return []
    const code = rejections.find((rejection) => rejection.value === value)?.error.code
    return [{ position, bytes: name.length + value.length, ...(code === undefined ? {} : { code }) }]
  })
}

/**
 * Where our own cookie may stand a second time. With a `domain` that is the cookie of the host alone, which this host itself has set
 * and nobody else reads. Every other place may be another application's, so the options have to name it.
 *
 * @throws {TypeError} for something that is no list of places, and for our own place
 */
export function shadowPlaces(
  option: boolean | readonly CookiePlace[],
  { domain, path = '/' }: CookiePlace,
): CookiePlace[] {
  if (option === false) return []
  if (option === true) return domain === undefined ? [] : [{ path }]
  if (!Array.isArray(option) || option.some((place) => typeof place !== 'object' || place === null)) {
    throw new TypeError('Option "expireShadows" must be true, false or a list of { domain, path }')
  }
  const places = option.map((place: CookiePlace) => ({ path, ...place }))
  if (places.some((place) => bare(place.domain) === bare(domain) && place.path === path)) {
    throw new TypeError('Option "expireShadows" holds the place of the session itself')
  }
  return places
}

/** Browsers ignore a leading dot (RFC 6265 §5.2.3) and the case of a domain. */
function bare(domain: string | undefined): string | undefined {
  return domain?.replace(/^\./, '').toLowerCase()
}
