/**
 * What a command is: its manual and its code. The manual of all, the completions of shells and the parsing come from this.
 */
import { createPrinter, type Printer, readInput, type Terminal, UsageError } from './terminal.js'

/** An option, as `parseArgs` of Node takes it, with its text for the manual. */
export interface CommandOption {
  readonly type: 'string' | 'boolean'
  /** It may be given again. */
  readonly multiple?: boolean
  /** What its value is, in capitals; absent for a switch. */
  readonly value?: string
  readonly help: string
  /** What its value may be, for completions. */
  readonly choices?: readonly string[]
}

export interface Command {
  readonly name: string
  /** One line. */
  readonly summary: string
  /** What follows the name. */
  readonly usage: string
  /** More paragraphs for the manual. */
  readonly about: string
  readonly options: Readonly<Record<string, CommandOption>>
  /** Each with what it does. */
  readonly examples: readonly (readonly [command: string, does: string])[]
  /** @returns the exit code */
  run(call: Call): Promise<number>
}

/** One call of a command. */
export interface Call {
  readonly terminal: Terminal
  readonly printer: Printer
  readonly words: readonly string[]
  readonly values: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>
}

/** What a script may count on. */
export const EXIT = { ok: 0, refused: 1, usage: 2, outside: 3 } as const

export const JSON_OPTION: CommandOption = { type: 'boolean', help: 'prints JSON, for programs' }
export const SHOW_OPTION: CommandOption = {
  type: 'boolean',
  help: 'shows the values, too; without it only what kind they are',
}
export const NAME_OPTION: CommandOption = {
  type: 'string',
  value: 'NAME',
  help: 'the name of the cookie: which one counts in a header, and what a compact value is bound to',
}

export function callOf(terminal: Terminal, words: readonly string[], values: Call['values']): Call {
  return { terminal, printer: createPrinter(terminal), words, values }
}

/** The only argument, or the standard input for `-` and for none if something is there. @throws {UsageError} */
export async function inputOf({ terminal, words }: Call, what: string): Promise<string> {
  if (words.length > 1) throw new UsageError(`One ${what} is expected, in quotes if it has blanks`)
  const [word] = words
  if (word !== undefined && word !== '-') return word
  if (word === undefined && terminal.stdin.isTTY) throw new UsageError(`A ${what} is missing`)
  return await readInput(terminal)
}

export function texts(value: Call['values'][string]): readonly string[] | undefined {
  return value === undefined ? undefined : ([value].flat() as string[])
}

export function text(value: Call['values'][string]): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** JSON in a form that a person reads, too. */
export function printJson({ terminal }: Call, value: unknown): void {
  terminal.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)
}
