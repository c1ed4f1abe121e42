/** The demo with the real Beaker application beside it: one cookie, one ring of keys. */
import { expect } from 'playwright/test'
import { findPython } from '../interop/find-python.js'
import { startDemo, test } from './demo-server.js'

test.skip(findPython() === undefined, 'no Python packages; node scripts/python-env.mjs installs them')

test.use({
  args: ['--with-python'],
  server: async ({ args }, use) => {
    const server = await startDemo(['--port', '0', ...args], /^Beaker in Python: /m)
    await use(server)
    await server.close()
  },
})

test('Python and Node change one session in turns, across a rotation', async ({ demo }) => {
  const { page } = demo
  const python = page.locator('#python-session')
  await demo.signIn('Katherine Johnson')
  await demo.press(/last_seen/)
  await demo.press(/token/)

  await demo.press("session['user']")
  await expect(python).toContainText("{'name': 'Katherine Johnson', 'roles': ['reader', 'editor']}")
  await expect(python).toContainText('datetime.datetime(')
  await expect(python).toContainText("b'")

  await demo.press("session['visits'] += 1")
  await expect(demo.row('visits').locator('.value'), 'the page reads what Python wrote').toHaveText('2')
  await expect(page.locator('#trust')).toContainText('was not asked since the cookie changed')
  await demo.press('datetime.now()')
  await expect(demo.row('from_python').locator('time')).toBeVisible()

  await demo.press('Rotate')
  await demo.press("session['visits'] += 1")
  await expect(demo.row('visits').locator('.value')).toHaveText('3')
  await demo.press('Make a request')
  await expect(page.locator('#trust'), 'Python signed with the new key').toContainText('verified it: key 2 matched')
  await expect(demo.row('from_python').locator('time')).toBeVisible()
})

test('a request of another origin gets nothing from Python', async ({ server }) => {
  const python = /Beaker in Python: (\S+)/.exec(server.output())?.[1] ?? ''
  expect((await fetch(`${python}/read`, { method: 'POST', headers: { origin: 'http://evil.example' } })).status).toBe(
    403,
  )
  expect((await fetch(`${python}/read`, { method: 'POST', headers: { origin: server.url } })).status).toBe(200)
})
