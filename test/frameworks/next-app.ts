/**
 * The application of examples/next, built with the package as it is in dist/ and started by `next start`. The pages and routes
 * that only tests need are put beside its own.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { npmCommand, root } from '../../scripts/run.mjs'
import type { RunningApp } from './behaviour.js'
import { filesOf, installPackage } from './example-app.js'

const example = `${root}examples/next`
const folder = `${root}.cache/next`
/** What the application signs with. */
export const SESSION_KEY = 'an-example-of-a-secret-with-64-hexadecimal-digits-of-randomness'
const environment = {
  ...process.env,
  NODE_ENV: 'production',
  NEXT_TELEMETRY_DISABLED: '1',
  SESSION_KEY,
} as const

/** From the tests' sources to their place in the application. */
const ADDED: Record<string, string> = {
  'test/frameworks/actions.ts': 'suite/actions.ts',
  'test/frameworks/app-sessions.ts': 'suite/app-sessions.ts',
  'test/frameworks/apps/fetch.ts': 'suite/fetch.ts',
  'test/frameworks/next/fetch-route.ts': 'app/suite/fetch/[action]/route.ts',
  'test/frameworks/next/change-route.ts': 'app/suite/change/[action]/route.ts',
  'test/frameworks/next/twice-route.ts': 'app/twice/route.ts',
  'test/frameworks/next/touch-route.ts': 'app/suite/touch/route.ts',
  'test/frameworks/next/wrong-page.tsx': 'app/wrong/page.tsx',
}

/** Installs and builds what has changed since the last time, and starts the application on a free port. */
export async function startNextApp(): Promise<RunningApp> {
  install()
  buildIfStale()
  const child = spawn(process.execPath, [nextProgram(), 'start', '--port', '0', '--hostname', 'localhost'], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const url = await addressOf(child)
  return {
    url,
    async close() {
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}

function install(): void {
  const lock = readFileSync(`${example}/package-lock.json`, 'utf8')
  const stamp = `${folder}/installed`
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const file of ['package.json', 'package-lock.json']) cpSync(`${example}/${file}`, `${folder}/${file}`)
  const { program, args } = npmCommand(['ci', '--no-audit', '--no-fund', '--include=dev'])
  runOrThrow(program, args)
  writeFileSync(stamp, lock)
}

function buildIfStale(): void {
  const sources = [
    ...filesOf('examples/next'),
    ...filesOf('dist'),
    ...Object.keys(ADDED),
    'test/frameworks/next-app.ts',
  ]
  const hash = createHash('sha256')
  for (const path of sources) hash.update(path).update(readFileSync(root + path))
  const stamp = `${folder}/built`
  const wanted = hash.digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  rmSync(stamp, { force: true })
  for (const part of ['app', 'lib', 'suite', '.next']) rmSync(`${folder}/${part}`, { recursive: true, force: true })
  for (const path of filesOf('examples/next')) copy(path, path.replace('examples/next/', ''))
  for (const [from, to] of Object.entries(ADDED)) copy(from, to)
  installPackage(folder)
  // Without the secret, as a build for production has it.
  runOrThrow(process.execPath, [nextProgram(), 'build'], { SESSION_KEY: undefined })
  writeFileSync(stamp, wanted)
}

/** In the application there is the package in place of the sources, and no module has `.js` in its path. */
function copy(from: string, to: string): void {
  const text = readFileSync(root + from, 'utf8')
  mkdirSync(dirname(`${folder}/${to}`), { recursive: true })
  const isAdded = from.startsWith('test/')
  const own = text
    .replace(/'(?:\.\.\/)+src\/[^']+'/g, "'sessionglass/server'")
    .replace(/'\.\.?\/([\w-]+)\.js'/g, "'./$1'")
  writeFileSync(`${folder}/${to}`, isAdded ? own : text)
}

function nextProgram(): string {
  return `${folder}/node_modules/next/dist/bin/next`
}

function runOrThrow(program: string, args: readonly string[], changes: Record<string, undefined> = {}): void {
  const env = { ...environment, ...changes }
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${args.join(' ')} failed\n${stdout}\n${stderr}`.slice(-8000))
}

/** Waits until Next says where it listens. */
async function addressOf(child: ChildProcess): Promise<string> {
  let said = ''
  return new Promise((resolve, reject) => {
    const listen = (part: Buffer): void => {
      said += part
      const [, port] = /http:\/\/localhost:(\d+)/.exec(said) ?? []
      if (port !== undefined && said.includes('Ready')) resolve(`http://localhost:${port}`)
    }
    child.stdout?.on('data', listen)
    child.stderr?.on('data', listen)
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`next start ended:\n${said}`)))
  })
}
