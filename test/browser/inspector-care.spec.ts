/** The inspector on paper, with key pairs, and with cookies and files that somebody made to break it. */
import { createPublicKey } from 'node:crypto'
import { exportPKCS8, generateKeyPair, jwtVerify } from 'jose'
import { expect, test } from 'playwright/test'
import { entry, inspect, openHar, tokenOf, watchFaults } from './inspector-page.js'

watchFaults()

test.describe('on paper', () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`is dark on white, and without fields and buttons (${colorScheme})`, async ({ page }) => {
      await page.emulateMedia({ colorScheme })
      await page.getByRole('button', { name: 'Try an example' }).click()
      await expect(page.locator('.verdict')).toBeVisible()
      await page.emulateMedia({ media: 'print' })
      for (const part of ['.input', '#status', 'article button', '.signing']) {
        await expect(page.locator(part).first(), part).toBeHidden()
      }
      for (const part of ['.glass', '.verdict', '.warnings', '.tree', '.times', '.shares', '.steps']) {
        await expect(page.locator(part).first(), part).toBeVisible()
      }
      const { ink, papers } = await page.evaluate(() => ({
        ink: getComputedStyle(document.querySelector('article') as Element).color,
        papers: ['body', 'article'].map(
          (one) => getComputedStyle(document.querySelector(one) as Element).backgroundColor,
        ),
      }))
      expect(papers).toEqual(['rgba(0, 0, 0, 0)', 'rgba(0, 0, 0, 0)'])
      const [red = 255, green = 255, blue = 255] = ink.match(/[\d.]+/g)?.map(Number) ?? []
      expect(red + green + blue).toBeLessThan(300)
    })
  }

  test('a long value is printed whole', async ({ page }) => {
    await inspect(page, `s=${tokenOf({ text: 'x'.repeat(6000) })}`)
    await page.emulateMedia({ media: 'print' })
    const cut = await page.locator('.glass').evaluate((one) => one.scrollHeight - one.clientHeight)
    expect(cut).toBeLessThanOrEqual(1)
    const pdf = await page.pdf({ format: 'A4' })
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-')
    expect(pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length).toBeGreaterThan(1)
  })
})

for (const alg of ['RS256', 'ES256', 'EdDSA']) {
  test(`a private key signs: ${alg}`, async ({ page }) => {
    const { privateKey } = await generateKeyPair(alg, { extractable: true })
    const pem = await exportPKCS8(privateKey)
    await page.fill('#pasted', `app=${tokenOf({ user: 'ada', exp: 4_000_000_000 })}`)
    await page.locator('#keys-box > summary').click()
    await page.fill('#keys', pem)
    await page.locator('.signing > summary').click()
    await page.getByLabel('Data as JSON').fill('{"user": "grace"}')
    await page.getByLabel('Sign as').selectOption({ label: 'jwt with key 1' })
    await page.getByRole('button', { name: 'Sign', exact: true }).click()
    const value = await page.getByLabel('Signed value').inputValue()
    const { payload, protectedHeader } = await jwtVerify(value, createPublicKey(pem))
    expect(protectedHeader.alg).toBe(alg)
    expect(payload).toMatchObject({ user: 'grace', exp: 4_000_000_000 })
    await page.getByRole('button', { name: 'Inspect it' }).click()
    await expect(page.locator('.verdict')).toContainText('The signature is valid. jwt reads it with key 1.')
  })
}

test('a key that can not be read is told, and why', async ({ page }) => {
  await page.fill('#pasted', `app=${Buffer.from('{"alg":"RS256"}').toString('base64url')}.e30.${'x'.repeat(342)}`)
  await page.locator('#keys-box > summary').click()
  await page.fill('#keys', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----')
  await expect(page.locator('.verdict')).toContainText('A key can not be imported')
  await page.fill('#keys', '-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----')
  await expect(page.locator('.problem')).toContainText('PKCS #8')
})

test('what the keys say stands above the data', async ({ page }) => {
  await page.getByRole('button', { name: 'Try an example' }).click()
  const topOf = async (part: string): Promise<number> => (await page.locator(part).first().boundingBox())?.y ?? 0
  await expect(page.locator('.verdict')).toBeVisible()
  expect(await topOf('.verdict')).toBeLessThan(await topOf('.parts'))
})

test.describe('hostile cookies', () => {
  test('names of what every object has are keys as all others', async ({ page }) => {
    const json =
      '{"__proto__": {"isAdmin": true}, "constructor": 1, "toString": 2, "hasOwnProperty": 3, "then": 4, "": 5}'
    const token = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(json).toString('base64url')}.`
    const { text } = await inspect(page, `s=${token}`)
    for (const key of ['__proto__', 'isAdmin', 'constructor', 'toString', 'hasOwnProperty', 'then']) {
      expect(text).toContain(key)
    }
    expect(await page.evaluate(() => 'isAdmin' in {})).toBe(false)
  })

  for (const depth of [60, 500, 5000]) {
    test(`nested ${depth} deep, of objects and of lists`, async ({ page }) => {
      for (const [open, close] of [
        ['{"a":', '}'],
        ['[', ']'],
      ] as const) {
        const json = `{"a":${open.repeat(depth)}1${close.repeat(depth)}}`
        const token = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(json).toString('base64url')}.`
        const { title, hasData, problem } = await inspect(page, `s=${token}`)
        expect(title).toBe('JWT')
        expect(hasData || problem !== '').toBe(true)
        // All that is closed opens, too.
        await page.evaluate(async () => {
          for (;;) {
            const closed = document.querySelector<HTMLDetailsElement>('.tree details:not([open])')
            if (!closed) return
            const filled = new Promise((resolve) => closed.addEventListener('toggle', resolve, { once: true }))
            closed.open = true
            await filled
          }
        })
      }
    })
  }

  test('text that turns around its line does so in its own place', async ({ page }) => {
    await inspect(page, `s=${tokenOf({ '\u202egnp.exe': '\u202etxt.exe', next: 1 })}`)
    for (const part of ['.tree .key', '.tree .value']) {
      const how = await page
        .locator(part)
        .first()
        .evaluate((one) => getComputedStyle(one).unicodeBidi)
      expect(how, part).toMatch(/isolate/)
    }
  })

  test('of very many cookies some are shown', async ({ page }) => {
    const many = Array.from({ length: 60_000 }, (_, at) => `c${at}=1`)
    await inspect(page, `Cookie: ${many.join('; ')}; last=${tokenOf({ user: 'ada' })}`)
    await expect(page.locator('article')).toHaveCount(50)
  })

  test('lines end as Windows writes them, too', async ({ page }) => {
    await inspect(page, `Set-Cookie: a=${tokenOf({ u: 1 })}; Path=/\r\nSet-Cookie: b=${tokenOf({ u: 2 })}; Secure\r\n`)
    await expect(page.locator('article h2')).toHaveText(['a', 'b'])
  })
})

test.describe('hostile HAR files', () => {
  const odd = { toString: 1, valueOf: 1 }
  const entries: readonly (readonly [string, readonly unknown[]])[] = [
    ['entries that are none', [null, 1, 'x', [], {}]],
    ['no messages', [{ request: null, response: null, startedDateTime: odd }]],
    ['headers that are none', [{ request: { url: odd, method: odd, headers: [null, 1, { name: odd }] } }]],
    ['cookies that are none', [{ request: { cookies: { a: 1 } } }, { request: { cookies: [null, { name: odd }] } }]],
    ['a status that is none', [{ response: { status: odd, headers: 'x' } }]],
  ]
  for (const [what, list] of entries) {
    test(what, async ({ page }) => {
      const whole = entry(1, `app=${tokenOf({ user: 'ada' })}`, [])
      await openHar(page, [...(list as object[]), whole])
      await expect(page.locator('.har-total')).toContainText(`${list.length + 1} requests, 1 session cookie`)
    })
  }

  test('names of what every object has', async ({ page }) => {
    const cookies = (value: number): string => `__proto__=${tokenOf({ value })}; constructor=${tokenOf({ value })}`
    await openHar(page, [entry(1, cookies(1), []), entry(2, cookies(2), [])])
    await expect(page.locator('article h2')).toHaveText(['__proto__', 'constructor'])
    await expect(page.locator('.changes').first()).toContainText('changedvalue12')
  })

  test('very many sessions: 200 are shown', async ({ page }) => {
    await openHar(
      page,
      Array.from({ length: 250 }, (_, at) => entry(at, `c${at}=${tokenOf({ user: 'ada' })}`, [])),
    )
    await expect(page.locator('#result')).toContainText('50 more session cookies of the file are not shown.')
    await expect(page.locator('article')).toHaveCount(200)
  })

  for (const [what, text] of [
    ['a piece of one', '{"log": {"entries": ['],
    ['other JSON', '{"log": null, "entries": []}'],
  ] as const) {
    test(`${what} is told`, async ({ page }) => {
      await page.setInputFiles('#file', { name: 'a.har', mimeType: 'application/json', buffer: Buffer.from(text) })
      await expect(page.locator('.problem')).toContainText('This JSON is no HAR file')
    })
  }
})
