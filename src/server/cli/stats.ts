/**
 * `sessionglass doctor --stats-url`: which codecs and keys nobody uses any more, by what `createReadStats` counted.
 */
import { checkDuration } from '../../shared/option-names.js'
import { count, fromNow } from '../../shared/words.js'
import { type Call, EXIT, printJson, text } from './command.js'
import { cannotAsk, OutsideError, printable, UsageError } from './terminal.js'

/** Bytes of the answer, and rows of it. */
const MAX_STATS = 1_048_576
const MAX_ROWS = 1000
const DEFAULT_AGE = '14d'

/** What is read of a row of `createReadStats`. */
interface Row {
  readonly codec: string
  readonly codecIndex: number
  readonly keyIndex?: number
  readonly kid?: string
  readonly reads: number
  readonly lastSeen: Date
}

/** @returns the exit code: 0 also if all are in use */
export async function reportStats(url: URL, call: Call, timeout: number): Promise<number> {
  const { printer, values } = call
  const age = ageOf(text(values['older-than']) ?? DEFAULT_AGE)
  const now = new Date()
  const { since, rows } = await readStats(url, timeout)
  const isLongEnough = now.getTime() - since.getTime() >= age
  const judged = rows.map((row) => ({
    ...row,
    writes: row.codecIndex === 0 && (row.keyIndex ?? 0) === 0,
    safeToRetire: isLongEnough && now.getTime() - row.lastSeen.getTime() > age,
  }))
  if (values.json) printJson(call, { since, rows: judged })
  else {
    printer.heading(`Read since ${since.toISOString()}`)
    printer.table(
      judged.map(({ codec, keyIndex = 0, kid, reads, lastSeen, writes, safeToRetire }) => {
        const verdict = writes ? 'it writes' : safeToRetire ? printer.color('green', 'can go') : 'in use'
        const name = `${printable(codec)}, key ${kid === undefined ? keyIndex + 1 : printable(kid)}`
        return [name, `${count(reads, 'read')}, the last ${fromNow(lastSeen, now)}: ${verdict}`] as const
      }),
    )
    if (!isLongEnough) printer.warning('The server has not counted as long as a session lasts: nothing can go yet.')
    printer.line('A codec or key that is not in the list was not read at all.')
  }
  return EXIT.ok
}

function ageOf(value: string): number {
  try {
    return checkDuration(value, '--older-than')
  } catch {
    throw new UsageError('--older-than must be a time as 12h, 14d or 4w')
  }
}

/** @throws {OutsideError} */
async function readStats(url: URL, timeout: number): Promise<{ since: Date; rows: Row[] }> {
  const text = await fetchText(url, timeout)
  try {
    const { since, rows } = JSON.parse(text) as {
      since: string
      rows: (Omit<Row, 'lastSeen'> & { lastSeen: string })[]
    }
    const read = rows.slice(0, MAX_ROWS).map((row): Row => ({ ...row, lastSeen: dateOf(row.lastSeen) }))
    if (
      read.every(({ codec, codecIndex, reads }) => typeof codec === 'string' && isCount(codecIndex) && isCount(reads))
    ) {
      return { since: dateOf(since), rows: read }
    }
  } catch {
    // Told below.
  }
  throw new OutsideError(
    `${url.origin}${url.pathname} gives no statistics: it must answer with JSON, { "since": stats.since, "rows": stats.rows() }`,
  )
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function dateOf(text: unknown): Date {
  const date = new Date(typeof text === 'string' ? text : Number.NaN)
  if (Number.isNaN(+date)) throw new TypeError('no date')
  return date
}

async function fetchText(url: URL, timeout: number): Promise<string> {
  const shown = `${url.origin}${url.pathname}`
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    const { status, body } = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeout) })
    if (status !== 200) throw new OutsideError(`${shown} answers ${status}`)
    for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
      size += chunk.length
      if (size > MAX_STATS) throw new OutsideError(`${shown} answers with more than ${MAX_STATS} bytes`)
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof OutsideError) throw error
    throw cannotAsk(url, error as Error, timeout)
  }
  return Buffer.concat(chunks).toString('utf8')
}
