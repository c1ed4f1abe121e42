/**
 * `sessionglass doctor`: asks a server once, and explains the session cookies that it sets.
 * RFC 6265bis §4.1 and §5.7 for what a browser drops, RFC 9111 §3 for caches.
 */

import { count } from '../../shared/words.js'
import { MAX_ATTRIBUTE_BYTES, MAX_COOKIE_BYTES } from '../core/cookies.js'
import { isLoopback } from '../keys/remote-jwks.js'
import { type Call, type Command, EXIT, JSON_OPTION, NAME_OPTION, printJson, text } from './command.js'
import { inspectValue } from './inspect.js'
import { reportStats } from './stats.js'
import { cannotAsk, OutsideError, printable, readInput, UsageError } from './terminal.js'

/** What is wrong, and what to do. */
interface Fault {
  readonly code: string
  /** `drop`: a browser does not keep the cookie. */
  readonly severity: 'drop' | 'fault' | 'hint'
  readonly text: string
}

/** One Set-Cookie, as a browser reads it. */
interface SeenCookie {
  readonly name: string
  readonly value: string
  /** By their names in lower case; the last of each counts. */
  readonly attributes: ReadonlyMap<string, string>
}

/** One answer. */
interface Answer {
  readonly url: URL
  readonly status: number
  readonly cookies: readonly SeenCookie[]
  readonly headers: Headers
}

const TIMEOUT = 10_000
const MAX_REDIRECTS = 5
/** Cookies of one answer that are looked at. */
const MAX_COOKIES = 50
/** Many proxies refuse a header of more. */
const HEADER_OF_PROXIES = 8192
/** 400 days: browsers cut what is longer. */
const KEPT_SECONDS = 34_560_000

export const doctor: Command = {
  name: 'doctor',
  summary: 'asks a server, and explains its session cookies',
  usage: 'URL',
  about:
    'Sends one GET request, follows redirects, and looks at every cookie of the answers: what a browser would drop, what scripts can reach, ' +
    'what is missing, how large it is, and what is inside as far as anyone can read it. Ends with 1 if something is wrong.',
  options: {
    cookie: {
      type: 'string',
      value: 'HEADER',
      help: 'cookies to send: those of a visitor who is signed in; - is the standard input',
    },
    name: { ...NAME_OPTION, help: 'looks at this cookie alone, and at its public cookie' },
    timeout: { type: 'string', value: 'SECONDS', help: `for each answer; default ${TIMEOUT / 1000}` },
    'stats-url': {
      type: 'string',
      value: 'URL',
      help: 'where your server gives createReadStats() as JSON, { since, rows }: says which codecs and keys can go',
    },
    'older-than': {
      type: 'string',
      value: 'TIME',
      help: 'with --stats-url: how long sessions last, as 14d (the default)',
    },
    json: JSON_OPTION,
  },
  examples: [
    ['sessionglass doctor https://shop.example.org/sign-in', 'looks at the cookies of that page'],
    ['sessionglass doctor --stats-url http://localhost:3000/session-stats', 'says which old keys nobody uses any more'],
  ],
  async run(call) {
    const { words, values } = call
    const stats = text(values['stats-url'])
    const [word, ...more] = words
    if (stats !== undefined) {
      if (word !== undefined) throw new UsageError('One address is expected: that of the page, or --stats-url')
      return await reportStats(addressOf(stats), call, timeoutOf(values))
    }
    if (word === undefined || more.length > 0) throw new UsageError('One address is expected')
    const answers = await ask(addressOf(word), await cookiesToSend(call), timeoutOf(values))
    const wanted = text(values.name)
    const isWanted = ({ name }: SeenCookie): boolean =>
      wanted === undefined || name === wanted || name === `${wanted}.public` || name.startsWith(`${wanted}.`)
    const reports = answers.flatMap((answer) =>
      answer.cookies.filter(isWanted).map((cookie) => ({ answer, cookie, faults: faultsOf(cookie, answer) })),
    )
    const general = answers.flatMap(faultsOfAnswer)
    if (values.json) printJson(call, jsonOf(answers, reports, general))
    else print(answers, reports, general, call)
    const isWrong = [...general, ...reports.flatMap(({ faults }) => faults)].some(({ severity }) => severity !== 'hint')
    return isWrong || reports.length === 0 ? EXIT.refused : EXIT.ok
  },
}

function addressOf(word: string): URL {
  const url = URL.canParse(word) ? new URL(word) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new UsageError(`${JSON.stringify(word)} is no address: it must begin with https:// or http://`)
  }
  if (hasPassword(url)) throw new UsageError('The address must not contain a name or a password')
  return url
}

/** `fetch` refuses such an address, with a message that has all of it. */
function hasPassword({ username, password }: URL): boolean {
  return username !== '' || password !== ''
}

/** The value of a Cookie header. */
async function cookiesToSend({ terminal, values }: Call): Promise<string | undefined> {
  const given = text(values.cookie)
  const header = (given === '-' ? await readInput(terminal) : given)?.trim().replace(/^cookie:\s*/i, '')
  if (header === undefined || /^[\t\x20-\x7e\x80-\xff]+$/.test(header)) return header
  throw new UsageError('--cookie must be the text of one Cookie header')
}

/** Each answer on the way. The body of none is read. */
async function ask(first: URL, given: string | undefined, timeout: number): Promise<Answer[]> {
  const answers: Answer[] = []
  const kept = new Map<string, string>()
  let url = first
  for (let redirects = 0; ; redirects++) {
    // Cookies are for the host that was named, and not for anyone who reads plain http.
    const isOurs = url.host === first.host && (url.protocol === 'https:' || first.protocol === 'http:')
    const jar = isOurs ? [...(given === undefined ? [] : [given]), ...[...kept].map((pair) => pair.join('='))] : []
    const { status, headers } = await get(url, { ...(jar.length > 0 && { cookie: jar.join('; ') }) }, timeout)
    const cookies = headers.getSetCookie().slice(0, MAX_COOKIES).flatMap(cookieOf)
    if (isOurs) {
      for (const cookie of cookies) isRemoval(cookie) ? kept.delete(cookie.name) : kept.set(cookie.name, cookie.value)
    }
    answers.push({ url, status, cookies, headers })
    const location = headers.get('location')
    if (status < 300 || status > 399 || location === null) return answers
    if (redirects === MAX_REDIRECTS) throw new OutsideError(`The server redirects more than ${MAX_REDIRECTS} times`)
    if (!URL.canParse(location, url)) throw new OutsideError('The server redirects to what is no address')
    url = new URL(location, url)
    if (!['http:', 'https:'].includes(url.protocol))
      throw new OutsideError('The server redirects to what is no web page')
    if (hasPassword(url)) throw new OutsideError('The server redirects to an address with a password')
  }
}

function timeoutOf(values: Call['values']): number {
  const seconds = Number(text(values.timeout) ?? TIMEOUT / 1000)
  if (seconds > 0 && seconds <= 600) return seconds * 1000
  throw new UsageError('--timeout must be a number of seconds, up to 600')
}

/** @throws {OutsideError} */
async function get(
  url: URL,
  headers: Record<string, string>,
  timeout: number,
): Promise<Pick<Response, 'status' | 'headers'>> {
  try {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { 'user-agent': 'sessionglass doctor', accept: 'text/html, */*', ...headers },
      signal: AbortSignal.timeout(timeout),
    })
    await response.body?.cancel()
    return response
  } catch (error) {
    throw cannotAsk(url, error as Error, timeout)
  }
}

/** The algorithm of RFC 6265bis §5.6. */
function cookieOf(header: string): SeenCookie[] {
  const [pair = '', ...rest] = header.split(';')
  const equals = pair.indexOf('=')
  if (equals < 1) return []
  const attributes = new Map<string, string>()
  for (const part of rest) {
    const [name = '', ...value] = part.split('=')
    if (name.trim() !== '') attributes.set(name.trim().toLowerCase(), value.join('=').trim())
  }
  return [{ name: pair.slice(0, equals).trim(), value: pair.slice(equals + 1).trim(), attributes }]
}

/** It only takes the cookie away. */
function isRemoval({ attributes }: SeenCookie): boolean {
  const maxAge = attributes.get('max-age')
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) return Number(maxAge) <= 0
  return Date.parse(attributes.get('expires') ?? '') <= Date.now()
}

/** What is wrong with one cookie. */
function faultsOf(cookie: SeenCookie, { url }: Answer): Fault[] {
  const { name, value, attributes } = cookie
  const faults: Fault[] = []
  const add = (severity: Fault['severity'], code: string, text: string): void =>
    void faults.push({ code, severity, text })
  const has = (attribute: string): boolean => attributes.has(attribute)
  const isSecureOrigin = url.protocol === 'https:' || isLoopback(url.hostname)
  const sameSite = attributes.get('samesite')?.toLowerCase()
  const isPublic = name.endsWith('.public')

  const size = Buffer.byteLength(name + value)
  if (size > MAX_COOKIE_BYTES)
    add(
      'drop',
      'too-large',
      `it has ${size} bytes; browsers keep ${MAX_COOKIE_BYTES}: store less in it, or use a store`,
    )
  for (const [attribute, text] of attributes) {
    if (Buffer.byteLength(text) > MAX_ATTRIBUTE_BYTES)
      add('drop', 'long-attribute', `its ${printable(attribute)} is longer than ${MAX_ATTRIBUTE_BYTES} bytes`)
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: browsers refuse those
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(name + value)) add('drop', 'control', 'it has a control character')
  const lower = name.toLowerCase()
  const isHost = lower.startsWith('__host-')
  if ((isHost || lower.startsWith('__secure-')) && !has('secure')) add('drop', 'prefix', `its name asks for Secure`)
  if (isHost && (has('domain') || attributes.get('path') !== '/')) {
    add('drop', 'prefix', 'its name asks for Path=/ and no Domain')
  }
  if (sameSite === 'none' && !has('secure')) add('drop', 'none-without-secure', 'SameSite=None needs Secure')
  if (has('partitioned') && !has('secure')) add('drop', 'partitioned-without-secure', 'Partitioned needs Secure')
  const domain = attributes.get('domain')?.replace(/^\./, '').toLowerCase()
  if (domain !== undefined && domain !== '' && !isWithin(url.hostname, domain)) {
    add('drop', 'foreign-domain', `its Domain is ${printable(domain)}, which is not the domain of ${url.hostname}`)
  }
  if (domain !== undefined && domain !== '' && !domain.includes('.') && domain !== 'localhost') {
    add('drop', 'top-domain', 'its Domain is a whole top-level domain')
  }
  if (has('secure') && !isSecureOrigin)
    add('drop', 'secure-over-http', 'it is Secure, and the page came over http: use https')
  const expires = attributes.get('expires')
  if (expires !== undefined && !has('max-age') && Number.isNaN(Date.parse(expires))) {
    add('fault', 'unreadable-expires', 'its Expires is no date, so it lasts until the browser closes')
  }

  if (!has('secure') && url.protocol === 'https:')
    add('fault', 'not-secure', 'without Secure it also travels over plain http: add Secure')
  if (!has('httponly') && !isPublic) {
    add(
      'fault',
      'scripts',
      'scripts of the page read it, also injected ones: add HttpOnly, and expose what a page needs in the public cookie',
    )
  }
  if (sameSite === undefined) add('fault', 'no-samesite', 'without SameSite each browser decides: add SameSite=Lax')
  else if (!['lax', 'strict', 'none'].includes(sameSite))
    add('fault', 'unknown-samesite', 'its SameSite is none of Lax, Strict and None')
  if (sameSite === 'none') add('hint', 'cross-site', 'other sites send it with their requests: use CSRF tokens')
  if (domain !== undefined && domain !== '') {
    add(
      'hint',
      'domain',
      `every host below ${printable(domain)} gets it and can overwrite it: leave Domain out if one host is enough`,
    )
  }
  if (!attributes.get('path')?.startsWith('/')) {
    const directory = directoryOf(url)
    const text = `without Path it counts for ${directory}, the folder of this page: add Path=/`
    add(directory === '/' ? 'hint' : 'fault', 'no-path', text)
  }
  const maxAge = Number(attributes.get('max-age') ?? Number.NaN)
  if (maxAge > KEPT_SECONDS) add('hint', 'long-age', 'browsers keep a cookie for 400 days at most')
  return [...faults, ...faultsInside(cookie)]
}

/** What can be read of the value. */
function faultsInside({ name, value }: SeenCookie): Fault[] {
  const { decoded, what } = inspectValue({ name, value })
  const { header, meta = {}, data = {}, format } = decoded ?? {}
  const faults: Fault[] = []
  const alg = typeof header?.alg === 'string' ? header.alg.toLowerCase() : undefined
  if (alg === 'none')
    faults.push({ code: 'alg-none', severity: 'fault', text: 'it is signed with nothing: anyone can make one' })
  if (format === 'beaker') {
    faults.push({
      code: 'beaker',
      severity: 'hint',
      text: `${what} format: who has its key can run programs in Python if it holds a pickle`,
    })
  }
  const keys = Object.keys(data)
  const secretive = keys.filter(
    (key) => /pass(?:word|wd)|secret|token|credit|card|iban|ssn/i.test(key) && !key.startsWith('_'),
  )
  if (secretive.length > 0) {
    faults.push({
      code: 'readable',
      severity: 'fault',
      text: `anyone who has it reads ${secretive.map((key) => JSON.stringify(printable(key))).join(', ')}: a signed cookie is not encrypted`,
    })
  }
  if (decoded && !meta.expiresAt && !meta.accessedAt && !meta.createdAt && keys.length > 0) {
    faults.push({
      code: 'endless',
      severity: 'fault',
      text: 'it says no time, so a copy of it works until the key changes',
    })
  }
  return faults
}

function directoryOf({ pathname }: URL): string {
  return pathname.lastIndexOf('/') > 0 ? pathname.slice(0, pathname.lastIndexOf('/')) : '/'
}

/** RFC 6265 §5.1.3. */
function isWithin(host: string, domain: string): boolean {
  return host === domain || (host.endsWith(`.${domain}`) && !/^[\d.]+$|:/.test(host))
}

/** What is wrong with an answer as a whole. */
function faultsOfAnswer({ cookies, headers, url }: Answer): Fault[] {
  const faults: Fault[] = []
  if (cookies.length === 0) return faults
  const control = (headers.get('cache-control') ?? '').toLowerCase()
  if (/\bpublic\b|s-maxage/.test(control) || (headers.has('age') && !/private|no-store/.test(control))) {
    faults.push({
      code: 'cached',
      severity: 'fault',
      text: 'a shared cache may keep the answer with its Set-Cookie and give it to others: send Cache-Control: no-store or private',
    })
  }
  const names = cookies.map(({ name, attributes }) =>
    [name, attributes.get('domain') ?? '', attributes.get('path') ?? ''].join(' '),
  )
  if (new Set(names).size < names.length) {
    faults.push({
      code: 'twice',
      severity: 'fault',
      text: 'the same cookie is set twice in one answer: the last one counts',
    })
  }
  const live = cookies.filter((cookie) => !isRemoval(cookie))
  const size = live.reduce((sum, { name, value }) => sum + Buffer.byteLength(name + value) + 3, 0)
  if (size > HEADER_OF_PROXIES) {
    faults.push({
      code: 'header',
      severity: 'fault',
      text: `the cookies make ${size} bytes of each request; many servers refuse more than ${HEADER_OF_PROXIES}`,
    })
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    faults.push({
      code: 'http',
      severity: 'fault',
      text: 'the page came over plain http: anyone on the way reads the cookies',
    })
  }
  return faults
}

/** Without the query, which may hold a code or a token. */
function shownAddress({ origin, pathname, search }: URL): string {
  return `${origin}${pathname}${search === '' ? '' : '?…'}`
}

interface Report {
  readonly answer: Answer
  readonly cookie: SeenCookie
  readonly faults: readonly Fault[]
}

function print(
  answers: readonly Answer[],
  reports: readonly Report[],
  general: readonly Fault[],
  { printer }: Call,
): void {
  const marks = { drop: printer.color('red', 'dropped'), fault: printer.color('yellow', 'fault'), hint: 'hint' }
  const rows = (faults: readonly Fault[]): [string, string][] =>
    faults.map(({ severity, code, text }) => [code, `${marks[severity]}: ${text}`])
  for (const { url, status, cookies } of answers) {
    printer.line(`${status} ${printable(shownAddress(url))}, ${count(cookies.length, 'cookie')}`)
  }
  for (const { cookie, faults } of reports) {
    const { name, value, attributes } = cookie
    const { what, decoded } = inspectValue({ name, value })
    printer.line()
    printer.heading(printable(name))
    printer.table([
      ['format', decoded ? `${decoded.format}: ${what}` : what],
      ['size', `${Buffer.byteLength(name + value)} bytes of ${MAX_COOKIE_BYTES}`],
      [
        'attributes',
        printable([...attributes].map(([key, text]) => (text === '' ? key : `${key}=${text}`)).join('; ')) || 'none',
      ],
      ...(faults.some(({ code }) => code === 'scripts')
        ? []
        : ([['scripts', attributes.has('httponly') ? "can't read it" : 'read it, as a public cookie']] as const)),
      ...(isRemoval(cookie) ? ([['removal', 'the answer takes this cookie away']] as const) : []),
      ...(faults.length > 0
        ? rows(faults)
        : ([['result', printer.color('green', 'nothing to say against it')]] as const)),
    ])
  }
  printer.line()
  if (general.length > 0) printer.table(rows(general))
  if (reports.length === 0)
    printer.line('The server set no such cookie. Give the address of a page that does, as the one that signs in.')
}

function jsonOf(answers: readonly Answer[], reports: readonly Report[], general: readonly Fault[]): object {
  return {
    answers: answers.map(({ url, status, cookies }) => ({
      url: shownAddress(url),
      status,
      cookies: cookies.map(({ name }) => name),
    })),
    cookies: reports.map(({ cookie: { name, value, attributes }, faults }) => {
      const { what, decoded } = inspectValue({ name, value })
      return {
        name,
        format: decoded?.format ?? what,
        bytes: Buffer.byteLength(name + value),
        attributes: Object.fromEntries(attributes),
        faults,
      }
    }),
    faults: general,
  }
}
