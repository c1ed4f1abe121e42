/** The command line between Node and the real Python packages: what it signs, they accept; what they made, it inspects, verifies and converts. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { describeWithPython } from './peer.js'
import { seed } from './random-data.js'
import { members, type Tagged } from './tagged.js'

const SECRET = 'a-secret-that-only-this-test-has-of-some-fifty-bytes'

async function cli(words: readonly string[], input: string): Promise<string> {
  const program = spawn(process.execPath, [`${root}dist/server/cli.js`, ...words], {
    env: { ...process.env, KEY: SECRET },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let out = ''
  program.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  program.stdin.end(input)
  const [code] = await once(program, 'close')
  expect(code).toBe(0)
  return out.trim()
}

interface Saved {
  readonly cookie: string
  readonly session: Tagged
}

const DATA = { user: 'dave', roles: ['admin'], visits: 3, ratio: 0.5, nested: { deep: [null, true] } }
const KEYS = Object.keys(DATA)
const keysOf = (session: Tagged): string[] => members(session).map(([key]) => key)

describeWithPython(`the command line, SEED=${seed}`, (peer) => {
  test('sign: PyJWT accepts it', async () => {
    const words = ['sign', '--codec', 'jwt', '--data', '-', '--key-env', 'KEY']
    const token = await cli(words, JSON.stringify(DATA))
    const claims = await peer.call<Tagged>('jwt_decode', { token, key: SECRET })
    expect(keysOf(claims)).toEqual(expect.arrayContaining(KEYS))
  })

  test('sign: beaker-session-jwt accepts it', async () => {
    const words = ['sign', '--codec', 'beakerJwt', '--data', '-', '--key-env', 'KEY']
    const cookie = await cli(words, JSON.stringify(DATA))
    const session = await peer.call<Tagged>('decode', { cookie, options: { jwt_secret_keys: SECRET } })
    expect(keysOf(session)).toEqual(expect.arrayContaining([...KEYS, '_id', '_creation_time']))
  })

  test.each([
    ['bson', 'compact', 'beakerJwt'],
    ['json', 'beaker:serializer=json', 'beakerJwt:compress=false'],
  ])('inspect, verify and convert what beaker-session-jwt made (%s)', async (codec, other, own) => {
    const options = { jwt_secret_keys: SECRET }
    const saved = await peer.call<Saved[]>('random_sessions', { seed, count: 5, codec, options })
    for (const { cookie, session } of saved) {
      const keys = keysOf(session).filter((key) => !/^_(id|creation_time|accessed_time|expires|path|domain)$/.test(key))
      const inspected = JSON.parse(await cli(['inspect', '--json', '-'], cookie))
      expect(Object.keys(inspected.values[0].data).sort()).toEqual(keys.sort())
      const verified = JSON.parse(await cli(['verify', '--json', '--key-env', 'KEY', '-'], cookie))
      expect(verified.values[0]).toMatchObject({ verified: true, codec: 'beakerJwt', key: 'KEY' })
      const converted = await cli(['convert', '--from', 'beakerJwt', '--to', other, '--key-env', 'KEY', '-'], cookie)
      const back = await cli(['convert', '--from', other, '--to', own, '--key-env', 'KEY', '-'], converted)
      const paths = await peer.call<string[]>('compare', {
        a: cookie,
        b: back,
        options,
        // Other formats have milliseconds.
        ignore: ['_creation_time', '_accessed_time'],
      })
      expect(paths).toEqual([])
    }
  })
})
