/** The demo with the real Beaker application beside it: one cookie, one ring of keys. */
import { expect } from 'playwright/test'
import { findPython } from '../interop/find-python.js'
import { violations } from './axe.js'
import { type DemoPage, startDemo, test } from './demo-server.js'

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

test('Python writes the form that the switch says, also after it was moved', async ({ demo }) => {
  await demo.signIn()
  await demo.press("session['visits'] += 1")
  await expect(demo.row('visits').locator('.value'), 'Python wrote this').toHaveText('2')
  expect(Object.keys(await claims(demo))).toEqual(['bsZ'])

  await demo.choose('Plain claims')
  await demo.press("session['visits'] += 1")
  await expect(demo.row('visits').locator('.value'), 'Python wrote this').toHaveText('3')
  expect(await claims(demo)).toMatchObject({ user: { name: 'Grace Hopper' }, visits: 3 })
  expect(await claims(demo)).not.toHaveProperty('bsZ')

  await demo.choose('Compressed')
  await demo.press("session['visits'] += 1")
  await expect(demo.row('visits').locator('.value'), 'Python wrote this').toHaveText('4')
  expect(Object.keys(await claims(demo))).toEqual(['bsZ'])
})

test('Python leaves a session alone that does not fit plain claims', async ({ demo }) => {
  const python = demo.page.locator('#python-session')
  await demo.signIn()
  await demo.choose('Plain claims')
  const plain = await demo.cookie()
  await demo.press('datetime.now()')
  await expect(python).toContainText('plain claims hold no dates')
  await expect(demo.status()).toContainText('The session stays as it was')
  expect(await demo.cookie()).toBe(plain)

  await demo.choose('Compressed')
  await demo.press('datetime.now()')
  await demo.choose('Plain claims')
  const compressed = await demo.cookie()
  await demo.press("session['visits'] += 1")
  await expect(python, 'Beaker would see an empty session').toContainText('holds what plain claims can not')
  expect(await demo.cookie()).toBe(compressed)
  await expect(demo.row('from_python').locator('time')).toBeVisible()
})

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing beside Python: ${colorScheme}`, async ({ demo }) => {
    const { page } = demo
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await expect(page.getByRole('heading', { name: 'What Python sees' })).toBeVisible()
    await demo.press("session['user']")
    expect(await violations(page), 'signed out').toEqual([])
    await demo.signIn()
    await demo.press('datetime.now()')
    await expect(page.locator('#python-session table')).toBeVisible()
    expect(await violations(page), 'signed in').toEqual([])
    await demo.choose('Plain claims')
    await demo.press("session['user']")
    await expect(demo.status()).toContainText('The session stays as it was')
    expect(await violations(page), 'refused').toEqual([])
  })
}

test('a request of another origin gets nothing from Python', async ({ server }) => {
  const python = /Beaker in Python: (\S+)/.exec(server.output())?.[1] ?? ''
  expect((await fetch(`${python}/read`, { method: 'POST', headers: { origin: 'http://evil.example' } })).status).toBe(
    403,
  )
  expect((await fetch(`${python}/read`, { method: 'POST', headers: { origin: server.url } })).status).toBe(200)
})

/** What stands in the cookie's payload. */
async function claims(demo: DemoPage): Promise<Record<string, unknown>> {
  const payload = (await demo.cookie())?.split('.')[1] ?? ''
  return JSON.parse(Buffer.from(payload, 'base64url').toString())
}
