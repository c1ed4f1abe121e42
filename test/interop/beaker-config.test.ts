/** One configuration, given to the real Beaker and to `fromBeakerConfig`: the cookies mean the same (FORMATS §3). */
import { spawnSync } from 'node:child_process'
import { afterEach, describe, expect, test } from 'vitest'
import { createSessions, fromBeakerConfig } from '../../src/server/index.js'
import { key, newKey, type WsgiAnswer } from './beaker-jwt.helpers.js'
import { findPython } from './find-python.js'
import { describeWithPython } from './peer.js'
import { member } from './tagged.js'

/** Seconds since 1970, where both clocks stand. */
const now = 1_700_000_000
const secrets = `${newKey}, ${key}`

const configurations: [name: string, options: Record<string, unknown>, tagged?: Record<string, unknown>][] = [
  ['nothing but keys', {}],
  ['key', { key: 'sid' }],
  ['cookie_domain and cookie_path', { cookie_domain: 'example.com', cookie_path: '/app' }],
  ...['true', 'YES', 'on', 'y', 't', '1', 'false', 'No', 'off', 'n', 'f', '0'].map(
    (word): [string, Record<string, unknown>] => [`secure and httponly: ${word}`, { secure: word, httponly: word }],
  ),
  ['secure and httponly: true', { secure: true, httponly: true }],
  ['httponly: None', { httponly: null, secure: null }],
  ...['Lax', 'Strict'].map((samesite): [string, Record<string, unknown>] => [`samesite: ${samesite}`, { samesite }]),
  ['samesite: None, the text', { samesite: 'None', secure: 'true' }],
  ['samesite: None', { samesite: null }],
  ...[true, 'true', '1', '2', '300'].map((cookie_expires): [string, Record<string, unknown>] => [
    `cookie_expires: ${JSON.stringify(cookie_expires)}`,
    { cookie_expires },
  ]),
  ['cookie_expires: 86400', { cookie_expires: 86_400 }, { cookie_expires: { $int: '86400' } }],
  ['cookie_expires: 1', { cookie_expires: 1 }, { cookie_expires: { $int: '1' } }],
  [
    'cookie_expires: a date',
    { cookie_expires: new Date('2030-01-02T03:04:05Z') },
    { cookie_expires: { $datetime: '2030-01-02T03:04:05.000000' } },
  ],
  ['timeout', { timeout: '1800' }],
  ['save_accessed_time', { save_accessed_time: 'false' }],
  ['payload', { bson_compress_jwt_payload: 'false' }],
]

describeWithPython('fromBeakerConfig and Beaker', (peer) => {
  test.each(configurations)('%s', async (_, options, tagged = {}) => {
    const config = { ...options, jwt_secret_keys: secrets }
    const operations = [['set', 'user', 'dave'], ['save']]
    const answer = await peer.call<WsgiAnswer>('wsgi', { options: { ...config, ...tagged }, operations, now })
    const python = parse(answer.set_cookie[0] as string)

    const prefixed = Object.fromEntries(
      Object.entries(config).map(([name, value]) => [`beaker.session.${name}`, value]),
    )
    const sessions = createSessions({ expose: true, ...fromBeakerConfig(prefixed), clock: () => new Date(now * 1000) })
    const session = await sessions.load('')
    session.data.user = 'dave'
    const node = parse((await sessions.commit(session))[0] as string)
    expect(node.attributes).toEqual(python.attributes)
    expect(node.name).toBe(python.name)

    // and each reads what the other wrote
    const seen = await sessions.load(`${python.name}=${python.value}`)
    expect([seen.data, seen.keyIndex]).toEqual([{ user: 'dave' }, 0])
    const cookie = `${node.name}=${node.value}`
    const read = await peer.call<WsgiAnswer>('wsgi', {
      options: { ...config, ...tagged },
      cookie,
      operations: [['read']],
      now,
    })
    expect(member(read.session, 'user')).toBe('dave')
    expect(python.isCompressed).toBe(node.isCompressed)
  })

  test('cookie_expires: false is never on both sides, where Beaker takes local time for GMT', async () => {
    const config = { jwt_secret_keys: secrets, cookie_expires: 'false' }
    const { set_cookie } = await peer.call<WsgiAnswer>('wsgi', {
      options: config,
      operations: [['set', 'a', 'b'], ['save']],
      now,
    })
    const sessions = createSessions({ expose: true, ...fromBeakerConfig(config) })
    const session = await sessions.load('')
    session.data.a = 'b'
    const [python, node] = [set_cookie[0], (await sessions.commit(session))[0]].map(
      (text) => Date.parse(parse(text as string).attributes.expires as string) / 1000,
    )
    expect(node).toBe(0x7fffffff)
    expect(Math.abs((python as number) - 0x7fffffff)).toBeLessThanOrEqual(14 * 3600)
  })

  describe('cookie_expires: false as Beaker has it', () => {
    const zone = process.env.TZ
    afterEach(() => {
      if (zone === undefined) delete process.env.TZ
      else process.env.TZ = zone
    })

    test.each(['UTC', 'America/New_York', 'Asia/Tokyo', 'Asia/Kolkata', 'Pacific/Apia'])('in %s', async (place) => {
      const program = [
        'from beaker.session import CookieSession',
        'session = CookieSession({}, validate_key="x", cookie_expires=False)',
        'session.save()',
        'print(session.request["cookie_out"])',
      ].join('\n')
      const env = { ...process.env, TZ: place }
      const { stdout, stderr } = spawnSync(findPython() as string, ['-c', program], { encoding: 'utf8', env })
      const [, day, month, year, time] = /expires=\w+, (\d+)-(\w+)-(\d+) ([\d:]+) GMT/.exec(stdout) ?? []
      expect(time, stderr).toBeDefined()
      // Node takes the zone anew when it changes, as other runtimes need not.
      process.env.TZ = place
      const config = { jwt_secret_keys: secrets, cookie_expires: 'false' }
      const sessions = createSessions({ expose: true, ...fromBeakerConfig(config, { localNever: true }) })
      const session = await sessions.load('')
      session.data.a = 'b'
      const [text] = await sessions.commit(session)
      expect(text).toContain(`${day} ${month} ${year} ${time} GMT`)
    })
  })

  test('what Beaker refuses is refused', async () => {
    const refused = [
      { secure: 'maybe' },
      { httponly: '' },
      { timeout: '1.5' },
      { timeout: 'soon' },
      { save_accessed_time: 'false', timeout: '60' },
      { cookie_expires: 'tomorrow' },
      { key: ' ' },
      { cookie_domain: '' },
      { cookie_path: '' },
    ].map((options) => ({ jwt_secret_keys: secrets, ...options }))
    const operations = [['set', 'a', 'b'], ['save']]
    const outcomes = await peer.batch<WsgiAnswer>(
      'wsgi',
      refused.map((options) => ({ options, operations })),
    )
    for (const [index, options] of refused.entries()) {
      expect(outcomes[index], JSON.stringify(options)).toHaveProperty('raises')
      expect(() => fromBeakerConfig(options), JSON.stringify(options)).toThrow(TypeError)
    }
  })
})

interface ParsedCookie {
  name: string
  value: string
  isCompressed: boolean
  attributes: Record<string, string | true>
}

/** What a browser understands: names of attributes without case, dates as dates. */
function parse(setCookie: string): ParsedCookie {
  const [pair = '', ...rest] = setCookie.trim().split('; ')
  const [name = '', value = ''] = pair.split(/=(.*)/s)
  const attributes = rest.map((attribute): [string, string | true] => {
    const [word = '', text] = attribute.split(/=(.*)/s)
    const lower = word.toLowerCase()
    return [lower, lower === 'expires' ? new Date((text ?? '').replaceAll('-', ' ')).toISOString() : (text ?? true)]
  })
  const payload = Buffer.from(value.split('.')[1] ?? '', 'base64url').toString()
  return { name, value, isCompressed: payload.startsWith('{"bsZ"'), attributes: Object.fromEntries(attributes) }
}
