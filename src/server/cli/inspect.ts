/**
 * `sessionglass inspect`: what is in a cookie, without any key.
 */

import { formOf } from '../../shared/cookie-forms.js'
import { DEFAULT_NAME } from '../../shared/define-session.js'
import { isSessionError, type SessionError } from '../../shared/errors.js'
import type { DecodedSession } from '../../shared/types.js'
import { problemText } from '../../shared/words.js'
import { MAX_COOKIE_BYTES } from '../core/cookies.js'
import {
  type Call,
  type Command,
  EXIT,
  inputOf,
  JSON_OPTION,
  NAME_OPTION,
  printJson,
  SHOW_OPTION,
  text,
} from './command.js'
import { type FoundValue, valuesIn } from './cookies.js'
import { jsonRowsOf, rowsOf, timeRows } from './describe.js'
import { printable } from './terminal.js'

/** Bytes that a payload may inflate to here. Nothing is verified, so anybody may have made it. */
const MAX_INFLATED = 1_048_576

/** A value, taken apart as far as that goes without a key. */
interface Inspected extends FoundValue {
  readonly bytes: number
  readonly what: string
  readonly decoded?: DecodedSession
  readonly error?: SessionError
}

export function inspectValue(found: FoundValue): Inspected {
  const { name = DEFAULT_NAME, value } = found
  const form = formOf(value)
  const bytes = Buffer.byteLength(name + value)
  const inspected = { ...found, bytes, what: form?.what ?? 'nothing that is known here' }
  if (!form?.decode) return inspected
  try {
    return { ...inspected, decoded: form.decode(value, MAX_INFLATED) }
  } catch (error) {
    if (isSessionError(error)) return { ...inspected, error }
    throw error
  }
}

export const inspect: Command = {
  name: 'inspect',
  summary: 'shows what is in a cookie; needs no key',
  usage: '[VALUE | HEADER | -]',
  about:
    'Takes a cookie apart without a key: its format, header, times, size, and which keys it has. Give the value alone, a Cookie or a ' +
    'Set-Cookie header, or - for the standard input. Nothing is verified: anyone may have made the value.',
  options: { name: NAME_OPTION, show: SHOW_OPTION, json: JSON_OPTION },
  examples: [
    ["sessionglass inspect 'Cookie: app.session=eyJ…'", 'shows the form of each cookie'],
    ['pbpaste | sessionglass inspect --show', 'shows the values, too'],
  ],
  async run(call) {
    const input = await inputOf(call, 'value or header')
    const all = valuesIn(input, text(call.values.name)).map(inspectValue)
    // Beside a session a header has cookies of others.
    const known = all.filter(({ decoded, error }) => decoded || error)
    const shown = known.length > 0 ? known : all
    if (call.values.json) printJson(call, { verified: false, values: shown.map((one) => jsonOf(one, call)) })
    else print(shown, call)
    return shown.some(({ decoded }) => decoded) ? EXIT.ok : EXIT.refused
  },
}

function print(values: readonly Inspected[], { printer, values: { show } }: Call): void {
  const now = new Date()
  for (const { name, bytes, what, decoded, error } of values) {
    printer.heading(name ?? 'value')
    const { format, header = {}, meta = {}, data } = decoded ?? {}
    printer.table([
      ['format', format ? `${format}: ${what}` : what],
      ['size', `${bytes} bytes of ${MAX_COOKIE_BYTES} that a browser keeps`],
      ...Object.entries(header).map(([key, value]) => [`header ${printable(key)}`, printable(String(value))] as const),
      ...(meta.id !== undefined
        ? ([['id', show ? printable(meta.id) : `text, ${meta.id.length} characters`]] as const)
        : []),
      ...timeRows(meta, now),
      ...(error ? ([['problem', `${error.code}: ${problemText(error)}`]] as const) : []),
    ])
    if (data) {
      const rows = rowsOf(data, show === true)
      printer.line(rows.length === 0 ? '  no data' : '  data')
      if (rows.length > 0) printer.table(rows.map(([key, value]) => [`  ${key}`, value]))
    }
    printer.line()
  }
  printer.line(`Nothing was verified${show ? '' : '; --show shows the values'}.`)
}

function jsonOf({ name, bytes, what, decoded, error }: Inspected, { values: { show } }: Call): object {
  const { format, header, meta, data } = decoded ?? {}
  const { id, ...times } = meta ?? {}
  return {
    ...(name !== undefined && { name }),
    bytes,
    what,
    ...(format && { format }),
    ...(header && { header }),
    ...(id !== undefined && { id: show ? id : `text, ${id.length} characters` }),
    ...times,
    ...(data && { data: jsonRowsOf(data, show === true) }),
    ...(error && { error: { code: error.code, message: error.message } }),
  }
}
