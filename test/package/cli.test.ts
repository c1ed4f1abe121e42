/** The command `sessionglass`, run as a user does: arguments, environment, standard input, exit codes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, type RequestOptions, request } from 'node:http'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { beakerJwt, createReadStats, createSessions, defineSession } from '../../src/server/index.js'
import { writeBson } from '../../src/shared/bson/writer.js'
import { encodeBase85 } from '../../src/shared/encode-base85.js'
import { type Answer, cli, fileOf, folder, OTHER, SECRET, withServer } from './cli.helpers.js'

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const DATA = { user: 'dave', roles: ['admin', 'editor'], visits: 3 }
const data = fileOf('data of a session.json', JSON.stringify(DATA))

async function signed(codec: string, more: readonly string[] = []): Promise<string> {
  const { code, out, err } = await cli(['sign', '--codec', codec, '--data', data, '--key-env', 'SESSION_KEY', ...more])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out.trim()
}

describe('the manual', () => {
  const names = ['keygen', 'inspect', 'verify', 'sign', 'convert', 'doctor', 'migrate-check', 'serve', 'completion']

  test('names every command, and each has a page with an example and the exit codes', async () => {
    const { code, out } = await cli(['--help'])
    expect(code).toBe(0)
    for (const name of names) {
      expect(out).toMatch(new RegExp(`^ {2}${name} `, 'm'))
      const page = await cli([name, '--help'])
      expect({ name, code: page.code, err: page.err }).toEqual({ name, code: 0, err: '' })
      expect(page.out).toContain('Examples')
      expect(page.out).toContain(`sessionglass ${name}`)
      expect(page.out).toContain('Exit codes')
    }
  })

  test('on a narrow terminal no line is longer than that, but for words that somebody may copy', async () => {
    const { out } = await cli(['verify', '--help'], { env: { COLUMNS: '40' } })
    const long = out.split('\n').filter((line) => line.length > 40)
    expect(long.filter((line) => line.trim().includes(' '))).toEqual([])
  })

  test('says its version', async () => {
    const { version } = (await import('../../package.json', { with: { type: 'json' } })).default
    expect((await cli(['--version'])).out).toBe(`${version}\n`)
  })

  test.each([
    [['inspct'], 'Did you mean inspect?'],
    [['verify', '--kee-env', 'X'], 'Did you mean --key-env?'],
    [['verify', '--key-env'], 'argument missing'],
    [['verify', '--key-env', 'NOT_SET', 'a.b.c'], 'NOT_SET is not set'],
    [['verify', '--key-file', 'none.pem', 'a.b.c'], 'there is no such file'],
    [['verify', 'a.b.c'], '--key-env NAME'],
    [['verify', '--codec', 'beakrJwt', '--key-env', 'SESSION_KEY', 'a.b.c'], 'there are beakerJwt, djangoJwt, jwt'],
    [['verify', '--codec', 'jwt:secrets=abc', '--key-env', 'SESSION_KEY', 'a.b.c'], 'use --key-env'],
    [['verify', '--codec', 'jwt:expire=1', '--key-env', 'SESSION_KEY', 'a.b.c'], 'Did you mean "expires"?'],
    [['sign', '--codec', 'jwt', '--data', 'none.json', '--key-env', 'SESSION_KEY'], 'there is no such file'],
    [['keygen', '--alg', 'HS1'], '--alg must be one of'],
    [['keygen', '--format', 'pem'], 'has no PEM'],
    [['doctor', 'shop.example.org'], 'must begin with https://'],
    [['completion', 'ksh'], 'bash, zsh, fish'],
  ])('%j says what to do', async (words, hint) => {
    const { code, out, err } = await cli(words)
    expect([2, 3]).toContain(code)
    expect(out).toBe('')
    expect(err.replace(/\s+/g, ' ')).toContain(hint)
    expect(err).not.toContain(SECRET)
    expect(err).not.toContain('    at ')
  })

  test.each(['bash', 'zsh', 'fish'])('completions for %s name all commands and options', async (shell) => {
    const { code, out } = await cli(['completion', shell])
    expect(code).toBe(0)
    for (const name of names) expect(out).toContain(name)
    expect(out).toContain('key-env')
    expect(out).toContain('beakerJwt')
  })

  test('a reader that closes the pipe is no error', async () => {
    const line = `"${process.execPath}" "${root}dist/server/cli.js" verify --help | head -n 1; exit "\${PIPESTATUS[0]}"`
    const program = spawn('bash', ['-c', line], { cwd: folder })
    let err = ''
    program.stderr.on('data', (text) => {
      err += text
    })
    const [code] = await once(program, 'close')
    expect({ code, err }).toEqual({ code: 0, err: '' })
  })

  test('colors are for a terminal alone', async () => {
    expect((await cli(['--help'])).out).not.toContain('\x1b')
  })
})

describe('keygen', () => {
  test.each([
    ['HS256', 64],
    ['HS384', 96],
    ['HS512', 128],
  ])('%s: a secret of %d digits, each time another', async (alg, length) => {
    const [one, other] = [await cli(['keygen', '--alg', alg]), await cli(['keygen', '--alg', alg])]
    expect(one.out).toMatch(new RegExp(`^[0-9a-f]{${length}}\n$`))
    expect(one.out).not.toBe(other.out)
  })

  test('a line for a settings file', async () => {
    expect((await cli(['keygen', '--format', 'env', '--env', 'KEY_2'])).out).toMatch(/^KEY_2=[0-9a-f]{64}\n$/)
  })

  test.each(['RS256', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'])(
    '%s: what it makes signs, and its public key verifies',
    async (alg) => {
      for (const format of ['pem', 'jwk', 'env']) {
        const { code, out } = await cli(['keygen', '--alg', alg, '--format', format])
        expect(code).toBe(0)
        const isLine = format === 'env'
        const [, text = ''] = isLine ? (/^SESSION_KEY="(.*)"\n$/.exec(out) ?? []) : [undefined, out]
        const file = fileOf(`private.${format}`, text)
        const key = isLine ? ['--key-env', 'PAIR'] : ['--key-file', file]
        const env = isLine ? { PAIR: text } : {}
        const codec = alg.startsWith('PS') ? `jwt:algorithms=["${alg}"]` : 'jwt'
        const token = await cli(['sign', '--codec', codec, '--data', data, ...key], { env })
        expect({ format, err: token.err, code: token.code }).toEqual({ format, err: '', code: 0 })
        if (isLine) continue
        const { out: publicKey } = await cli(['keygen', '--public-of', file])
        expect(publicKey).not.toMatch(/PRIVATE|"d"/)
        const publicFile = fileOf(`public.${format}`, publicKey)
        const verified = await cli(['verify', '--codec', codec, '--key-file', publicFile, '--json', '-'], {
          input: token.out,
        })
        expect(verified.code).toBe(0)
        expect(JSON.parse(verified.out)).toMatchObject({ values: [{ verified: true, codec: 'jwt', key: publicFile }] })
      }
    },
  )
})

const CODECS = ['beakerJwt', 'jwt', 'jwe', 'compact', 'beaker', 'beaker:serializer=json', 'djangoSigned', 'djangoJwt']

describe('sign, verify, inspect', () => {
  test.each(CODECS)('%s: verify names the codec and the key, and shows values only where asked', async (codec) => {
    const value = await signed(codec, ['--name', 'app.session'])
    const [name] = codec.split(':')
    const words = [
      'verify',
      '--key-env',
      'OTHER_KEY',
      '--key-env',
      'SESSION_KEY',
      `Cookie: app.session=${value}; theme=dark`,
    ]
    const { code, out } = await cli(words)
    expect(code).toBe(0)
    expect(out).toMatch(/result +verified/)
    expect(out).toMatch(new RegExp(`codec +${name}\n`))
    expect(out).toContain('SESSION_KEY')
    expect(out).toMatch(/user +text, 4 characters/)
    expect(out).not.toContain('dave')
    expect((await cli([...words, '--show'])).out).toContain('"dave"')
    expect(JSON.parse((await cli([...words, '--show', '--json'])).out)).toMatchObject({
      values: [{ name: 'app.session', verified: true, codec: name, key: 'SESSION_KEY', data: DATA }],
    })
  })

  test.each(CODECS)('%s: another key does not verify it', async (codec) => {
    const value = await signed(codec, ['--name', 'app.session'])
    const { code, out } = await cli(['verify', '--key-env', 'OTHER_KEY', '--name', 'app.session', value])
    expect(code).toBe(1)
    expect(out).toMatch(/result +not verified/)
    expect(out).toMatch(/ERR_SESSION_(SIGNATURE|KEY)/)
    expect(out).not.toContain(OTHER)
  })

  test.each(CODECS.filter((codec) => codec !== 'jwe'))('%s: inspect needs no key', async (codec) => {
    const value = await signed(codec, ['--name', 'app.session'])
    const { code, out } = await cli(['inspect', '-'], { input: `Set-Cookie: app.session=${value}; Path=/; HttpOnly\n` })
    expect(code).toBe(0)
    expect(out).toContain('app.session')
    expect(out.replace(/\s+/g, ' ')).toContain('user text, 4 characters')
    expect(out).toContain('Nothing was verified')
    expect(out).not.toContain('dave')
    const shown = await cli(['inspect', '--show', '--json', value])
    expect(JSON.parse(shown.out)).toMatchObject({ verified: false, values: [{ data: DATA }] })
  })

  test('what only a key can open is named', async () => {
    const value = await signed('jwe')
    const { code, out } = await cli(['inspect', value])
    expect(code).toBe(1)
    expect(out).toContain('an encrypted token (JWE)')
  })

  test.each([
    ['s%3AqGVB0Oq0cYEVGe9gU9Zc.QOSv7cFqEvJv0m2bqQp9eWzv2uQ', 'express-session'],
    ['Fe26.2**0cb1ed**abc*def', 'iron-session'],
    ['0123456789abcdefghijklmnopqrstuv', 'the key of a session on the server'],
    ['what is this', 'nothing that is known here'],
  ])('inspect %j names the form', async (value, what) => {
    const { code, out } = await cli(['inspect', value])
    expect(code).toBe(1)
    expect(out.replace(/\s+/g, ' ')).toContain(what)
  })

  test('a cookie of Flask is read, too', async () => {
    const { code, out } = await cli(['inspect', 'eyJ1c2VyIjoiZGF2ZSJ9.aSbCdw.3m4Oqz5Xw9vE2bqQp9eWzv2uQaaa'])
    expect(code).toBe(0)
    expect(out).toContain('Flask')
    expect(out.replace(/\s+/g, ' ')).toContain('user text, 4 characters')
  })

  test('a value that rings a bell or moves the cursor is shown as text', async () => {
    const file = fileOf('bell.json', JSON.stringify({ 'k\u001b[2J': 'v\u001b]0;title\u0007' }))
    const { out: value } = await cli(['sign', '--codec', 'jwt', '--data', file, '--key-env', 'SESSION_KEY'])
    const { out } = await cli(['inspect', '--show', value.trim()])
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it is about
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
    expect(out).toContain('\\u001b')
  })

  test('an expired token says that a key verified it', async () => {
    const value = await signed('jwt:expires=1', ['--expires-in', '1s'])
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const { code, out } = await cli(['verify', '--codec', 'jwt:clockTolerance=0', '--key-env', 'SESSION_KEY', value])
    expect(code).toBe(1)
    expect(out).toContain('a key verified it')
    expect(out).toContain('ERR_SESSION_EXPIRED')
  })

  test('a short secret verifies, and signs only if that is asked for', async () => {
    const words = ['sign', '--codec', 'beakerJwt', '--data', data, '--key-env', 'SHORT']
    const env = { SHORT: 'short' }
    expect((await cli(words, { env })).code).toBe(2)
    const { code, out } = await cli([...words, '--allow-weak-secrets'], { env })
    expect(code).toBe(0)
    expect((await cli(['verify', '--key-env', 'SHORT', out.trim()], { env })).code).toBe(0)
  })

  test('the keys of another server', async () => {
    const { out: pair } = await cli(['keygen', '--alg', 'ES256', '--format', 'jwk'])
    const token = await cli(['sign', '--codec', 'jwt', '--data', data, '--key-file', fileOf('pair.jwk', pair)])
    const { out: publicKey } = await cli(['keygen', '--public-of', 'pair.jwk'])
    await withServer(
      (_, response) => response.end(JSON.stringify({ keys: [JSON.parse(publicKey)] })),
      async (url) => {
        const { code, out } = await cli(['verify', '--jwks', `${url}jwks.json`, token.out.trim()])
        expect(code).toBe(0)
        expect(out).toContain(`${url}jwks.json`)
      },
    )
    const gone = await cli(['verify', '--jwks', 'http://127.0.0.1:9/jwks.json', token.out.trim()])
    expect(gone.code).toBe(3)
    expect(gone.err).toContain("The keys can't be loaded")
  })
})

describe('convert', () => {
  test.each(CODECS)('%s becomes each of the others, with the same data', async (from) => {
    const name = ['--name', 'app.session']
    const value = await signed(from, name)
    for (const to of CODECS) {
      const words = [
        'convert',
        '--from',
        from,
        '--to',
        to,
        '--key-env',
        'SESSION_KEY',
        '--to-key-env',
        'OTHER_KEY',
        ...name,
        value,
      ]
      const { code, out, err } = await cli(words)
      // Without an id there is no session on Django's server to name.
      if (to === 'djangoJwt' && from === 'djangoSigned') {
        expect(code).toBe(2)
        continue
      }
      expect({ to, code, err }).toEqual({ to, code: 0, err: '' })
      const verified = await cli([
        'verify',
        '--codec',
        to,
        '--key-env',
        'OTHER_KEY',
        '--show',
        '--json',
        ...name,
        out.trim(),
      ])
      expect(JSON.parse(verified.out)).toMatchObject({ values: [{ verified: true, data: DATA }] })
    }
  })

  test('a cookie that does not verify is not converted', async () => {
    const value = await signed('beakerJwt')
    const { code, out, err } = await cli([
      'convert',
      '--from',
      'beakerJwt',
      '--to',
      'compact',
      '--key-env',
      'OTHER_KEY',
      value,
    ])
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain('ERR_SESSION_SIGNATURE')
  })
})

describe('migrate-check', () => {
  const ini = (more: string): string =>
    fileOf('production.ini', `[app:main]\nsession.type = cookie\nsession.key = shop\nsession.timeout = 1800\n${more}`)

  test('says what the configuration becomes, and shows no key', async () => {
    const { code, out } = await cli([
      'migrate-check',
      ini(`session.jwt_secret_keys = ${SECRET}\nsession.httponly = true\n`),
    ])
    expect(code).toBe(0)
    expect(out).toMatch(/name +shop/)
    expect(out).toMatch(/idle timeout +1800 seconds/)
    expect(out).toMatch(/format 1 +beakerJwt, which writes/)
    expect(out).toMatch(/scripts see +nothing/)
    expect(out).not.toContain(SECRET)
  })

  test('a weak key is a warning', async () => {
    const { code, out } = await cli(['migrate-check', ini('session.jwt_secret_keys = abc\n')])
    expect(code).toBe(0)
    expect(out.replace(/\s+/g, ' ')).toContain('32 are needed')
  })

  test.each([
    ['session.url = memcache://\n', 'url'],
    ['session.type = file\n', 'type'],
  ])('%j is refused with the cure', async (more, name) => {
    const { code, err } = await cli(['migrate-check', ini(`session.jwt_secret_keys = ${SECRET}\n${more}`)])
    expect(code).toBe(1)
    expect(err).toContain(name)
  })
})

const session = defineSession<{ user: string; cart: string[] }>()({
  name: 'app.session',
  idleTimeout: '30m',
  expose: ['user'],
})

describe('doctor', () => {
  test('a server of ours has no faults', async () => {
    const sessions = createSessions({ session, codecs: [beakerJwt({ secrets: SECRET })] })
    await withServer(
      async (request, response) => {
        const own = await sessions.load(request)
        own.data.user = 'dave'
        await sessions.commit(own, response)
        response.end('hello')
      },
      async (url) => {
        const { code, out } = await cli(['doctor', url])
        expect(out).toContain('app.session.public')
        expect({ code, out }).toEqual({ code: 0, out: expect.not.stringMatching(/fault:|dropped:/) })
      },
    )
  })

  test('names ten faults of a server', async () => {
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    const claims = Buffer.from('{"user":"dave","password":"x"}').toString('base64url')
    const cookies = [
      `one=${none}.${claims}.x; Path=/; HttpOnly; SameSite=Lax`,
      `two=${'x'.repeat(5000)}; Path=/; HttpOnly; SameSite=Lax`,
      '__Host-three=x; Path=/app; Secure; HttpOnly; SameSite=Lax',
      'four=x; Path=/; HttpOnly; SameSite=None',
      'five=x; Path=/; HttpOnly; SameSite=Lax; Domain=example.org',
      'six=x; Path=/; SameSite=Lax',
      'seven=x; Path=/; HttpOnly',
      'eight=x; HttpOnly; SameSite=Lax',
      'nine=x; Path=/; HttpOnly; SameSite=Lax; Expires=tomorrow',
      'nine=y; Path=/; HttpOnly; SameSite=Lax',
    ]
    await withServer(
      (_, response) => {
        response.setHeader('Set-Cookie', cookies)
        response.setHeader('Cache-Control', 'public, max-age=60')
        response.end('hello')
      },
      async (url) => {
        const { code, out } = await cli(['doctor', '--json', url])
        expect(code).toBe(1)
        const report = JSON.parse(out) as { cookies: { faults: { code: string }[] }[]; faults: { code: string }[] }
        const codes = [...report.cookies.flatMap(({ faults }) => faults), ...report.faults].map((fault) => fault.code)
        expect([...new Set(codes)].sort()).toEqual(
          [
            'alg-none',
            'readable',
            'endless',
            'too-large',
            'prefix',
            'none-without-secure',
            'cross-site',
            'foreign-domain',
            'domain',
            'scripts',
            'no-samesite',
            'no-path',
            'unreadable-expires',
            'cached',
            'twice',
          ].sort(),
        )
        const text = await cli(['doctor', url])
        for (const fault of new Set(codes)) expect(text.out).toContain(fault)
      },
    )
  })

  test('follows redirects, with the cookies of the same host', async () => {
    const asked: (string | undefined)[] = []
    await withServer(
      ({ url, headers }, response) => {
        asked.push(headers.cookie)
        if (url === '/')
          response.writeHead(302, { location: '/in', 'set-cookie': 'a=1; Path=/; HttpOnly; SameSite=Lax' })
        response.end()
      },
      async (url) => {
        const { out } = await cli(['doctor', url])
        expect(out).toContain(`302 ${url}, 1 cookie`)
        expect(out).toContain(`200 ${url}in, 0 cookies`)
      },
    )
    expect(asked).toEqual([undefined, 'a=1'])
  })

  test.each<[string, Answer, string]>([
    ['redirects for ever', (_, response) => response.writeHead(302, { location: '/' }).end(), 'more than 5 times'],
    ['sends no head', () => {}, 'no head of an answer within 1 seconds'],
    ['closes the connection', ({ socket }) => socket.destroy(), 'closed the connection'],
    [
      'redirects elsewhere',
      (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      'no web page',
    ],
  ])('a server that %s', async (_, answer, why) => {
    await withServer(answer, async (url) => {
      const { code, err } = await cli(['doctor', '--timeout', '1', url])
      expect(code).toBe(3)
      expect(err.replace(/\s+/g, ' ')).toContain(why)
    })
  })

  test('a body that drips and never ends is not waited for', async () => {
    await withServer(
      (_, response) => {
        response.writeHead(200, { 'set-cookie': 'a=1; Path=/; HttpOnly; SameSite=Lax' })
        const timer = setInterval(() => response.write('.'), 50)
        response.on('close', () => clearInterval(timer))
      },
      async (url) => {
        const { code, out } = await cli(['doctor', '--timeout', '5', url])
        expect(out).toContain('200')
        expect(code).toBe(0)
      },
    )
  })

  test('--stats-url says what can go', async () => {
    let now = new Date(Date.now() - 30 * 86_400_000)
    const stats = createReadStats({ clock: () => now })
    const read = (codecIndex: number, keyIndex: number, time: Date): void =>
      stats.on({ type: 'read', codec: codecIndex ? 'beaker' : 'beakerJwt', codecIndex, keyIndex, cookie: 'app', time })
    read(1, 0, now)
    now = new Date()
    read(0, 0, now)
    read(0, 1, now)
    await withServer(
      (_, response) => response.end(JSON.stringify({ since: stats.since, rows: stats.rows() })),
      async (url) => {
        const { code, out } = await cli(['doctor', '--stats-url', url])
        expect(code).toBe(0)
        expect(out).toMatch(/beakerJwt, key 1 .*it writes/)
        expect(out).toMatch(/beakerJwt, key 2 .*in use/)
        expect(out).toMatch(/beaker, key 1 .*can go/)
        const longer = await cli(['doctor', '--stats-url', url, '--older-than', '60d'])
        expect(longer.out.replace(/\s+/g, ' ')).toContain('nothing can go yet')
        expect(longer.out).not.toContain('can go\n')
      },
    )
    await withServer(
      (_, response) => response.end('<html>'),
      async (url) => expect((await cli(['doctor', '--stats-url', url])).code).toBe(3),
    )
  })
})

describe('serve', () => {
  /** Runs until the work is done. */
  async function served(words: readonly string[], work: (url: URL) => Promise<void>): Promise<void> {
    const program = spawn(process.execPath, [`${root}dist/server/cli.js`, 'serve', ...words], { cwd: folder })
    try {
      const [line] = (await once(program.stdout.setEncoding('utf8'), 'data')) as [string]
      await work(new URL(line.trim()))
    } finally {
      program.kill()
      await once(program, 'close')
    }
  }

  const statusOf = async (url: URL, options: RequestOptions): Promise<number | undefined> => {
    const sent = request({ host: '127.0.0.1', port: url.port, path: '/', ...options }).end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    response.resume()
    return response.statusCode
  }

  test('gives the inspector page on this machine, and to no other name for it', async () => {
    await served(['--port', '0'], async (url) => {
      expect(url.hostname).toBe('localhost')
      const response = await fetch(`http://127.0.0.1:${url.port}/`)
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(await response.text()).toBe(readFileSync(`${root}dist/inspector.html`, 'utf8'))
      expect(await statusOf(url, { headers: { host: 'evil.example' } })).toBe(421)
      expect(await statusOf(url, { method: 'POST' })).toBe(405)
      expect(await statusOf(url, { path: '/../package.json' })).toBe(404)
      const { code, err } = await cli(['serve', '--port', url.port])
      expect(code).toBe(3)
      expect(err.replace(/\s+/g, ' ')).toContain('it is in use')
    })
  })

  test.each(['65536', '-1', 'x'])('refuses the port %j', async (port) => {
    expect((await cli(['serve', `--port=${port}`])).code).toBe(2)
  })
})

describe('limits', () => {
  test('of a file: 64 MiB, and not a byte more', async () => {
    const size = 64 * 1024 * 1024
    for (const [length, code, why] of [
      [size, 2, 'has no private key'],
      [size + 1, 3, `larger than ${size} bytes`],
    ] as const) {
      const file = join(folder, 'long.pem')
      writeFileSync(file, '')
      truncateSync(file, length)
      const outcome = await cli(['keygen', '--public-of', 'long.pem'])
      expect(outcome.code).toBe(code)
      expect(outcome.err.replace(/\s+/g, ' ')).toContain(why)
      rmSync(file)
    }
  })

  test('of a text with cookies: a million characters', async () => {
    expect((await cli(['inspect', '-'], { input: 'x'.repeat(1_048_576) })).code).toBe(1)
    expect((await cli(['inspect', '-'], { input: 'x'.repeat(1_048_577) })).code).toBe(2)
  })

  test('of what a value inflates to: 1 MiB', async () => {
    const tokenOf = (length: number): string => {
      // A document with one text, and what stands around it.
      const bson = writeBson({ a: 'x'.repeat(length - 13) }, { maxBytes: length })
      expect(bson).toHaveLength(length)
      const payload = JSON.stringify({ bsZ: encodeBase85(deflateSync(bson)) })
      const parts = ['{"alg":"HS256"}', payload].map((part) => Buffer.from(part).toString('base64url'))
      return [...parts, 'x'.repeat(43)].join('.')
    }
    expect((await cli(['inspect', tokenOf(1_048_576)])).code).toBe(0)
    const { code, out } = await cli(['inspect', tokenOf(1_048_577)])
    expect(code).toBe(1)
    expect(out).toContain('ERR_SESSION_LIMIT')
  })

  test('of redirects: five, of cookies: fifty', async () => {
    await withServer(
      ({ url = '/' }, response) => {
        const left = Number(url.slice(1)) || 0
        if (left > 0) return response.writeHead(302, { location: `/${left - 1}` }).end()
        response.setHeader(
          'Set-Cookie',
          Array.from({ length: 51 }, (_, at) => `c${at}=1; Path=/; HttpOnly; SameSite=Lax`),
        )
        return response.end()
      },
      async (url) => {
        const { code, out } = await cli(['doctor', `${url}5`])
        expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('200') })
        expect(out).toContain('50 cookies')
        expect((await cli(['doctor', `${url}6`])).code).toBe(3)
      },
    )
  })

  test('of statistics: 1 MiB, and a thousand rows', async () => {
    const row = { codec: 'jwt', codecIndex: 0, reads: 1, lastSeen: new Date() }
    const json = JSON.stringify({ since: new Date(), rows: Array(1001).fill(row) })
    for (const [length, code] of [
      [1_048_576, 0],
      [1_048_577, 3],
    ] as const) {
      await withServer(
        (_, response) => response.end(json.padEnd(length)),
        async (url) => {
          const outcome = await cli(['doctor', '--json', '--stats-url', url])
          expect(outcome.code).toBe(code)
          if (code === 0) expect(JSON.parse(outcome.out).rows).toHaveLength(1000)
        },
      )
    }
  })
})
