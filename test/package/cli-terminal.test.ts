/** The command line on a terminal: the question for a secret, and colors. */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { pythonPath } from '../../scripts/python-env.mjs'
import { root } from '../../scripts/run.mjs'
import { cli, fileOf, folder, SECRET } from './cli.helpers.js'

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Opens a pseudo terminal, waits for each text, and answers it. Prints the exit code and all that the terminal showed. */
const DRIVER = fileOf(
  'terminal.py',
  `
import json, os, pty, select, signal, sys, time

steps, words = json.loads(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(words[0], words)
shown, looked = b'', 0
end = time.time() + 60
while time.time() < end:
    if steps and steps[0][0].encode() in shown[looked:]:
        looked = len(shown)
        # One key after the other, as a person types, or all at once, as a paste does.
        _, keys, at_once = steps.pop(0)
        for part in [keys] if at_once else keys:
            os.write(terminal, part.encode())
            if not at_once:
                time.sleep(0.01)
    if terminal in select.select([terminal], [], [], 0.1)[0]:
        try:
            read = os.read(terminal, 65536)
        except OSError:
            break
        if not read:
            break
        shown += read
if time.time() >= end:
    os.kill(pid, signal.SIGKILL)
_, status = os.waitpid(pid, 0)
print(json.dumps({'code': os.waitstatus_to_exitcode(status), 'shown': shown.decode()}))
`,
)

type Step = readonly [waitFor: string, keys: string, atOnce: boolean]

function python(): string | undefined {
  const candidates = [pythonPath(), 'python3']
  return candidates.find(
    (path) => path && spawnSync(path, ['-c', 'import pty, os; os.waitstatus_to_exitcode']).status === 0,
  )
}

const interpreter = python()
if (interpreter === undefined) console.warn('No Python 3.9 with a module pty: tests on a terminal are skipped')
const testOnTerminal = test.skipIf(interpreter === undefined)

function onTerminal(words: readonly string[], steps: readonly Step[], env = {}): { code: number; shown: string } {
  const { NO_COLOR: _, FORCE_COLOR: __, ...inherited } = process.env
  const program = [process.execPath, `${root}dist/server/cli.js`, ...words]
  const { stdout, stderr } = spawnSync(interpreter as string, [DRIVER, JSON.stringify(steps), ...program], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...inherited, TERM: 'xterm', SESSION_KEY: SECRET, ...env },
  })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

const QUESTION = 'Secret (it is not shown): '

async function token(): Promise<string> {
  const data = fileOf('data.json', '{"user":"dave"}')
  const { out } = await cli(['sign', '--codec', 'jwt', '--data', data, '--key-env', 'SESSION_KEY'])
  return out.trim()
}

testOnTerminal.each([
  ['typed', false],
  ['pasted', true],
])('a secret that is %s verifies, and is not shown', async (_, atOnce) => {
  const { code, shown } = onTerminal(['verify', await token()], [[QUESTION, `${SECRET}\r`, atOnce]])
  expect({ code, shown }).toEqual({ code: 0, shown: expect.stringContaining('verified') })
  expect(shown).toContain('the key that you entered')
  for (const part of [SECRET, SECRET.slice(0, 8), SECRET.slice(-8)]) expect(shown).not.toContain(part)
  expect(shown).not.toContain('*')
})

testOnTerminal('the backspace key takes a character back', async () => {
  const { code } = onTerminal(['verify', await token()], [[QUESTION, `${SECRET}xy\x7f\x7f\r`, false]])
  expect(code).toBe(0)
})

testOnTerminal.each([
  ['Ctrl-C', '\x03'],
  ['Ctrl-D', '\x04'],
  ['an empty line', '\r'],
])('%s ends the question with exit code 2', async (_, keys) => {
  const { code, shown } = onTerminal(['verify', await token()], [[QUESTION, keys, true]])
  expect(code).toBe(2)
  expect(shown).toContain('No key was given')
  expect(shown).not.toContain('    at ')
})

testOnTerminal('the terminal echoes again after the question', async () => {
  const line = `"${process.execPath}" "${root}dist/server/cli.js" verify a.b.c; stty -a`
  const { stdout } = spawnSync(
    interpreter as string,
    [DRIVER, JSON.stringify([[QUESTION, 'x\r', true]]), '/bin/sh', '-c', line],
    { cwd: folder, encoding: 'utf8' },
  )
  expect(JSON.parse(stdout).shown).toMatch(/[^-]echo\b/)
})

testOnTerminal('a terminal that does not know its size has 80 columns', () => {
  const { shown } = onTerminal(['nope', '--help'], [])
  expect(shown).toContain('sessionglass: There is no command "nope"\r\n')
  const longest = Math.max(
    ...onTerminal(['--help'], [], { NO_COLOR: '1' })
      .shown.split('\r\n')
      .map(({ length }) => length),
  )
  expect(longest).toBeGreaterThan(60)
  expect(longest).toBeLessThanOrEqual(80)
})

testOnTerminal('there are colors on a terminal, and none with NO_COLOR', () => {
  expect(onTerminal(['--help'], []).shown).toContain('\x1b[1mCommands\x1b[0m')
  expect(onTerminal(['--help'], [], { NO_COLOR: '1' }).shown).not.toContain('\x1b')
  expect(onTerminal(['--help'], [], { TERM: 'dumb' }).shown).not.toContain('\x1b')
})
