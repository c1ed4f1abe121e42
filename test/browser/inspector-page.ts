/** The inspector page, opened from `file:`, and what tests do with it. */
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, type Page, test } from 'playwright/test'

export const address = pathToFileURL(fileURLToPath(new URL('../../dist/inspector.html', import.meta.url))).href

/** Opens the page before each test. No script of it may fail. */
export function watchFaults(): void {
  test.beforeEach(async ({ page }) => {
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(String(error)))
    await page.goto(address)
    await expect(page.locator('#pasted')).toBeVisible()
    ;(page as Page & { faults?: string[] }).faults = faults
  })

  test.afterEach(({ page }) => {
    expect((page as Page & { faults?: string[] }).faults).toEqual([])
  })
}

export interface Shown {
  title: string
  hasData: boolean
  problem: string
  warnings: string
  text: string
}

let pastes = 0

/** Pastes a text and tells what the first card says. */
export async function inspect(page: Page, text: string): Promise<Shown> {
  const mark = `paste-${++pastes}`
  await page.evaluate(
    (mark) => document.querySelector('#result')?.append(Object.assign(document.createElement('i'), { id: mark })),
    mark,
  )
  await page.fill('#pasted', text)
  await page.waitForFunction((mark) => !document.getElementById(mark), mark)
  return page.evaluate(() => {
    const card = document.querySelector('#result')
    const textOf = (selector: string): string => (card?.querySelector(selector) as HTMLElement | null)?.innerText ?? ''
    const headings = [...(card?.querySelectorAll('h3') ?? [])].map(({ textContent }) => textContent)
    return {
      title: textOf('.format b'),
      hasData: headings.includes('Data'),
      problem: textOf('.problem'),
      warnings: textOf('.warnings'),
      text: (card as HTMLElement).innerText,
    }
  })
}

/** An unsigned token, for nothing is verified here. */
export function tokenOf(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ typ: 'JWT', alg: 'none' })}.${part(claims)}.`
}

export function entry(index: number, cookie: string, setCookies: readonly string[]): object {
  return {
    startedDateTime: new Date(1_700_000_000_000 + index * 1000).toISOString(),
    request: {
      method: 'GET',
      url: `https://app.example/page/${index}`,
      headers: cookie === '' ? [] : [{ name: 'Cookie', value: cookie }],
    },
    response: { status: 200, headers: setCookies.map((value) => ({ name: 'Set-Cookie', value })) },
  }
}

/** @returns the size of the file in bytes */
export async function openHar(page: Page, entries: readonly object[]): Promise<number> {
  const buffer = Buffer.from(JSON.stringify({ log: { version: '1.2', entries } }))
  await page.setInputFiles('#file', { name: 'visit.har', mimeType: 'application/json', buffer })
  await expect(page.locator('.har-total')).toBeVisible()
  return buffer.length
}
