/** The inspector page, opened from `file:` as somebody does who has just the file. */
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { deflateSync } from 'node:zlib'
import { exportPKCS8, exportSPKI, generateKeyPair, SignJWT } from 'jose'
import { expect, test } from 'playwright/test'
import { encodeBase85 } from '../../src/shared/encode-base85.js'
import { violations } from './axe.js'
import { address, entry, inspect, openHar, tokenOf, watchFaults } from './inspector-page.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Cookie {
  readonly label: string
  readonly value: string
}

/** What the page calls the format of each file of vectors that holds cookies. */
const TITLES: Readonly<Record<string, RegExp>> = {
  beaker_cookie: /^Beaker$/,
  beaker_encrypted: /^Beaker(?:, encrypted)?$/,
  beaker_legacy_py2: /^Beaker(?:, encrypted)?$/,
  beaker_session_jwt: /^(?:beaker-session-jwt|JWT|Beaker)$/,
  django_session_jwt: /^(?:django-session-jwt|JWT)$/,
  django_session_table: /^Django signed cookie$/,
  wsgi_jwt_session: /^JWT$/,
}

const UNKNOWN = 'Not a session cookie that this page knows'
/** Vectors that are no such cookie, on purpose: damaged ones, and rows of an older table. */
const OTHERS: Readonly<Record<string, string>> = {
  'delete() called without the middleware: signature + bare id': 'Beaker, encrypted',
  'no signature part': UNKNOWN,
  garbage: UNKNOWN,
  'legacy cookie, other case of signature': UNKNOWN,
  'legacy pickle': UNKNOWN,
  'legacy tampered': UNKNOWN,
}

watchFaults()

for (const [file, title] of Object.entries(TITLES)) {
  test(`names and shows every cookie of ${file}`, async ({ page }) => {
    const cookies = cookiesOf(file)
    expect(cookies.length).toBeGreaterThan(2)
    const wrong: string[] = []
    for (const { label, value } of cookies) {
      const shown = await inspect(page, `the.cookie=${value}`)
      const isNamed = label in OTHERS ? shown.title === OTHERS[label] : title.test(shown.title)
      if (!isNamed) wrong.push(`${label}: ${shown.title}`)
      const isSealed = shown.title === 'Beaker, encrypted'
      if (!shown.hasData && !isSealed && shown.problem === '') wrong.push(`${label}: neither data nor a reason`)
    }
    expect(wrong).toEqual([])
  })
}

test('shows every type of BSON', async ({ page }) => {
  const cases = vectors('bson_values').filter(({ bson_hex: hex }) => typeof hex === 'string')
  expect(cases.length).toBeGreaterThan(30)
  const wrong: string[] = []
  for (const { name, bson_hex: hex } of cases) {
    const claims = {
      bsZ: encodeBase85(deflateSync(Buffer.from(String(hex), 'hex'))),
      _creation_time: 1,
      _accessed_time: 1,
    }
    const { hasData, problem, text } = await inspect(page, `the.cookie=${tokenOf(claims)}`)
    if (hasData ? !/Data/.test(text) : problem === '') wrong.push(`${name}: ${text}`)
  }
  expect(wrong).toEqual([])
})

test('shows every pickle, and makes no object that one names', async ({ page }) => {
  const wrong: string[] = []
  const cases = [
    ...vectors('pickle_py3').map(({ name, p2 }) => [name, p2]),
    ...vectors('pickle_py2').map(({ name, c2 }) => [name, c2]),
  ]
  for (const [name, base64] of cases) {
    if (typeof base64 !== 'string' || !base64.startsWith('gAI')) continue
    const inner = Buffer.from(base64, 'base64').subarray(2, -1)
    // A dict with this value under the key "k".
    const pickle = Buffer.concat([Buffer.from('80027d58010000006b', 'hex'), inner, Buffer.from('s.')])
    const { hasData, problem, title } = await inspect(page, `the.cookie=${'0'.repeat(40)}${pickle.toString('base64')}`)
    if (title !== 'Beaker' || (!hasData && problem === '')) wrong.push(`${String(name)}: ${title} ${problem}`)
  }
  expect(wrong).toEqual([])
  const pickle = Buffer.from('80027d58010000006b636f730a73797374656d0a580200000069648552732e', 'hex')
  const { text, warnings } = await inspect(page, `the.cookie=${'0'.repeat(40)}${pickle.toString('base64')}`)
  expect(text).toContain('pickled object, inert')
  expect(text).toContain('os.system')
  expect(warnings).toContain('Pickle inside')
})

test('what is too much is refused', async ({ page }) => {
  const bomb = tokenOf({ bsZ: encodeBase85(deflateSync(Buffer.alloc(1_048_577))), _creation_time: 1 })
  expect((await inspect(page, `s=${bomb}`)).problem).toContain('ERR_SESSION_LIMIT')
  await page.fill('#pasted', 'x'.repeat(1_048_577))
  await expect(page.locator('#result')).toHaveText('The text is longer than 1048576 characters.')
})

test('what a cookie says is text, never HTML', async ({ page }) => {
  const hostile = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
  const { text } = await inspect(page, `the.cookie=${tokenOf({ [hostile]: hostile, constructor: 1, __proto__x: 2 })}`)
  expect(text).toContain('<img src=x onerror')
  expect(await page.locator('#result img, #result script').count()).toBe(0)
  await expect(page).toHaveTitle('sessionglass inspector')
})

test('headers: all cookies of one, attributes of the other, and pieces joined', async ({ page }) => {
  const token = tokenOf({ user: 'ada', exp: 4_000_000_000 })
  await inspect(page, `Cookie: theme=dark; a.session=${token.slice(0, 30)}; a.session.1=${token.slice(30)}`)
  await expect(page.locator('article h2')).toHaveText(['a.session', 'theme'])
  await expect(page.locator('.warnings').first()).toContainText('Split over 2 cookies')
  const { text, warnings } = await inspect(page, `Set-Cookie: a.session=${token}; Path=/; SameSite=None`)
  expect(text).toMatch(/SameSite\s*None/)
  expect(warnings).toMatch(/Without Secure[\s\S]*Without HttpOnly[\s\S]*SameSite=None/)
})

test('warns of what is risky', async ({ page }) => {
  const unsigned = await inspect(page, `s=${tokenOf({ password: 'x' })}`)
  expect(unsigned.warnings).toMatch(/Not signed[\s\S]*No end[\s\S]*Readable, yet it looks sensitive[\s\S]*password/)
  const large = await inspect(page, `s=${tokenOf({ text: 'x'.repeat(2_750), exp: 4_000_000_000 })}`)
  expect(large.warnings).toContain('Near the limit')
  const larger = await inspect(page, `s=${tokenOf({ text: 'x'.repeat(4_000) })}`)
  expect(larger.warnings).toContain('Too large')
  const expired = await inspect(page, `s=${tokenOf({ user: 'ada', exp: 1_700_000_000 })}`)
  expect(expired.warnings).toContain('Expired')
  await page.locator('#keys-box > summary').click()
  await page.fill('#keys', 'keyboard cat')
  await expect(page.locator('#key-warnings')).toContainText('Key 1 is well known')
  await page.fill('#keys', 'your-256-bit-secret')
  await expect(page.locator('#key-warnings')).toContainText('published example')
})

test('the policy stops every request, whatever script runs in the page', async ({ page }) => {
  // Chromium may connect before it asks the policy about a form or a frame; nothing is sent then.
  const requests: (string | undefined)[] = []
  const server = createServer(({ url }) => requests.push(url)).on('upgrade', ({ url }) => requests.push(url))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const blocked = await page.evaluate(async (host) => {
    const target = `http://${host}/steal`
    const found: string[] = []
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => found.push(effectiveDirective))
    await fetch(target).catch(() => undefined)
    try {
      navigator.sendBeacon(target, 'x')
    } catch {}
    new Image().src = target
    try {
      new WebSocket(`ws://${host}/`).onerror = () => undefined
    } catch {}
    try {
      new EventSource(target).onerror = () => undefined
    } catch {}
    const frame = document.createElement('iframe')
    frame.src = target
    document.body.append(frame)
    const link = document.createElement('link')
    link.rel = 'stylesheet'
    link.href = target
    document.head.append(link)
    const style = document.createElement('style')
    style.textContent = `body{background:url(${target})}`
    document.head.append(style)
    try {
      document.body.setHTMLUnsafe('<b>x</b>')
      found.push('not stopped')
    } catch {
      found.push('stopped')
    }
    try {
      const script = document.createElement('script')
      script.text = 'document.title = "run"'
      document.body.append(script)
    } catch {}
    // A form that is stopped leaves an empty page, so this is read before.
    found.push(document.title)
    const form = document.body.appendChild(document.createElement('form'))
    form.action = target
    form.method = 'post'
    form.submit()
    await new Promise((resolve) => setTimeout(resolve, 500))
    return found
  }, host)
  server.close()
  server.closeAllConnections()
  for (const directive of ['connect-src', 'img-src', 'form-action', 'frame-src', 'style-src-elem']) {
    expect(blocked).toContain(directive)
  }
  expect(blocked.filter((found) => found === 'connect-src').length).toBeGreaterThanOrEqual(4)
  expect(blocked).not.toContain('not stopped')
  expect(blocked).toContain('sessionglass inspector')
  expect(requests).toEqual([])
})

test('stores nothing, and takes the fragment out of the address', async ({ page }) => {
  await page.goto(`${address}#${encodeURIComponent(`my.session=${tokenOf({ user: 'from the link' })}`)}`)
  await page.reload()
  await page.goto('about:blank')
  await page.goto(`${address}#${encodeURIComponent(`my.session=${tokenOf({ user: 'from the link' })}`)}`)
  await expect(page.locator('article h2')).toHaveText('my.session')
  await expect(page.locator('article')).toContainText('from the link')
  expect(new URL(page.url()).hash).toBe('')
  expect(await page.evaluate(() => localStorage.length + sessionStorage.length)).toBe(0)
})

test('says which codec and key fit, and signs again in every format', async ({ page }) => {
  await page.getByRole('button', { name: 'Try an example' }).click()
  await expect(page.locator('.verdict')).toContainText('The signature is valid. beakerJwt reads it with key 1.')
  const key = await page.locator('#keys').inputValue()
  const original = await page.locator('#pasted').inputValue()
  await page.fill('#keys', `another key, which is as long as a key should be\n${key}`)
  await expect(page.locator('.verdict')).toContainText('with key 2')
  await page.fill('#keys', 'another key, which is as long as a key should be')
  await expect(page.locator('.verdict')).toContainText('No key fits')
  await page.fill('#keys', key)
  await expect(page.locator('.verdict')).toContainText('with key 1')
  const labels = await page.locator('.signing option').allTextContents()
  for (const name of ['beakerJwt', 'djangoJwt', 'jwt', 'compact', 'jwe', 'beaker', 'djangoSigned']) {
    expect(labels.join()).toMatch(new RegExp(`\\b${name} with`))
  }
  for (const label of labels) {
    await inspect(page, original)
    await page.locator('.signing > summary').click()
    // JSON has no bytes, dates and ids, so what all of them can write is taken.
    await page.getByLabel('Data as JSON').fill('{"user": "grace", "visits": 43}')
    await page.getByLabel('Sign as').selectOption({ label })
    await page.getByRole('button', { name: 'Sign', exact: true }).click()
    await expect(page.getByLabel('Signed value'), label).toBeVisible()
    await page.getByRole('button', { name: 'Inspect it' }).click()
    await expect(page.locator('.verdict'), label).toContainText('The signature is valid')
    await expect(page.locator('article'), label).toContainText('"grace"')
  }
})

test('data keeps its types through the editor', async ({ page }) => {
  await page.getByRole('button', { name: 'Try an example' }).click()
  await page.locator('.signing > summary').click()
  const data = page.getByLabel('Data as JSON')
  await data.fill((await data.inputValue()).replace('"visits": 42', '"visits": 43'))
  await page.getByRole('button', { name: 'Sign', exact: true }).click()
  await page.getByRole('button', { name: 'Inspect it' }).click()
  const tree = page.locator('.tree').first()
  await expect(tree).toContainText('visitswhole number43')
  await expect(tree).toContainText('accountObjectId652f1a9b8c7d6e5f40312233')
  await expect(tree).toContainText('signed_indate2026-11-20 08:15:00 UTC')
  await expect(tree).toContainText('tokenbytes, 8de ad be ef 01 02 03 04')
  await expect(tree).toContainText('largewhole number, beyond 53 bits9007199254740993')
})

test('verifies with a public key, and opens what is encrypted', async ({ page }) => {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  const signed = await new SignJWT({ sk: 's'.repeat(32), u: 'john' })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
    .setIssuedAt()
    .sign(privateKey)
  await page.fill('#pasted', `sessionid=${signed}`)
  await page.locator('#keys-box > summary').click()
  await page.fill('#keys', await exportSPKI(publicKey))
  await expect(page.locator('.verdict')).toContainText('The signature is valid. djangoJwt reads it with key 1.')
  await expect(page.locator('.signing')).toHaveCount(0)
  await page.fill('#keys', await exportPKCS8(privateKey))
  await expect(page.getByLabel('Sign as')).toHaveCount(1)
  const encrypted = (vectors('beaker_encrypted') as { cookie?: string; options?: Record<string, string> }[]).find(
    ({ cookie, options }) => cookie && options?.encrypt_key && options.validate_key,
  )
  await page.fill('#pasted', `beaker.session.id=${encrypted?.cookie}`)
  await page.fill('#keys', encrypted?.options?.validate_key ?? '')
  await page.fill('#encrypt-key', encrypted?.options?.encrypt_key ?? '')
  await expect(page.locator('.verdict')).toContainText('The signature is valid. beaker')
  await expect(page.getByRole('heading', { name: 'Decrypted data' })).toBeVisible()
})

test('a HAR file becomes a time line', async ({ page }) => {
  const first = tokenOf({ user: 'ada', visits: 1 })
  const second = tokenOf({ user: 'ada', visits: 2, theme: 'dark' })
  await openHar(page, [
    entry(0, '', [`app=${first}; Path=/`]),
    entry(1, `app=${first}`, []),
    entry(2, `other=1; app=${first}`, [`app=${second}; Path=/`]),
    entry(3, `app=${second}`, ['app=; Path=/; Max-Age=0']),
  ])
  const items = page.locator('.events > li')
  await expect(items).toHaveCount(3)
  await expect(items.nth(0)).toContainText('The response set it')
  await expect(items.nth(1)).toContainText('changedvisits12')
  await expect(items.nth(1)).toContainText('addedtheme"dark"')
  await expect(items.nth(1)).toContainText('GET https://app.example/page/2')
  await expect(items.nth(2)).toContainText('The response removed it')
  await items.nth(1).getByRole('button', { name: 'Inspect' }).click()
  await expect(page.locator('article')).toContainText('visitswhole number2')
})

test('a HAR file of 5 MB does not freeze the page', async ({ page }) => {
  const filler = 'x'.repeat(1_200)
  const entries = Array.from({ length: 2_000 }, (_, index) =>
    entry(index, `app=${tokenOf({ user: 'ada', visits: index, filler })}`, [
      `app=${tokenOf({ user: 'ada', visits: index + 1, filler })}`,
    ]),
  )
  await page.evaluate(() => {
    const watched = window as unknown as { ticks: number }
    watched.ticks = 0
    setInterval(() => watched.ticks++, 5)
  })
  const size = await openHar(page, entries)
  expect(size).toBeGreaterThan(5_000_000)
  await expect(page.locator('.har-total')).toContainText('2,000 requests, 1 session cookie')
  // Each is a moment at which the page could take input while it read the file.
  expect(await page.evaluate(() => (window as unknown as { ticks: number }).ticks)).toBeGreaterThan(5)
  await page.getByRole('button', { name: /Show more/ }).click()
  await expect(page.locator('.events > li')).toHaveCount(201)
})

test('works by keyboard alone', async ({ page, browserName }) => {
  await page.locator('#pasted').focus()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  await expect(page.locator('#example')).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(page.locator('.verdict')).toBeVisible()
  await expect(page.locator('#status')).toContainText('1 cookie: beaker-session-jwt')
  const summary = page.locator('.signing > summary')
  for (let presses = 0; presses < 60 && !(await summary.evaluate((one) => one === document.activeElement)); presses++) {
    await page.keyboard.press('Tab')
  }
  await expect(summary, browserName).toBeFocused()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await expect(page.getByLabel('Data as JSON')).toBeFocused()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('Signed value')).toBeVisible()
})

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [360, 1280]) {
    test(`axe finds nothing in ${colorScheme} at ${width} pixels, and nothing is cut off`, async ({ page }) => {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height: 800 })
      expect(await violations(page)).toEqual([])
      await page.getByRole('button', { name: 'Try an example' }).click()
      await page.locator('.signing > summary').click()
      await page.getByRole('button', { name: 'Sign', exact: true }).click()
      await expect(page.getByLabel('Signed value')).toBeVisible()
      expect(await violations(page)).toEqual([])
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
      await inspect(page, `s=${cookiesOf('beaker_cookie')[0]?.value}; t=${tokenOf({ password: 'x'.repeat(400) })}`)
      expect(await violations(page)).toEqual([])
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
      await openHar(page, [
        entry(0, '', [`app=${tokenOf({ a: 1 })}`]),
        entry(1, '', [`app=${tokenOf({ b: 'y'.repeat(300) })}`]),
      ])
      await expect(page.locator('.events > li')).toHaveCount(2)
      expect(await violations(page)).toEqual([])
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
    })
  }
}

function vectors(file: string): Record<string, unknown>[] {
  return (JSON.parse(readFileSync(`${root}test/vectors/${file}.json`, 'utf8')) as { cases: Record<string, unknown>[] })
    .cases
}

/** Every cookie of a file of vectors. */
function cookiesOf(file: string): Cookie[] {
  return vectors(file).flatMap((one) => {
    const { name, cookie, set_cookie: setCookies, session_data: row } = one
    const values = [cookie, row, ...(Array.isArray(setCookies) ? setCookies.map(valueIn) : [])]
    return values
      .filter((value): value is string => typeof value === 'string' && value !== '' && !/[\s"\\]/.test(value))
      .map((value) => ({ label: String(name), value }))
  })
}

function valueIn(header: unknown): string {
  return /^[^=]+=([^;]*)/.exec(String(header))?.[1] ?? ''
}

test('the vectors with cookies are all among those above', () => {
  const files = readdirSync(`${root}test/vectors`).map((name) => name.replace('.json', ''))
  const others = ['bson_values', 'cookie_quoting', 'pickle_py2', 'pickle_py3']
  expect(files.sort()).toEqual([...Object.keys(TITLES), ...others].sort())
})
