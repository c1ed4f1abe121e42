/** What axe finds wrong in a page as it stands. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright/test'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface AxeWindow {
  axe: { run(): Promise<{ violations: { id: string; nodes: { target: unknown; failureSummary: string }[] }[] }> }
}

/** One line for each rule that is broken, with the elements that break it. */
export async function violations(page: Page): Promise<string[]> {
  // By the debugger's way in, which no policy of the page closes.
  await page.evaluate(axe)
  const found = await page.evaluate(async () => (await (window as unknown as AxeWindow).axe.run()).violations)
  return found.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join('; ')}`,
  )
}
