/** Runs a module with a `fetch` handler on Bun, Deno or workerd, bundled from the sources. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { type BuildOptions, build } from 'esbuild'
import { root } from '../../scripts/run.mjs'
import { bin } from '../../scripts/runtimes.mjs'
import type { RunningApp } from './behaviour.js'

export type RuntimeName = 'Bun' | 'Deno' | 'workerd'

const folder = `${root}.cache/frameworks`

/** What each is called with, and what it says when it listens. */
const RUNTIMES: Record<RuntimeName, { command(file: string): string[]; port: RegExp }> = {
  Bun: { command: (file) => ['bun', 'run', `${file}.mjs`], port: /https?:\/\/[^\s:]+:(\d+)/ },
  Deno: {
    command: (file) => ['deno', 'serve', '--allow-all', '--host', '127.0.0.1', '--port', '0', `${file}.mjs`],
    port: /:(\d+)\/?\s/,
  },
  // Says its port on a descriptor of its own, and only there.
  workerd: {
    command: (file) => ['workerd', 'serve', '--socket-addr', 'http=127.0.0.1:0', '--control-fd=3', `${file}.capnp`],
    port: /"port":\s*(\d+)/,
  },
}

/**
 * @param entry - the code of the module, or the path of its file
 * @param env - the environment; on workerd the bindings, which are text
 */
export async function startOnRuntime(
  runtime: RuntimeName,
  name: string,
  entry: Pick<BuildOptions, 'entryPoints' | 'stdin'>,
  env: Record<string, string> = {},
): Promise<RunningApp> {
  mkdirSync(folder, { recursive: true })
  const file = `${folder}/${name}-${runtime.toLowerCase()}`
  await bundle(runtime, `${file}.mjs`, entry)
  if (runtime === 'workerd') writeFileSync(`${file}.capnp`, workerdConfig(`${file}.mjs`, env))
  const { command, port } = RUNTIMES[runtime]
  const [program = '', ...args] = command(file)
  const child = spawn(`${bin}/${program}`, args, {
    env: { PATH: process.env.PATH ?? '', HOME: folder, NO_COLOR: '1', BUN_PORT: '0', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const url = `http://127.0.0.1:${await portOf(child, port)}`
  return {
    url,
    async close() {
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}

async function bundle(runtime: RuntimeName, outfile: string, entry: BuildOptions): Promise<void> {
  const isWeb = runtime === 'workerd'
  await build({
    ...entry,
    outfile,
    bundle: true,
    format: 'esm',
    platform: isWeb ? 'neutral' : 'node',
    mainFields: ['module', 'main'],
    conditions: isWeb ? ['worker', 'browser'] : ['node'],
    external: ['node:*'],
    alias: {
      '#platform': `${root}src/server/platform/${isWeb ? 'web' : 'node'}.ts`,
      'sessionglass/server': `${root}src/server/index.ts`,
      sessionglass: `${root}src/shared/index.ts`,
    },
    logLevel: 'error',
  })
}

function workerdConfig(file: string, bindings: Record<string, string>): string {
  const listed = Object.entries(bindings).map(
    ([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`,
  )
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "app", worker = .app),
    # Other servers of a test are on this machine.
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "app")],
);
const app :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "${file.split('/').at(-1)}")],
  bindings = [${listed.join(', ')}],
  compatibilityDate = "2026-10-01",
);
`
}

/** Waits until the runtime says where it listens. */
async function portOf(child: ChildProcess, pattern: RegExp): Promise<string> {
  let said = ''
  return new Promise((resolve, reject) => {
    for (const stream of child.stdio.slice(1) as Readable[]) {
      stream.on('data', (part: Buffer) => {
        said += part
        const [, port] = pattern.exec(said) ?? []
        if (port !== undefined) resolve(port)
      })
    }
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`ended before it listened:\n${said}`)))
  })
}
