// @ts-check
/** Runs one program of the tool chain: the shell of every other script. Uses only what Node ships. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The project's folder, with a trailing separator. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Runs a program with the terminal of its parent.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {{ env?: Record<string, string> }} [options] - `env` is added to the environment
 * @returns {boolean} whether it ended with exit code 0
 */
export function run(program, args, { env = {} } = {}) {
  const result = spawnSync(program, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
  if (result.error) console.error(`${program}: ${result.error.message}`)
  return result.status === 0
}

/**
 * Runs a JavaScript program of node_modules by its file, so that no shell and no `.cmd` shim is needed.
 *
 * @param {string} file - below node_modules
 * @param {string[]} args
 * @param {{ env?: Record<string, string> }} [options]
 */
export function runModule(file, args, options) {
  return run(process.execPath, [`${root}node_modules/${file}`, ...args], options)
}

/**
 * Runs npm in the project's folder.
 *
 * @param {string[]} args
 */
export function npm(args) {
  const command = npmCommand(args)
  return run(command.program, command.args)
}

/**
 * How to start npm: the copy that started this script, else the one on the path.
 *
 * @param {string[]} args
 * @returns {{ program: string, args: string[] }}
 */
export function npmCommand(args) {
  const cli = process.env.npm_execpath
  if (cli && /npm-cli\.c?js$/.test(cli)) return { program: process.execPath, args: [cli, ...args] }
  // On Windows npm is a shell script, which spawn does not find without a shell.
  if (process.platform === 'win32') return { program: 'cmd.exe', args: ['/d', '/s', '/c', 'npm', ...args] }
  return { program: 'npm', args }
}
