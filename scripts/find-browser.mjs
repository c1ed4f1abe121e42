// @ts-check
/** Finds the browsers to test with: a Chromium, the system's first, then the one that Playwright keeps; the system's Firefox, and its WebKit. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** What to tell somebody who has no browser. */
export const browserHint =
  'no Chromium found: install one (Debian: apt-get install chromium; anywhere: npx playwright install chromium), ' +
  'or name its program in CHROMIUM_PATH'

/**
 * Finds a browser that starts.
 *
 * @returns {string | undefined} the path of its program
 */
export function findBrowser() {
  const named = process.env.CHROMIUM_PATH
  if (named) return starts(named) ? named : undefined
  return [...systemPlaces(), ...playwrightPlace()].find(starts)
}

/** What to tell somebody who has no Firefox. */
export const firefoxHint =
  'no Firefox found: install one (Debian: apt-get install firefox-esr), or name its program in FIREFOX_PATH'

/**
 * Finds a Firefox that starts.
 *
 * @returns {string | undefined} the path of its program
 */
export function findFirefox() {
  const named = process.env.FIREFOX_PATH
  if (named) return starts(named) ? named : undefined
  if (process.platform === 'darwin') return ['/Applications/Firefox.app/Contents/MacOS/firefox'].find(starts)
  if (process.platform === 'win32') return [`${process.env.PROGRAMFILES}/Mozilla Firefox/firefox.exe`].find(starts)
  return onPath(['firefox-esr', 'firefox']).find(starts)
}

/** What to tell somebody who has no WebKit. */
export const webKitHint = 'no WebKit found: install one (Debian: apt-get install webkit2gtk-driver xvfb)'

/**
 * Finds WebKit's driver, its small browser, and a screen that nobody sees.
 *
 * @returns {{ driver: string, browser: string, screen: string } | undefined} the paths of their programs
 */
export function findWebKit() {
  const folders = ['/usr/lib', '/usr/libexec'].filter(existsSync)
  const within = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  const versions = ['webkit2gtk-4.1', 'webkitgtk-6.0', 'webkit2gtk-4.0']
  const browsers = within.flatMap((folder) => ['', ...versions].map((version) => join(folder, version, 'MiniBrowser')))
  const [driver, browser, screen] = [onPath(['WebKitWebDriver']), browsers, onPath(['Xvfb'])].map((paths) =>
    paths.find(existsSync),
  )
  return driver && browser && screen ? { driver, browser, screen } : undefined
}

/** @returns {string[]} */
function systemPlaces() {
  if (process.platform === 'darwin') {
    const programs = ['Google Chrome', 'Chromium', 'Microsoft Edge']
    return ['', process.env.HOME ?? ''].flatMap((home) =>
      programs.map((name) => `${home}/Applications/${name}.app/Contents/MacOS/${name}`),
    )
  }
  if (process.platform === 'win32') {
    const folders = [process.env.PROGRAMFILES, process.env['PROGRAMFILES(X86)'], process.env.LOCALAPPDATA]
    const programs = [
      'Google/Chrome/Application/chrome.exe',
      'Chromium/Application/chrome.exe',
      'Microsoft/Edge/Application/msedge.exe',
    ]
    return folders.flatMap((folder) => (folder ? programs.map((program) => join(folder, program)) : []))
  }
  return onPath(['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'])
}

/**
 * @param {readonly string[]} programs
 * @returns {string[]} the places of the first, then those of the next
 */
function onPath(programs) {
  const folders = ['/usr/bin', ...(process.env.PATH ?? '').split(delimiter)]
  return programs.flatMap((program) => folders.map((folder) => join(folder, program)))
}

/** @returns {string[]} */
function playwrightPlace() {
  try {
    return [createRequire(import.meta.url)('playwright').chromium.executablePath()]
  } catch {
    return []
  }
}

/**
 * A file of that name may be only a stub that says where to get the browser, so it is asked for its version.
 * On Windows that question would open a window.
 *
 * @param {string} path
 */
function starts(path) {
  if (!existsSync(path)) return false
  if (process.platform === 'win32') return true
  return spawnSync(path, ['--version'], { stdio: 'ignore', timeout: 30_000 }).status === 0
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [found, hint] = process.argv.includes('firefox')
    ? [findFirefox(), firefoxHint]
    : process.argv.includes('webkit')
      ? [findWebKit()?.driver, webKitHint]
      : [findBrowser(), browserHint]
  console.log(found ?? hint)
  if (found === undefined) process.exitCode = 1
}
