/** docs/testing.md and the real package: its Python code signs for Node, and `sessionCookie` signs for Python. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { sessionCookie } from '../../src/server/testing.js'
import { cookieName, key, metaKeys, newKey, pythonOptions } from './beaker-jwt.helpers.js'
import { findPython } from './find-python.js'
import { nodeSessions } from './node-sessions.js'
import { describeWithPython } from './peer.js'
import { differences, type Tagged, without } from './tagged.js'

const page = readFileSync(new URL('../../docs/testing.md', import.meta.url), 'utf8')
const [, code = ''] = /```python\n(from beaker_session_jwt [\s\S]*?)```/.exec(page) ?? []

describeWithPython('docs/testing.md', (peer) => {
  test('the function of the page makes a cookie that Node reads', async () => {
    expect(code).toContain('def session_cookie(')
    const call = `print(session_cookie({'user': 'dave', 'rank': 1.0}, jwt_secret_keys='${key}'), end='')`
    const header = execFileSync(findPython() as string, ['-W', 'ignore', '-B', '-c', `${code}\n${call}`], {
      encoding: 'utf8',
    })
    expect(header.startsWith(`${cookieName}=ey`)).toBe(true)
    const session = await nodeSessions().load(header)
    expect(session.rejected).toBeUndefined()
    expect(session.data).toEqual({ user: 'dave', rank: 1 })
  })

  test('and the real package reads what sessionCookie made, with a retired key too', async () => {
    const sessions = nodeSessions({ secrets: [newKey, key] })
    for (const [secret, options] of [
      [newKey, {}],
      [key, { key: 'retired', age: '5m' }],
    ] as const) {
      const { cookie } = await sessionCookie(sessions, { user: 'dave', list: [1, 'two'] }, options)
      const read = await peer.call<Tagged>('decode', {
        cookie: cookie.value,
        options: pythonOptions({ secrets: [secret] }),
      })
      expect(differences(without(read, metaKeys), { user: 'dave', list: [1, 'two'] })).toEqual([])
    }
  })
})
