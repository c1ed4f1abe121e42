/**
 * Whether a response is meant for everybody: then nothing of a session that nobody looked at is added to it.
 * What is due, as a renewal, is due with the next response too. RFC 9111 §5.2.2.
 */

/** A response whose Cache-Control lets shared caches keep it. */
export function isForEverybody(response: { getHeader(name: string): number | string | string[] | undefined }): boolean {
  return /\b(?:public|s-maxage)\b/i.test(String(response.getHeader('cache-control') ?? ''))
}
