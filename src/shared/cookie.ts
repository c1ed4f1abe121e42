/**
 * Reads one cookie out of a `Cookie` header or `document.cookie` (RFC 6265 §4.2.1 and §5.4).
 * FORMATS §1: values are not decoded, and a malformed cookie beside it changes nothing.
 */

/** A browser may send a name once for each path and domain; more than these are an attack. */
export const MAX_CANDIDATES = 16

/**
 * All values of a cookie name, in the order they appear; Python takes the last one first. Nothing is percent-decoded.
 *
 * @param header - the cookies as `name=value; name=value`
 * @param name - compared byte by byte
 * @returns the last 16 values at most, each without one surrounding pair of `"`
 * @see RFC 6265 §5.4, FORMATS §1
 */
export function readCookies(header: string, name: string): string[] {
  const values: string[] = []
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && name && trim(pair.slice(0, equals)) === name) {
      // `cookie-value` between DQUOTEs (RFC 6265 §4.1.1).
      values.push(trim(pair.slice(equals + 1)).replace(/^"(.*)"$/s, '$1'))
    }
  }
  return values.slice(-MAX_CANDIDATES)
}

/** Takes SP and HTAB off both ends (RFC 6265 §2.2), and no other white space: a name with U+00A0 before it is another name. */
function trim(text: string): string {
  while (' \t'.includes(text[0] as string)) text = text.slice(1)
  while (' \t'.includes(text.at(-1) as string)) text = text.slice(0, -1)
  return text
}
