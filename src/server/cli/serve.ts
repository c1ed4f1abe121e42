/**
 * `sessionglass serve`: the inspector page, on this machine alone.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isLoopback } from '../keys/remote-jwks.js'
import { type Command, EXIT, text } from './command.js'
import { OutsideError, UsageError } from './terminal.js'

const HOST = '127.0.0.1'
const DEFAULT_PORT = 4096

export const serve: Command = {
  name: 'serve',
  summary: 'opens the inspector page, on this machine',
  usage: '[--port NUMBER]',
  about:
    'Serves the inspector: a page that takes cookies apart, verifies and signs them. Nothing that you paste leaves the page. It listens on ' +
    `${HOST} only, until you stop it with Ctrl-C. The page is one file, so you can also open it without this command.`,
  options: {
    port: { type: 'string', value: 'NUMBER', help: `default ${DEFAULT_PORT}; 0: any that is free` },
  },
  examples: [['sessionglass serve', 'prints the address to open']],
  async run({ values, words, printer, terminal: { stdout } }) {
    if (words.length > 0) throw new UsageError('serve takes no words, only options')
    const server = createServer(answerWith(page()))
    const address = await listening(server, portOf(text(values.port)))
    printer.line(`http://localhost:${address.port}/`)
    // Who reads no further has closed the window.
    stdout.on('close', () => server.close())
    await once(server, 'close')
    return EXIT.ok
  },
}

function portOf(value: string | undefined): number {
  const port = Number(value ?? DEFAULT_PORT)
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port
  throw new UsageError('--port must be a number from 0 to 65535')
}

async function listening(server: Server, port: number): Promise<AddressInfo> {
  try {
    await once(server.listen(port, HOST), 'listening')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'EADDRINUSE' ? 'it is in use: name another one with --port' : String(code)
    throw new OutsideError(`Port ${port} can't be listened on: ${why}`)
  }
  return server.address() as AddressInfo
}

/** @throws {OutsideError} if it was not built */
function page(): Buffer {
  try {
    return readFileSync(new URL('../inspector.html', import.meta.url))
  } catch {
    throw new OutsideError('The page is missing: it is dist/inspector.html of this package')
  }
}

/** Other names for this machine may be those of a site whose scripts would read the page (DNS rebinding). */
function answerWith(html: Buffer): (request: IncomingMessage, response: ServerResponse) => void {
  return ({ method, url, headers }, response) => {
    const isOurs = headers.host !== undefined && isLoopback(headers.host)
    const status = !isOurs
      ? 421
      : method !== 'GET' && method !== 'HEAD'
        ? 405
        : url?.split('?', 1)[0] === '/'
          ? 200
          : 404
    response.writeHead(status, {
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      ...(status === 200 && { 'content-type': 'text/html; charset=utf-8' }),
    })
    response.end(status === 200 && method === 'GET' ? html : undefined)
  }
}
