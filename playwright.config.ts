/** The browser tests: live servers and a real Chromium. `dist/` is built first, for the pages load it. */
import { defineConfig } from 'playwright/test'
import { browserHint, findBrowser } from './scripts/find-browser.mjs'

const executablePath = findBrowser()
if (executablePath === undefined) throw new Error(browserHint)

export default defineConfig({
  testDir: 'test/browser',
  testMatch: '**/*.spec.ts',
  outputDir: '.cache/playwright',
  globalSetup: './test/setup/browser.ts',
  workers: 2,
  retries: 0,
  forbidOnly: process.env.CI !== undefined,
  timeout: 60_000,
  expect: { timeout: 30_000 },
  reporter: [['list'], ['json', { outputFile: '.cache/reports/playwright.json' }]],
  use: {
    headless: true,
    launchOptions: {
      executablePath,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
})
