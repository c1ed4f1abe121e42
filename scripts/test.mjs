// @ts-check
/** `npm test`: everything there is to check, from a fresh clone on. Ends with one line that counts the tests. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { build } from './build.mjs'
import { ensureInstall } from './ensure-install.mjs'
import { browserHint, findBrowser, findFirefox, firefoxHint } from './find-browser.mjs'
import { ensurePython } from './python-env.mjs'
import { npm, root, runModule } from './run.mjs'
import { runOnRuntimes } from './runtimes.mjs'

const reports = `${root}.cache/reports`
const isContinuousIntegration = process.env.CI === 'true' || process.env.CI === '1'
/** What could not run here, one line each; under CI nothing may be left out. */
const leftOut = /** @type {string[]} */ ([])

const steps = /** @type {[string, () => boolean | Promise<boolean>][]} */ ([
  ['Install', ensureInstall],
  ['Build', build],
  ['Types, lint, format, imports, dead code, house rules', () => npm(['run', '--silent', 'check'])],
  ['Python environment', preparePython],
  ['Package: publint, types', () => npm(['run', '--silent', 'lint:package'])],
  ['Tests', testInNode],
  ['Runtimes', testOnRuntimes],
  ['Browser', testInBrowser],
])

rmSync(reports, { recursive: true, force: true })
mkdirSync(reports, { recursive: true })
const times = /** @type {string[]} */ ([])
let failed
for (const [heading, step] of steps) {
  console.log(`\n=== ${heading}`)
  const start = performance.now()
  const isDone = await step()
  times.push(`${minutes(performance.now() - start)}  ${heading}`)
  if (isDone) continue
  failed = heading
  break
}
if (failed) {
  console.log(`\nFAILED: ${failed}`)
  process.exitCode = 1
} else {
  console.log('\nAll steps done.')
}
console.log(`\n${[...times, `${minutes(performance.now())}  all`].join('\n')}`)
for (const line of leftOut) console.log(`LEFT OUT: ${line}`)
printTotal()

function preparePython() {
  const result = ensurePython()
  if ('python' in result) {
    console.log(result.python)
    return true
  }
  return leaveOut(`tests against Python: ${result.missing}`)
}

/** Every project of vitest.config.ts, also the house rules again: so that no test is left out of the total. */
function testInNode() {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reports}/vitest.json`]
  return runModule('vitest/vitest.mjs', ['run', ...reporters])
}

/** The server's suites on the other Nodes, Bun, Deno and workerd. */
async function testOnRuntimes() {
  const total = await runOnRuntimes()
  if (total === undefined) return leaveOut('tests on other runtimes: npm could not install them')
  const report = { numPassedTests: total.passed, numFailedTests: total.failed, numPendingTests: 0, numTodoTests: 0 }
  writeFileSync(`${reports}/runtimes.json`, JSON.stringify(report))
  return total.failed === 0
}

function testInBrowser() {
  if (!existsSync(`${root}test/browser`)) return leaveOut('browser tests: test/browser is missing')
  if (findBrowser() === undefined) {
    console.log('no Chromium on this system; asking Playwright for one')
    runModule('playwright/cli.js', ['install', 'chromium'])
  }
  if (findBrowser() === undefined) return leaveOut(`browser tests: ${browserHint}`)
  if (findFirefox() === undefined && !leaveOut(`tests in Firefox: ${firefoxHint}`)) return false
  return runModule('playwright/cli.js', ['test'])
}

/**
 * Notes what can't run here.
 *
 * @param {string} line
 * @returns {boolean} whether that is acceptable: not under CI
 */
function leaveOut(line) {
  if (isContinuousIntegration) console.error(line)
  else leftOut.push(line)
  return !isContinuousIntegration
}

/**
 * @param {number} milliseconds
 * @returns {string} as `1:05`, and as long as other times below an hour
 */
function minutes(milliseconds) {
  const seconds = Math.round(milliseconds / 1000)
  return `${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, '0')}`
}

/** Adds up what the test runners themselves reported. */
function printTotal() {
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const name of readdirSync(reports)) {
    const report = JSON.parse(readFileSync(`${reports}/${name}`, 'utf8'))
    if (report.stats) {
      total.passed += report.stats.expected
      total.failed += report.stats.unexpected + report.stats.flaky
      total.skipped += report.stats.skipped
    } else {
      total.passed += report.numPassedTests
      total.failed += report.numFailedTests
      total.skipped += report.numPendingTests + report.numTodoTests
    }
  }
  // A step may fail before or outside its tests; the total must not look like success then.
  if (process.exitCode && total.failed === 0) total.failed = 1
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
}
