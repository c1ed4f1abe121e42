/**
 * `sessionglass migrate-check`: what a configuration of Beaker becomes, in words.
 */
import { defineSession } from '../../shared/define-session.js'
import { type BeakerConfigOptions, createSessions, fromBeakerConfig } from '../index.js'
import { type Call, type Command, EXIT, JSON_OPTION, printJson, text } from './command.js'
import { RefusedError, readFile, readInput, UsageError } from './terminal.js'

export const migrateCheck: Command = {
  name: 'migrate-check',
  summary: 'explains what a Beaker configuration becomes',
  usage: 'FILE.ini',
  about:
    'Reads the session options of a Python service, as fromBeakerConfig does, and says what the server here would do: the cookie, the formats ' +
    'in their order, the timeouts, and what is weak. No key is shown.',
  options: {
    'beaker-version': { type: 'string', value: '1.14', help: 'the version of Beaker there, for crypto_type = default' },
    'crypto-type': {
      type: 'string',
      value: 'NAME',
      help: 'the package that encrypts there, if the configuration leaves it open',
    },
    ignore: { type: 'string', multiple: true, value: 'OPTION', help: 'an option of the configuration to pass over' },
    json: JSON_OPTION,
  },
  examples: [['sessionglass migrate-check production.ini', 'says what becomes of its options']],
  async run(call) {
    const { words, values, terminal } = call
    const [file, ...more] = words
    if (file === undefined || more.length > 0) throw new UsageError('One file is expected: the .ini of the service')
    const ini = file === '-' ? await readInput(terminal) : readFile(file)
    const about = aboutOf(ini, values)
    if (values.json) printJson(call, about)
    else print(about, call)
    return EXIT.ok
  },
}

interface About {
  readonly cookie: Readonly<Record<string, string | number | boolean>>
  readonly idleTimeout: string
  readonly formats: readonly { readonly name: string; readonly writes: boolean }[]
  readonly scripts: string
  readonly warnings: readonly string[]
}

/** @throws {RefusedError} with the cure, for what can't be taken over */
function aboutOf(ini: string, values: Call['values']): About {
  const version = text(values['beaker-version'])
  const cryptoType = text(values['crypto-type'])
  const given: BeakerConfigOptions = {
    ...(version !== undefined && { beakerVersion: version as '1.14' }),
    ...(cryptoType !== undefined && { cryptoType: cryptoType as 'cryptography' }),
    ...(values.ignore !== undefined && { ignore: values.ignore as string[] }),
  }
  try {
    return taken(ini, given)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    try {
      const { warnings, ...about } = taken(ini, { ...given, allowWeakSecrets: true })
      return { ...about, warnings: [weaknessOf(error), ...warnings] }
    } catch {
      throw new RefusedError(error.message)
    }
  }
}

/** Where the configuration holds it, and what it is. */
function weaknessOf({ message, cause }: TypeError): string {
  return cause instanceof Error ? `${message}: ${cause.message}` : message
}

function taken(ini: string, given: BeakerConfigOptions): About {
  const options = fromBeakerConfig(ini, given)
  const { session = defineSession({}), codecs = [], expose, ...cookie } = options
  const sessions = createSessions({ ...options, expose: expose ?? false })
  return {
    cookie: { name: session.name, ...attributesOf(cookie) },
    idleTimeout:
      session.idleTimeout === undefined
        ? 'none: a session never expires on the server'
        : `${session.idleTimeout / 1000} seconds`,
    formats: codecs.map(({ name, sign }, at) => ({ name, writes: at === 0 && sign !== undefined })),
    scripts:
      expose === undefined
        ? 'decide: "expose" of createSessions says what scripts may see'
        : expose
          ? 'all of it: httponly is false there'
          : 'nothing: httponly is true there',
    warnings: sessions.warnings,
  }
}

function attributesOf(options: object): Record<string, string | number | boolean> {
  return Object.fromEntries(
    Object.entries(options).flatMap(([name, value]) =>
      ['string', 'number', 'boolean'].includes(typeof value) ? [[name, value as string]] : [],
    ),
  )
}

function print({ cookie, idleTimeout, formats, scripts, warnings }: About, { printer }: Call): void {
  printer.heading('Cookie')
  printer.table(Object.entries(cookie).map(([name, value]) => [name, String(value)]))
  printer.heading('Session')
  printer.table([
    ['idle timeout', idleTimeout],
    ['scripts see', scripts],
    ...formats.map(
      ({ name, writes }, at) => [`format ${at + 1}`, `${name}${writes ? ', which writes' : ', which reads'}`] as const,
    ),
  ])
  for (const warning of warnings) printer.warning(warning)
  printer.line()
  printer.line(
    'createSessions({ ...fromBeakerConfig(ini), expose: [/* keys that scripts may see */] }) does all of this.',
  )
}
