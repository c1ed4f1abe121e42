/** Runs the command line as a user does, in a folder with a space, and servers for it to ask. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../../scripts/run.mjs'

export const SECRET = 'a-secret-that-only-these-tests-have-and-64-bytes-for-HS512-0123456'
export const OTHER = 'another-secret-that-only-these-tests-have-and-64-bytes-for-HS512-0'
export const folder = mkdtempSync(join(tmpdir(), 'session glass '))

export interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

interface Given {
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Not synchronous, so that a server of this process can answer. */
export async function cli(words: readonly string[], { input = '', env = {} }: Given = {}): Promise<Outcome> {
  const { NO_COLOR: _, FORCE_COLOR: __, COLUMNS: ___, ...inherited } = process.env
  const program = spawn(process.execPath, [`${root}dist/server/cli.js`, ...words], {
    cwd: folder,
    env: { ...inherited, SESSION_KEY: SECRET, OTHER_KEY: OTHER, ...env },
  })
  const texts = { out: '', err: '' }
  program.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.out += text
  })
  program.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.err += text
  })
  program.stdin.end(input)
  const [code] = (await once(program, 'close')) as [number | null]
  return { code, ...texts }
}

export function fileOf(name: string, text: string | Uint8Array): string {
  writeFileSync(join(folder, name), text)
  return name
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => unknown

export async function withServer(answer: Answer, work: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((request, response) => {
    Promise.resolve(answer(request, response)).catch(() => response.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}
