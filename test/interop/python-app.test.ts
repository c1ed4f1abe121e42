/** The Python application of the browser tests, looked at without a browser. */
import { expect, test } from 'vitest'
import { cookieHeader, cookieValue, key, newKey } from './beaker-jwt.helpers.js'
import { describeWithPython } from './peer.js'
import { startPythonApp } from './python-app.js'
import { member, type Tagged } from './tagged.js'

describeWithPython('the Python application', () => {
  test('signs in, changes, rotates its keys and signs out', async () => {
    const options = { jwt_secret_keys: key, httponly: true }
    const app = await startPythonApp({
      session: options,
      scripts: ['/a.js'],
      static: { '/a.js': import.meta.filename },
    })
    let jar = ''
    const visit = async (path: string): Promise<Response> => {
      const response = await fetch(app.url + path, { headers: { cookie: jar }, redirect: 'manual' })
      const set = response.headers.getSetCookie()
      if (set.length > 0) jar = cookieHeader(cookieValue(set))
      return response
    }
    const session = async (): Promise<Tagged> => (await (await visit('/json')).json()) as Tagged
    try {
      const login = await visit('/login?user=d%C3%A9ve%3Cb%3E')
      expect(login.status).toBe(303)
      expect(login.headers.getSetCookie()[0]).toContain('HttpOnly')
      await visit('/set?key=visits&tagged=%7B%22%24int%22%3A%225%22%7D')
      expect(member(await session(), 'visits')).toEqual({ $int: '5' })
      const page = await (await visit('/')).text()
      expect(page).toContain('<tr data-key="user"><th>user</th><td>déve&lt;b&gt;</td></tr>')
      expect(page).toContain('<script src="/a.js"></script>')
      expect(await (await visit('/a.js')).text()).toContain('looked at without a browser')

      await visit(`/rotate?keys=${newKey},${key}`)
      expect(member(await session(), 'user')).toBe('déve<b>')
      await visit(`/rotate?keys=${newKey}`)
      expect(member(await session(), 'user')).toBe('déve<b>')

      const stolen = jar
      expect((await visit('/logout')).headers.getSetCookie()[0]).toContain('expires=')
      jar = stolen.replace(/.$/, '-')
      expect((await visit('/')).status).toBe(200)
      expect(member(await session(), 'user')).toBeUndefined()
    } finally {
      await app.close()
    }
  })

  test('says why it does not start', async () => {
    await expect(startPythonApp({ session: {}, port: 99_999 })).rejects.toThrow(/OverflowError/)
  })
})
