/**
 * What a command reads and prints: text of the width of the terminal, colors if it has them, secrets without an echo.
 * no-color.org for `NO_COLOR`.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { emitKeypressEvents } from 'node:readline'

/** The process, or what a test has in its place. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
}

/** A command was called in a way that it can't follow. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What the command was asked about is not as it should be. Exit code 1. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
}

/** Something outside of the command failed: a file, a server. Exit code 3. */
export class OutsideError extends Error {
  override readonly name = 'OutsideError'
}

const COLORS = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const
type Color = keyof typeof COLORS

/** Colors only for a person: not into a file or another program, and not with `NO_COLOR`. */
function hasColors({ env, stdout }: Terminal): boolean {
  return stdout.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
}

export interface Printer {
  /** A line, or several. */
  line(text?: string): void
  heading(text: string): void
  /** Names beside values, the values under each other. */
  table(rows: readonly (readonly [name: string, value: string])[]): void
  /** Something that needs attention, with what to do. */
  warning(text: string): void
  color(color: Color, text: string): string
}

const DEFAULT_COLUMNS = 80
const LEAST_COLUMNS = 24

/** A terminal that does not know its size says 0. */
export function columnsOf({ columns }: NodeJS.WriteStream, { env }: Terminal): number {
  return Math.max(columns || Number(env.COLUMNS) || DEFAULT_COLUMNS, LEAST_COLUMNS)
}

export function createPrinter(terminal: Terminal): Printer {
  const { stdout } = terminal
  const isColored = hasColors(terminal)
  const columns = columnsOf(stdout, terminal)
  const color = (name: Color, text: string): string => (isColored ? `\x1b[${COLORS[name]}m${text}\x1b[0m` : text)
  const line = (text = ''): void => void stdout.write(`${text}\n`)

  function table(rows: readonly (readonly [name: string, value: string])[]): void {
    const width = Math.max(...rows.map(([name]) => name.length))
    // On a narrow terminal a value stands below its name.
    const isNarrow = columns - width - 4 < LEAST_COLUMNS
    const indent = isNarrow ? 4 : width + 4
    for (const [name, value] of rows) {
      const [first = '', ...rest] = wrap(value, columns - indent)
      if (isNarrow) line(`  ${color('dim', name)}`)
      line(isNarrow ? `    ${first}` : `  ${color('dim', name.padEnd(width))}  ${first}`)
      for (const more of rest) line(`${' '.repeat(indent)}${more}`)
    }
  }

  return {
    line: (text = '') => {
      for (const each of wrap(text, columns)) line(each)
    },
    heading: (text) => line(color('bold', text)),
    table,
    warning(text) {
      const [first = '', ...rest] = wrap(text, columns - 2)
      line(`${color('yellow', '!')} ${first}`)
      for (const more of rest) line(`  ${more}`)
    },
    color,
  }
}

/** Lines of at most `width` characters. A longer word stays whole: somebody may want to copy it. */
export function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const [indent = ''] = /^ */.exec(paragraph) ?? []
    const lines: string[] = []
    let current = ''
    for (const word of paragraph.slice(indent.length).split(' ')) {
      const next = current === '' ? indent + word : `${current} ${word}`
      if (next.length > width && current !== '') {
        lines.push(current)
        current = indent + word
      } else current = next
    }
    return [...lines, current]
  })
}

/** Everything that is printed by others than us may hold what moves a cursor or rings a bell. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it is about
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

/** Bytes that a command reads from a file or the standard input. */
const MAX_INPUT = 64 * 1024 * 1024
const CHUNK = 1024 * 1024

/** The text of a file. @throws {OutsideError} */
export function readFile(path: string): string {
  try {
    const file = openSync(path, 'r')
    try {
      const bytes = readAll(file)
      if (bytes) return textOf(bytes)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : String(code)
    throw new OutsideError(`${path} can't be read: ${why}`)
  }
  throw new OutsideError(`${path} is larger than ${MAX_INPUT} bytes`)
}

/** Undefined for more than that: a pipe or a device does not say its size before it is read. */
function readAll(file: number): Buffer | undefined {
  const chunks: Buffer[] = []
  let size = 0
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK)
    const length = readSync(file, chunk)
    if (length === 0) return Buffer.concat(chunks)
    size += length
    if (size > MAX_INPUT) return undefined
    chunks.push(chunk.subarray(0, length))
  }
}

/** UTF-8, or what PowerShell and editors of Windows write: UTF-16, and a byte order mark. */
function textOf(bytes: Buffer): string {
  const text = bytes.toString(bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf16le' : 'utf8')
  return text.replace(/^\ufeff/, '')
}

/** All of the standard input, as text. @throws {OutsideError} if it is too much */
export async function readInput({ stdin }: Terminal): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stdin as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_INPUT) throw new OutsideError(`The input is larger than ${MAX_INPUT} bytes`)
    chunks.push(chunk)
  }
  return textOf(Buffer.concat(chunks))
}

/**
 * Asks for a secret, without showing it.
 *
 * @throws {UsageError} if nobody is there to ask
 */
export async function askSecret({ stdin, stderr }: Terminal, question: string): Promise<string> {
  if (!stdin.isTTY || !stderr.isTTY) {
    throw new UsageError('A key is needed: name where it is with --key-env NAME, --key-file FILE or --jwks URL')
  }
  emitKeypressEvents(stdin)
  // Before the question, so that the terminal does not echo an answer that comes at once.
  stdin.setRawMode(true)
  stderr.write(`${question}: `)
  let secret = ''
  try {
    // What is pasted comes as many keys at once, so each is listened to.
    return await new Promise((resolve, reject) => {
      stdin.on('keypress', (text: string | undefined, { name, ctrl }: { name?: string; ctrl?: boolean }) => {
        if (ctrl && (name === 'c' || name === 'd')) reject(new UsageError('No key was given'))
        else if (name === 'return' || name === 'enter') resolve(secret)
        else secret = name === 'backspace' ? secret.slice(0, -1) : secret + (text ?? '')
      })
      stdin.on('end', () => reject(new UsageError('No key was given')))
      stdin.resume()
    })
  } finally {
    stdin.removeAllListeners('keypress').removeAllListeners('end')
    stdin.setRawMode(false)
    stdin.pause()
    stderr.write('\n')
  }
}

/** Why a server gave no answer. */
export function cannotAsk(url: URL, error: Error, timeout: number): OutsideError {
  return new OutsideError(`${url.origin} can't be asked: ${whyOf(error, timeout)}`)
}

function whyOf(error: Error, timeout: number): string {
  if (error.name === 'TimeoutError') return `it sent no head of an answer within ${timeout / 1000} seconds`
  const { code, message = error.message } = (error.cause ?? {}) as { code?: string; message?: string }
  return REASONS[code ?? ''] ?? printable(message)
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
  ECONNRESET: 'it closed the connection',
  UND_ERR_SOCKET: 'it closed the connection',
  UND_ERR_HEADERS_OVERFLOW: 'its headers are too large',
}
