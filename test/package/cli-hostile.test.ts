/** The command line with files, servers and arguments that are not as they should be: secrets stay secret, and it ends. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, createServer as createNetServer } from 'node:net'
import { afterAll, describe, expect, test } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { certificateFor } from '../browser/certificate.js'
import { cli, fileOf, folder, SECRET, withServer } from './cli.helpers.js'

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const flat = (text: string): string => text.replace(/\s+/g, ' ')
const data = fileOf('data.json', '{"user":"dave"}')

async function token(): Promise<string> {
  const { out } = await cli(['sign', '--codec', 'jwt', '--data', data, '--key-env', 'SESSION_KEY'])
  return out.trim()
}

describe('no secret is in a message', () => {
  test.each([
    [['doctor', 'http://me:pass-word-1@localhost:9/']],
    [['doctor', '--stats-url', 'http://me:pass-word-1@localhost:9/']],
    [['verify', '--jwks', 'http://me:pass-word-1@localhost:9/', 'a.b.c']],
    [['doctor', '--cookie', 'a=pass-word-1€', 'http://localhost:9/']],
    [['doctor', '--cookie', 'a=pass-word-1\r\nX: y', 'http://localhost:9/']],
  ])('%j', async (words) => {
    const { code, out, err } = await cli(words)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).not.toContain('pass-word-1')
  })

  test('not of an address that a server redirects to, and not of a query', async () => {
    await withServer(
      ({ url, headers }, response) => {
        if (url === '/password') response.setHeader('location', `http://me:pass-word-1@${headers.host}/`).writeHead(302)
        if (url === '/') response.setHeader('location', '/in?code=pass-word-1').writeHead(302)
        response.end()
      },
      async (url) => {
        const refused = await cli(['doctor', `${url}password`])
        expect(refused.code).toBe(3)
        expect(flat(refused.err)).toContain('an address with a password')
        expect(refused.err).not.toContain('pass-word-1')
        for (const words of [
          ['doctor', url],
          ['doctor', '--json', url],
          ['doctor', '--stats-url', `${url}in?pass-word-1`],
        ]) {
          const { out, err } = await cli(words)
          expect(out + err).not.toContain('pass-word-1')
        }
      },
    )
  })
})

describe('doctor sends cookies', () => {
  test('from the standard input, as a header or its value', async () => {
    const asked: (string | undefined)[] = []
    await withServer(
      ({ headers }, response) => {
        asked.push(headers.cookie)
        response.end()
      },
      async (url) => {
        await cli(['doctor', '--cookie', '-', url], { input: 'Cookie: a=1; b=2\n' })
        await cli(['doctor', '--cookie', 'a=1', url])
      },
    )
    expect(asked).toEqual(['a=1; b=2', 'a=1'])
  })

  test('only to the host that was named, and only those that it did not take away', async () => {
    const asked: string[] = []
    await withServer(
      ({ headers }, response) => {
        asked.push(`other: ${headers.cookie}`)
        response.writeHead(302, { location: `${String(back)}last`, 'set-cookie': 'foreign=1; Path=/' }).end()
      },
      async (other) => {
        await withServer(
          ({ url, headers }, response) => {
            asked.push(`${url}: ${headers.cookie}`)
            if (url === '/last') return response.end()
            const cookies = [
              'kept=1',
              'gone=1',
              'gone=; Max-Age=0',
              'past=1',
              'past=; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
            ]
            return response.writeHead(302, { location: other, 'set-cookie': cookies }).end()
          },
          async (url) => {
            back = url
            await cli(['doctor', '--cookie', 'mine=1', url])
          },
        )
      },
    )
    expect(asked).toEqual(['/: mine=1', 'other: undefined', '/last: mine=1; kept=1'])
  })
  let back: string | undefined

  test('never from https to http', async () => {
    const { key, cert } = certificateFor(['localhost'])
    const asked: string[] = []
    const plain = createServer(({ headers }, response) => {
      asked.push(`http: ${headers.cookie}`)
      response.end()
    })
    const secure = createSecureServer({ key, cert }, ({ headers }, response) => {
      asked.push(`https: ${headers.cookie}`)
      response.writeHead(302, { location: `http://${headers.host}/`, 'set-cookie': 'set=1; Path=/' }).end()
    })
    // One port for both, so that the host is the same. A TLS connection begins with the byte 22.
    const both = createNetServer((socket) => {
      socket.once('data', (first) => {
        socket.pause()
        socket.unshift(first)
        const server = first[0] === 22 ? secure : plain
        server.emit('connection', socket)
        process.nextTick(() => socket.resume())
      })
    })
    await once(both.listen(0, '127.0.0.1'), 'listening')
    const url = `https://127.0.0.1:${(both.address() as AddressInfo).port}/`
    const { code } = await cli(['doctor', '--cookie', 'mine=1', url], { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } })
    both.close()
    expect(code).toBe(1)
    expect(asked).toEqual(['https: mine=1', 'http: undefined'])
  })

  test('one address is asked, that of the page or of the statistics', async () => {
    expect((await cli(['doctor', 'http://localhost:9/', '--stats-url', 'http://localhost:9/'])).code).toBe(2)
  })

  test('says of a cookie that it is taken away, and of a Path that a browser takes none', async () => {
    const cookies = ['a=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax', 'b=1; Path=app; HttpOnly; SameSite=Lax']
    await withServer(
      (_, response) => response.setHeader('set-cookie', cookies).end(),
      async (url) => {
        const { code, out } = await cli(['doctor', url])
        expect(code).toBe(0)
        expect(flat(out)).toContain('removal the answer takes this cookie away')
        expect(flat(out)).toContain('no-path hint: without Path it counts for /, the folder of this page')
        const deeper = await cli(['doctor', `${url}app/in`])
        expect(deeper.code).toBe(1)
        expect(flat(deeper.out)).toContain('no-path fault: without Path it counts for /app,')
      },
    )
  })
})

describe('files', () => {
  test.skipIf(!existsSync('/dev/zero'))('a device that never ends is too large', async () => {
    const { code, err } = await cli(['verify', '--key-file', '/dev/zero', 'a.b.c'])
    expect(code).toBe(3)
    expect(flat(err)).toContain('is larger than 67108864 bytes')
  })

  test('of Windows: with a byte order mark, or UTF-16', async () => {
    const value = await token()
    for (const [name, bytes] of [
      ['mark.key', Buffer.from(`\ufeff${SECRET}\r\n`)],
      ['wide.key', Buffer.from(`\ufeff${SECRET}\r\n`, 'utf16le')],
    ] as const) {
      expect({ name, code: (await cli(['verify', '--key-file', fileOf(name, bytes), value])).code }).toEqual({
        name,
        code: 0,
      })
    }
    const json = fileOf('mark.json', `\ufeff{"user":"dave"}`)
    expect((await cli(['sign', '--codec', 'jwt', '--data', json, '--key-env', 'SESSION_KEY'])).code).toBe(0)
  })

  test('a settings file gives the variables that are not set', async () => {
    const value = await token()
    const { out: pair } = await cli(['keygen', '--alg', 'ES256', '--format', 'env', '--env', 'PAIR'])
    const file = fileOf('.env', `# ours\nFROM_FILE="${SECRET}"\nOTHER_KEY=${SECRET}\n${pair}`)
    const words = ['verify', '--env-file', file, '--json', '--key-env']
    const read = await cli([...words, 'FROM_FILE', value])
    expect(JSON.parse(read.out)).toMatchObject({ values: [{ verified: true, key: 'FROM_FILE' }] })
    expect((await cli([...words, 'OTHER_KEY', value])).code).toBe(1)
    expect((await cli([...words, 'NOT_THERE', value])).err).toContain('--env-file')
    const signed = await cli(['sign', '--codec', 'jwt', '--data', data, '--env-file', file, '--key-env', 'PAIR'])
    expect({ code: signed.code, err: signed.err }).toEqual({ code: 0, err: '' })
  })
})

test.each([
  ['[', ']'],
  ['{"a":', '}'],
])('data that is nested 5000 deep, of %s, is no crash', async (open, close) => {
  const json = `{"a":${open.repeat(5000)}1${close.repeat(5000)}}`
  const value = ['{"alg":"HS256"}', json].map((part) => Buffer.from(part).toString('base64url')).join('.')
  for (const more of [[], ['--show'], ['--show', '--json']]) {
    const { code, err } = await cli(['inspect', ...more, '-'], { input: `${value}.${'x'.repeat(43)}` })
    expect({ more, known: code === 0 || code === 1, err }).toEqual({ more, known: true, err: '' })
  }
})

test('a value that is damaged is told in words, and each code once', async () => {
  for (const words of [
    ['verify', '--key-env', 'SESSION_KEY'],
    ['convert', '--to', 'jwt', '--key-env', 'SESSION_KEY'],
    ['inspect'],
  ]) {
    const { code, out, err } = await cli([...words, 'eyJhbGciOiJIUzI1NiJ9.e30=.xxx'])
    expect(code).toBe(1)
    expect(out + err).not.toMatch(/(ERR_\w+): \1/)
  }
})

test('a short secret is refused with the option of the command line', async () => {
  const { err } = await cli(['sign', '--codec', 'jwt', '--data', data, '--key-env', 'SHORT'], {
    env: { SHORT: 'short' },
  })
  expect(err).toContain('--allow-weak-secrets')
  expect(err).not.toContain('allowWeakSecrets')
})

test('a reader of the messages that has gone is no error either', async () => {
  const line = `"${process.execPath}" "${root}dist/server/cli.js" nope 2>&1 >/dev/null | exit 0; exit "\${PIPESTATUS[0]}"`
  const program = spawn('bash', ['-c', line], { cwd: folder })
  const [code] = await once(program, 'close')
  expect(code).toBe(2)
})
