/** What the pages say of the project itself: its import paths, its codecs, the releases it was tried with, what it lacks. */
import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { listPages, readPage } from './pages.js'

const readme = readPage('README.md')
const formats = readPage('docs/formats.md')

test('the reference has a line for each import path of the package, and for no other', () => {
  const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { exports: Record<string, unknown> }
  const paths = Object.keys(exports).filter((path) => path !== './package.json')
  expect(paths.length).toBeGreaterThan(20)
  expect(
    rowsOf(sectionOf(readPage('docs/reference/README.md'), 'Imports'))
      .flatMap(pathsOf)
      .sort(),
  ).toEqual(paths.map(pathOf).sort())
})

describe('what is spoken', () => {
  /** Each speaks the format of some system. */
  const speakers = valuesFrom(/^\.\/(?:codecs\/[\w-]+|presets\/wsgi-jwt-session|stores\/django)\.js$/)

  test('is more than a few', () => expect(speakers.length).toBeGreaterThan(6))

  test.each(speakers)('%s stands in README.md and in docs/formats.md', (name) => {
    expect(rowsOf(sectionOf(readme, 'What it speaks')).join('\n')).toContain(`\`${name}(`)
    expect(rowsOf(headOf(formats)).join('\n')).toContain(`\`${name}\``)
  })
})

describe('docs/formats.md was tried with the releases that the tests pin', () => {
  const pins = readdirSync(`${root}test/interop`)
    .filter((name) => /^requirements.*\.txt$/.test(name))
    .flatMap((name) => [...readFileSync(`${root}test/interop/${name}`, 'utf8').matchAll(/^([\w-]+)==([\d.]+)$/gm)])
    .map(([, name = '', version = '']) => ({ name, version }))

  test.each(['Beaker', 'beaker-session-jwt', 'joserfc', 'PyJWT', 'pymongo', 'Django', 'django-session-jwt'])(
    '%s',
    (name) => {
      const [, oldest = '', newest = oldest] =
        new RegExp(`[ ,:]${name} (\\d[\\d.]*\\d)(?: (?:to|and) (\\d[\\d.]*\\d))?`).exec(inOneLine(headOf(formats))) ??
        []
      const versions = pins.filter((pin) => pin.name === name).map(({ version }) => version)
      versions.sort((one, other) => one.localeCompare(other, 'en', { numeric: true }))
      expect(`${versions.at(-1)}.`).toMatch(new RegExp(`^${newest.replaceAll('.', '\\.')}\\.`))
      expect(`${versions[0]}.`.localeCompare(oldest, 'en', { numeric: true })).toBeGreaterThanOrEqual(0)
    },
  )
})

test('no page speaks of what is still to come', () => {
  /** What others have not done by some moment; each must be met, so that none of them covers something new. */
  const harmless = [
    'docs/errors.md: The session is not valid yet.',
    'docs/formats.md: and is not valid yet when `now < nbf',
  ]
  const unread = new Set(harmless)
  const found = listPages().flatMap((page) => {
    const text = inOneLine(readPage(page))
    const marks = /\byet\b|, or will\b|\bwill have to\b|\bplanned\b|\bTODO\b|\b(?:a later|the next|a future) release\b/g
    return [...text.matchAll(marks)].flatMap(({ 0: mark, index }) => {
      const around = `${page}: ${text.slice(Math.max(0, index - 60), index + mark.length + 60)}`
      const known = harmless.find((sentence) => {
        const [where = '', words = ''] = sentence.split(': ')
        return where === page && around.includes(words)
      })
      if (known !== undefined) unread.delete(known)
      return known === undefined ? [around] : []
    })
  })
  expect(found).toEqual([])
  expect([...unread]).toEqual([])
})

/** The values, not the types, that the server's entry takes from some of its modules. */
function valuesFrom(modules: RegExp): string[] {
  const entry = readFileSync(`${root}src/server/index.ts`, 'utf8')
  return [...entry.matchAll(/^export \{([^}]*)\} from '([^']+)'/gm)]
    .filter(([, , module = '']) => modules.test(module))
    .flatMap(([, names = '']) => names.split(',').map((name) => name.trim()))
    .filter((name) => name !== '' && !name.startsWith('type '))
}

/** `./server` as it is imported. */
function pathOf(path: string): string {
  return posix.join('sessionglass', path)
}

/** `a/b/c`, `…/d`: what comes after the first has its folder. */
function pathsOf(row: string): string[] {
  const names = [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
  return names.map((name) => name.replace('…', posix.dirname(names[0] as string)))
}

/** The rows of all tables, without their headings. */
function rowsOf(text: string): string[] {
  const lines = text.split('\n')
  return lines.filter((line, index) => /^\| (?!---)/.test(line) && !lines[index + 1]?.startsWith('| ---'))
}

/** From below the heading to the next one. */
function sectionOf(text: string, heading: string): string {
  return text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
}

/** What stands before the first section. */
function headOf(text: string): string {
  return text.split('\n## ')[0] as string
}

function inOneLine(text: string): string {
  return text.replace(/\s+/g, ' ')
}
