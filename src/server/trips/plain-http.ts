/**
 * Says once that a Secure cookie was set in answer to what looks like plain HTTP: a browser would drop it without a word.
 * The cookie is set all the same, for behind a proxy only the proxy knows better. X-Forwarded-Proto; RFC 7239 §4; RFC 6265 §4.1.2.5.
 */
import { platform } from '#platform'
import type { SessionErrorCode } from '../../shared/errors.js'
import type { CookieSource } from './message.js'

export interface PlainHttpWatch {
  /** Warns, once, if a browser will drop a Secure cookie of the answer to this request, as far as the server can see. */
  watch(source: CookieSource): void
}

const INSECURE: SessionErrorCode = 'ERR_SESSION_INSECURE'
/** RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3, with or without a port: there browsers keep Secure cookies. */
const LOOPBACK = /^(?:(?:[^:]+\.)?localhost|127(?:\.\d+){3}|\[::1\])(?::\d*)?$/i
/** RFC 7239 §4: `proto=https` of the first element, the one nearest to the visitor. */
const FORWARDED_HTTPS = /^[^,]*\bproto="?https\b/i

/**
 * @param name - of the cookie
 * @param secure - whether it has the attribute Secure
 * @param emit - tells the event, where somebody listens
 */
export function watchPlainHttp(
  name: string,
  secure: boolean,
  emit: ((event: { type: 'insecure'; code: SessionErrorCode }) => void) | undefined,
): PlainHttpWatch {
  let isOver = !secure
  return {
    watch(source) {
      if (isOver || !isPlainHttp(source)) return
      isOver = true
      emit?.({ type: 'insecure', code: INSECURE })
      platform.warn(
        INSECURE,
        `The cookie ${name} is Secure, and a request for it came by plain HTTP as far as this server can see: ` +
          'without HTTPS the browser drops it. Where a proxy ends TLS, let it send "X-Forwarded-Proto: https" ' +
          '(Express wants "trust proxy" too, for req.secure). Where there is no TLS, say secure: false.',
      )
    },
  }
}

/** The parts of a fetch `Request` and of a Node `IncomingMessage` that tell. */
interface Witness {
  readonly url?: string
  readonly socket?: { readonly encrypted?: boolean }
  readonly headers: Pick<Headers, 'get'> | Readonly<Record<string, string | undefined>>
}

function isPlainHttp(source: CookieSource): boolean {
  if (typeof source !== 'object' || source === null) return false
  const { url = '', socket, headers } = source as Witness
  const get = (name: string): string | undefined =>
    'get' in headers && typeof headers.get === 'function'
      ? (headers.get(name) ?? undefined)
      : (headers as Record<string, string | undefined>)[name]
  const [protocol, host] = socket ? [socket.encrypted ? 'https:' : 'http:', get('host')] : partsOf(url)
  if (protocol !== 'http:' || host === undefined || LOOPBACK.test(host)) return false
  const forwarded = get('x-forwarded-proto')?.split(',')[0]?.trim().toLowerCase()
  return forwarded !== 'https' && !FORWARDED_HTTPS.test(get('forwarded') ?? '')
}

/** Protocol and host of the address that a `Request` has; a Node request has but a path. */
function partsOf(url: string): [protocol?: string, host?: string] {
  if (!/^https?:/.test(url)) return []
  const { protocol, host } = new URL(url)
  return [protocol, host]
}
