/**
 * Reads one cookie out of a `Cookie` header or `document.cookie` (RFC 6265 §4.2.1 and §5.4).
 * FORMATS §1: nobody decodes values, and a malformed neighbour changes nothing.
 */

/** A browser may send a name once for each path and domain; more is somebody's flood. */
const MAX_CANDIDATES = 16

/**
 * All values of a cookie name, in the order they appear; Python takes the last one first. Nothing is percent-decoded.
 *
 * @param header - the cookies as `name=value; name=value`
 * @param name - compared octet by octet
 * @returns the last 16 values at most, each without one surrounding pair of `"`
 * @see RFC 6265 §5.4, FORMATS §1
 */
export function readCookies(header: string, name: string): string[] {
  const values: string[] = []
  for (let at = NAME.test(name) ? header.indexOf(name) : -1; at >= 0; at = header.indexOf(name, at + 1)) {
    const before = pastBlanks(header, at - 1, -1)
    const equals = pastBlanks(header, at + name.length, 1)
    if (header[equals] !== '=' || (before >= 0 && header[before] !== ';')) continue
    at = header.indexOf(';', equals)
    if (at < 0) at = header.length
    const value = header.slice(pastBlanks(header, equals + 1, 1), pastBlanks(header, at - 1, -1) + 1)
    values.push(value[0] === '"' ? value.replace(QUOTED, '$1') : value)
  }
  return values.length > MAX_CANDIDATES ? values.slice(-MAX_CANDIDATES) : values
}

/** Where the first character stands that is neither SP nor HTAB (RFC 6265 §2.2); no other white space is skipped. */
function pastBlanks(text: string, at: number, step: 1 | -1): number {
  while (text.charCodeAt(at) === 32 || text.charCodeAt(at) === 9) at += step
  return at
}

/** A header has no others, whatever else is in them. */
const NAME = /^[^=; \t]+$/
/** `cookie-value` between DQUOTEs (RFC 6265 §4.1.1). */
const QUOTED = /^"(.*)"$/s
