/**
 * Finds the command, parses its options, and turns what it throws into one line and an exit code.
 */
import { parseArgs, parseEnv } from 'node:util'
import { nearestName } from '../../shared/option-names.js'
import { type Call, type Command, callOf, EXIT } from './command.js'
import { completionOf } from './completion.js'
import { doctor } from './doctor.js'
import { inspect } from './inspect.js'
import { keygen } from './keygen.js'
import { migrateCheck } from './migrate-check.js'
import { serve } from './serve.js'
import {
  columnsOf,
  createPrinter,
  OutsideError,
  RefusedError,
  readFile,
  type Terminal,
  UsageError,
  wrap,
} from './terminal.js'
import { convert, sign, verify } from './verify.js'

const COMMANDS: readonly Command[] = [
  keygen,
  inspect,
  verify,
  sign,
  convert,
  doctor,
  migrateCheck,
  serve,
  completionOf(() => COMMANDS),
]

/**
 * Runs the command line.
 *
 * @param words - the arguments after the program's name
 * @returns the exit code: 0, 1 if what was looked at is refused, 2 for a wrong call, 3 if something outside failed
 */
export async function run(words: readonly string[], terminal: Terminal, version: string): Promise<number> {
  const [name, ...rest] = words
  try {
    if (name === '--version' || name === '-v') return print(terminal, version)
    if (name === undefined || name === '--help' || name === '-h') return help(terminal)
    if (name === 'help') return help(terminal, rest[0])
    return await runCommand(commandOf(name), rest, terminal)
  } catch (error) {
    return failed(error, terminal, COMMANDS.find((command) => command.name === name)?.name)
  }
}

async function runCommand(command: Command, words: readonly string[], terminal: Terminal): Promise<number> {
  const options = { ...command.options, help: { type: 'boolean', short: 'h' } } as const
  let parsed: ReturnType<typeof parseArgs>
  try {
    parsed = parseArgs({ args: [...words], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError(messageOf(error as Error, Object.keys(options)))
  }
  const { values, positionals } = parsed
  if (values.help) return help(terminal, command.name)
  const file = values['env-file']
  const full = typeof file === 'string' ? withSettings(terminal, file) : terminal
  return await command.run(callOf(full, positionals, values as Call['values']))
}

/** The variables of a file beside those that are set. @throws {OutsideError} */
function withSettings(terminal: Terminal, file: string): Terminal {
  const { stdin, stdout, stderr } = terminal
  return { env: { ...parseEnv(readFile(file)), ...terminal.env }, stdin, stdout, stderr }
}

/** Node's own message ends with a hint for programmers. */
function messageOf({ message }: Error, known: readonly string[]): string {
  const [, unknown] = /^Unknown option '--?([^']*)'/.exec(message) ?? []
  if (unknown === undefined) return message.split('. ', 1)[0] ?? message
  const near = nearestName(unknown, known)
  return `There is no option --${unknown}${near === undefined ? '' : `. Did you mean --${near}?`}`
}

function commandOf(name: string): Command {
  const command = COMMANDS.find((command) => command.name === name)
  if (command) return command
  const near = nearestName(
    name,
    COMMANDS.map((command) => command.name),
  )
  throw new UsageError(
    `There is no command ${JSON.stringify(name)}${near === undefined ? '' : `. Did you mean ${near}?`}`,
  )
}

function failed(error: unknown, terminal: Terminal, name: string | undefined): number {
  const { stderr } = terminal
  const isOwn = error instanceof UsageError || error instanceof RefusedError || error instanceof OutsideError
  if (!isOwn && !(error instanceof TypeError)) throw error
  const columns = columnsOf(stderr, terminal)
  for (const line of wrap(`sessionglass${name ? ` ${name}` : ''}: ${error.message}`, columns)) stderr.write(`${line}\n`)
  if (error instanceof RefusedError) return EXIT.refused
  if (error instanceof OutsideError) return EXIT.outside
  stderr.write(`See sessionglass ${name ? `${name} ` : ''}--help\n`)
  return EXIT.usage
}

function print({ stdout }: Terminal, text: string): number {
  stdout.write(`${text}\n`)
  return EXIT.ok
}

const EXIT_CODES: readonly (readonly [name: string, value: string])[] = [
  ['0', 'done'],
  ['1', 'the cookie does not verify, the server has faults, the configuration is refused'],
  ['2', 'a wrong call'],
  ['3', 'a file, a server or the keys of another server could not be read'],
]

function help(terminal: Terminal, name?: string): number {
  const printer = createPrinter(terminal)
  if (name === undefined) {
    printer.line('sessionglass: what is in a session cookie, who signed it, and what is wrong with it')
    printer.line()
    printer.heading('Commands')
    printer.table(COMMANDS.map(({ name, summary }) => [name, summary]))
    printer.line()
    printer.line(
      'sessionglass COMMAND --help is the manual of one. Keys come from the environment, a file or a question, never from an argument.',
    )
    printer.line()
    printer.heading('Exit codes')
    printer.table(EXIT_CODES)
    return EXIT.ok
  }
  const { usage, about, options, examples } = commandOf(name)
  printer.line(`sessionglass ${name} ${usage}`)
  printer.line()
  printer.line(about)
  printer.line()
  printer.heading('Options')
  printer.table([
    ...Object.entries(options).map(([option, { value, help, multiple }]) => {
      const again = multiple ? '; may be given again' : ''
      return [`--${option}${value === undefined ? '' : ` ${value}`}`, `${help}${again}`] as const
    }),
    ['--help', 'this manual'],
  ])
  printer.line()
  printer.heading('Examples')
  for (const [command, does] of examples) {
    printer.line(`  ${command}`)
    printer.line(`    ${does}`)
  }
  printer.line()
  printer.heading('Exit codes')
  printer.table(EXIT_CODES)
  return EXIT.ok
}
