/**
 * `sessionglass verify`, `sign` and `convert`: with keys, by the codecs of the library.
 */
import { randomBytes } from 'node:crypto'
import { DEFAULT_NAME, parseDuration } from '../../shared/define-session.js'
import { isSessionError } from '../../shared/errors.js'
import { isPlainObject, type SessionData } from '../../shared/types.js'
import { problemText } from '../../shared/words.js'
import { CODEC_NAMES, contextOf, type KeyedCodec, keysProblem } from '../codecs/by-key.js'
import type { SessionRecord } from '../index.js'
import { type Refused, type Verified, verifyValue, wantedCodecs } from './codecs.js'
import {
  type Call,
  type Command,
  type CommandOption,
  EXIT,
  inputOf,
  JSON_OPTION,
  NAME_OPTION,
  printJson,
  SHOW_OPTION,
  text,
  texts,
} from './command.js'
import { type FoundValue, valuesIn } from './cookies.js'
import { jsonRowsOf, rowsOf, timeRows } from './describe.js'
import { fromEnvironment, givenKeys, KEY_OPTIONS, type KeyArguments } from './keys.js'
import { printable, RefusedError, readFile, readInput, UsageError } from './terminal.js'

const CODEC_OPTION = {
  type: 'string',
  multiple: true,
  value: 'NAME',
  choices: CODEC_NAMES,
  help: `${CODEC_NAMES.join(', ')}; with options of the library as NAME:option=value,option=value`,
} as const satisfies CommandOption
const ENCRYPT_OPTION = {
  type: 'string',
  value: 'NAME',
  help: "the environment variable that has Beaker's encrypt_key",
} as const satisfies CommandOption
const TENANT_OPTION = {
  type: 'string',
  value: 'TENANT',
  help: 'whose sessions they are, if that is given to createSessions',
} as const satisfies CommandOption
const WEAK_OPTION = { type: 'boolean', help: 'takes secrets under 32 bytes' } as const satisfies CommandOption

export const verify: Command = {
  name: 'verify',
  summary: 'tells which codec and which key verify a cookie',
  usage: '[VALUE | HEADER | -]',
  about:
    'Tries the codecs, or those that you name, with each of the keys, and names the ones that fit. Without a key it asks for a secret. ' +
    'Ends with 0 if all cookies verify, with 1 if one does not.',
  options: {
    codec: CODEC_OPTION,
    ...KEY_OPTIONS,
    'encrypt-key-env': ENCRYPT_OPTION,
    name: NAME_OPTION,
    tenant: TENANT_OPTION,
    show: SHOW_OPTION,
    json: JSON_OPTION,
  },
  examples: [
    [
      "sessionglass verify --key-env SESSION_KEY 'app.session=eyJ…'",
      'tries all codecs with the secrets of that variable',
    ],
    ['sessionglass verify --codec jwt --jwks https://id.example.org/jwks.json -', 'with the keys of another server'],
    ['sessionglass verify --codec beaker:serializer=json --key-env BEAKER_KEY -', 'with an option of the codec'],
  ],
  async run(call) {
    const input = await inputOf(call, 'value or header')
    const found = valuesIn(input, text(call.values.name))
    const codecs = await codecsOf(call, call.values.codec, call.values as KeyArguments, 'verify')
    const all = await verifyAll(call, found, codecs)
    // Beside a session a header has cookies of others.
    const ours = all.filter((one) => !('error' in one && one.error.code === 'ERR_SESSION_UNSUPPORTED'))
    const shown = ours.length > 0 ? ours : all
    if (call.values.json) printJson(call, { values: shown.map((one) => jsonOf(one, call)) })
    else for (const one of shown) print(one, call)
    return shown.every((one) => 'record' in one) ? EXIT.ok : EXIT.refused
  },
}

async function codecsOf(
  call: Call,
  wanted: Call['values'][string],
  named: KeyArguments,
  purpose: 'verify' | 'sign',
): Promise<readonly KeyedCodec[]> {
  const { terminal, values } = call
  const variable = text(values['encrypt-key-env'])
  const encryptKey = variable === undefined ? undefined : fromEnvironment(terminal, variable)
  const allowWeakSecrets = values['allow-weak-secrets'] === true
  return wantedCodecs(texts(wanted), await givenKeys(terminal, named), { purpose, allowWeakSecrets, encryptKey })
}

async function verifyAll(
  { values }: Call,
  found: readonly FoundValue[],
  codecs: readonly KeyedCodec[],
): Promise<(Verified | Refused)[]> {
  const results: (Verified | Refused)[] = []
  const name = text(values.name) ?? DEFAULT_NAME
  for (const value of found) results.push(await verifyValue(value, codecs, name, text(values.tenant)))
  return results
}

function print(one: Verified | Refused, { printer, values: { show } }: Call): void {
  printer.heading(one.value.name ?? 'value')
  if ('error' in one) {
    const { error, codec } = one
    const what = error.verified ? 'a key verified it, but it is no session now' : 'not verified'
    printer.table([
      ['result', printer.color('red', what)],
      ...(codec === undefined ? [] : ([['codec', codec]] as const)),
      ['reason', `${error.code}: ${problemText(error)}`],
    ])
    return
  }
  const { codec, record, isPublic } = one
  printer.table([
    ['result', printer.color('green', isPublic ? 'verified, as a public cookie' : 'verified')],
    ['codec', codec.name],
    ['key', keyName(one)],
    ...(record.id !== undefined
      ? ([['id', show ? printable(record.id) : `text, ${record.id.length} characters`]] as const)
      : []),
    ...timeRows(record, new Date()),
  ])
  const rows = rowsOf(record.data, show === true)
  printer.line(rows.length === 0 ? '  no data' : '  data')
  if (rows.length > 0) printer.table(rows.map(([name, value]) => [`  ${name}`, value]))
  for (const warning of codec.warnings ?? []) printer.warning(warning)
}

/** Where the key is, and which of several there. */
function keyName({ key: { label }, record: { keyIndex = 0, kid } }: Verified): string {
  const place = kid === undefined ? `number ${keyIndex + 1}` : `id ${printable(kid)}`
  return `${label}, ${place}`
}

function jsonOf(one: Verified | Refused, { values: { show } }: Call): object {
  const { name } = one.value
  if ('error' in one) {
    const { code, message, verified = false } = one.error
    return {
      ...(name !== undefined && { name }),
      verified: false,
      error: { code, message, signature: verified },
      codec: one.codec,
    }
  }
  const { codec, key, record, isPublic } = one
  const { id, createdAt, accessedAt, expiresAt, keyIndex, kid } = record
  return {
    ...(name !== undefined && { name }),
    verified: true,
    codec: codec.name,
    key: key.label,
    keyIndex,
    kid,
    ...(isPublic && { public: true }),
    ...(show === true && id !== undefined && { id }),
    createdAt,
    accessedAt,
    expiresAt,
    data: jsonRowsOf(record.data, show === true),
  }
}

export const sign: Command = {
  name: 'sign',
  summary: 'makes a cookie of data',
  usage: '--codec NAME --data FILE',
  about:
    'Signs the object of a JSON file with the first key, and prints the value of the cookie. Names of options as for verify.',
  options: {
    codec: { ...CODEC_OPTION, multiple: false },
    data: { type: 'string', value: 'FILE', help: 'JSON with an object; - is the standard input' },
    ...KEY_OPTIONS,
    'encrypt-key-env': ENCRYPT_OPTION,
    name: NAME_OPTION,
    tenant: TENANT_OPTION,
    'expires-in': { type: 'string', value: 'TIME', help: 'how long it lasts: 30m, 7d' },
    'allow-weak-secrets': WEAK_OPTION,
  },
  examples: [
    [
      'sessionglass sign --codec beakerJwt --data session.json --key-env SESSION_KEY --name app.session',
      'prints the value of the cookie app.session',
    ],
    ['curl -H "Cookie: app.session=$(sessionglass sign …)" http://localhost:3000/', 'uses it'],
  ],
  async run(call) {
    const { values, words, terminal } = call
    if (words.length > 0) throw new UsageError('sign takes no words, only options: the data comes from --data FILE')
    if (values.codec === undefined) throw new UsageError(`--codec is missing: ${CODEC_NAMES.join(', ')}`)
    const file = text(values.data)
    if (file === undefined) throw new UsageError('--data is missing: a file with JSON, or - for the standard input')
    const data = dataOf(file === '-' ? await readInput(terminal) : readFile(file))
    const [first] = await codecsOf(call, values.codec, values as KeyArguments, 'sign')
    const now = new Date()
    const lasts = text(values['expires-in'])
    const record: SessionRecord = {
      data,
      id: randomBytes(16).toString('hex'),
      createdAt: now,
      accessedAt: now,
      ...(lasts !== undefined && { expiresAt: new Date(now.getTime() + durationOf(lasts)), isOwnEnd: true }),
    }
    terminal.stdout.write(`${await signedBy(first as KeyedCodec, record, call)}\n`)
    return EXIT.ok
  },
}

function durationOf(lasts: string): number {
  try {
    return parseDuration(lasts, '--expires-in')
  } catch {
    throw new UsageError('--expires-in must be a time as 30s, 15m, 12h or 7d')
  }
}

function dataOf(json: string): SessionData {
  let data: unknown
  try {
    data = JSON.parse(json)
  } catch {
    throw new UsageError('--data is not JSON')
  }
  if (!isPlainObject(data)) throw new UsageError('--data must be an object: the keys of the session')
  return data
}

/** @throws {UsageError} if the codec can't hold it */
async function signedBy({ codec, key }: KeyedCodec, record: SessionRecord, { values }: Call): Promise<string> {
  const context = contextOf(text(values.name), new Date(), text(values.tenant))
  if (!codec.sign) throw new UsageError(`${codec.name} can't sign with ${key.label}: that has no private key`)
  try {
    return await codec.sign(record, context)
  } catch (error) {
    if (isSessionError(error) && error.code === 'ERR_SESSION_KEYS')
      throw new UsageError(`${key.label}: ${keysProblem(error)}`)
    if (isSessionError(error) || error instanceof TypeError) throw new UsageError(error.message)
    throw error
  }
}

export const convert: Command = {
  name: 'convert',
  summary: 'writes a cookie of one format in another',
  usage: '--from NAME --to NAME [VALUE | HEADER | -]',
  about:
    'Verifies the cookie with the codec and key of --from, and signs the same session, with its id and its times, by the codec of --to. ' +
    'Without --to-key-env and --to-key-file it signs with the same key.',
  options: {
    from: CODEC_OPTION,
    to: { ...CODEC_OPTION, multiple: false },
    ...KEY_OPTIONS,
    'to-key-env': { type: 'string', value: 'NAME', help: 'the environment variable that has the key of --to' },
    'to-key-file': { type: 'string', value: 'FILE', help: 'the file that has the key of --to' },
    'encrypt-key-env': ENCRYPT_OPTION,
    name: NAME_OPTION,
    tenant: TENANT_OPTION,
    'allow-weak-secrets': WEAK_OPTION,
  },
  examples: [
    [
      "sessionglass convert --from beaker --to beakerJwt --key-env BEAKER_KEY --to-key-env SESSION_KEY 'app=…'",
      'what Node would write in place of a cookie of Python',
    ],
  ],
  async run(call) {
    const { values, terminal } = call
    if (values.to === undefined) throw new UsageError(`--to is missing: ${CODEC_NAMES.join(', ')}`)
    const found = valuesIn(await inputOf(call, 'value or header'), text(values.name))
    const [read] = await verifyAll(
      call,
      found.slice(0, 1),
      await codecsOf(call, values.from, values as KeyArguments, 'verify'),
    )
    if (!read || 'error' in read) {
      const { error } = read as Refused
      throw new RefusedError(`The cookie does not verify: ${error.code}: ${problemText(error)}`)
    }
    const named: KeyArguments = {
      ...(values['to-key-env'] !== undefined && { 'key-env': texts(values['to-key-env']) as string[] }),
      ...(values['to-key-file'] !== undefined && { 'key-file': texts(values['to-key-file']) as string[] }),
    }
    const isSame = Object.keys(named).length === 0
    const [target] = isSame
      ? wantedCodecs(texts(values.to), [read.key], {
          purpose: 'sign',
          allowWeakSecrets: values['allow-weak-secrets'] === true,
        })
      : await codecsOf(call, values.to, named, 'sign')
    const { keyIndex: _, kid: __, ...record } = read.record
    terminal.stdout.write(`${await signedBy(target as KeyedCodec, record, call)}\n`)
    return EXIT.ok
  },
}
