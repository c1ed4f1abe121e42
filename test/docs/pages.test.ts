/** The pages of the documentation against the project: links, sections that comments refer to, and the table of limits. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { blocksOf, listPages, quotesOf, readPage } from './pages.js'

const sources = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
  .map((path) => `src/${path.replaceAll('\\', '/')}`)
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(root + path, 'utf8') }))

describe('links', () => {
  test.each([...listPages(), 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'])('%s points at what exists', (page) => {
    const text = withoutCode(readPage(page))
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g), ...text.matchAll(/\b(?:src|srcset|href)="([^"\s]+)"/g)]
    const broken = targets.map(([, target]) => target as string).filter((target) => !isGood(page, target))
    expect(broken).toEqual([])
  })
})

describe('quotes', () => {
  const quotes = listPages().flatMap(quotesOf)

  test('are of files that tests run', () => {
    expect(quotes.length).toBeGreaterThan(4)
    expect(quotes.filter(({ file }) => !file.startsWith('examples/'))).toEqual([])
  })

  test.each(quotes)('of $file are what stands there', ({ file, code }) => {
    expect(readFileSync(root + file, 'utf8')).toBe(code)
  })
})

describe('docs/formats.md', () => {
  const text = readPage('docs/formats.md')

  test('has every section that a comment refers to', () => {
    const sections = new Set([...text.matchAll(/^##+ (\d+(?:\.\d+)?)\.? /gm)].map(([, number]) => number))
    const wanted = sources.flatMap(({ text }) =>
      [...text.matchAll(/FORMATS (§[\d.]+(?:(?:,| and| to) §[\d.]+)*)/g)].flatMap(
        ([, list = '']) => list.match(/\d+(?:\.\d+)*/g) ?? [],
      ),
    )
    expect(wanted.length).toBeGreaterThan(20)
    expect([...new Set(wanted)].filter((number) => !sections.has(number))).toEqual([])
  })

  test('has the traps 1 to 28, each with what is done about it', () => {
    const rows = [...text.matchAll(/^\| (\d+) \| \S.* \| \S.* \|$/gm)].map(([, number]) => Number(number))
    expect(rows).toEqual(Array.from({ length: 28 }, (_, index) => index + 1))
  })
})

describe('the limits of docs/security.md', () => {
  const rows = [
    ...readPage('docs/security.md').matchAll(
      /^\| `([A-Z_\d]+)` \| ([^|]+) \| ([^|]+) \| `(src\/[^`]+)` \| `(test\/[^`]+)` \|$/gm,
    ),
  ].map(([, name = '', value = '', reason = '', file = '', tested = '']) => ({ name, value, reason, file, tested }))

  test.each(rows)('$name of $file', ({ name, value, file, tested }) => {
    const written = new RegExp(`const ${name} = ([^\\n]+)\\n`).exec(readFileSync(root + file, 'utf8'))?.[1] ?? ''
    expect(amount(written)).toBe(amount(value))
    expect(existsSync(root + tested), tested).toBe(true)
  })

  test('are all that the source has', () => {
    const limit = /^(?:export )?const (\w*(?:MAX_|SHORTEST|LONGEST_|TOLERANCE|FIRST_DATE|LAST_DATE)\w*) = ['\d-]/gm
    const found = sources.flatMap(({ path, text }) => [...text.matchAll(limit)].map(([, name]) => `${name} ${path}`))
    expect(found.length).toBeGreaterThan(10)
    expect(rows.map(({ name, file }) => `${name} ${file}`).sort()).toEqual(found.sort())
  })
})

describe('the reader of pages', () => {
  test('finds blocks with their hidden lines', () => {
    const text = '# A\n\n<!-- before\nconst a = 1\n-->\n<!-- after: b(a) -->\n```ts run one.ts\nconst b = f\n```\n'
    expect(blocksOf('a.md', text)).toEqual([
      {
        page: 'a.md',
        line: 8,
        file: 'one.ts',
        code: 'const b = f',
        before: '\nconst a = 1\n',
        after: ' b(a) ',
        isRun: true,
      },
    ])
    expect(blocksOf('a.md', '```text\nx\n```\n```python\nx\n```\n')).toEqual([])
  })

  test('lets no block escape', () => {
    expect(() => blocksOf('a.md', '```typescript\nx\n```\n')).toThrow('a.md:1: write ts or js')
    expect(() => blocksOf('a.md', '<!-- before: x -->\ntext\n')).toThrow('a.md:2: hidden code')
    expect(() => blocksOf('a.md', '<!-- before: x -->\n```sh\nx\n```\n')).toThrow('a.md:2: hidden code')
    expect(() => blocksOf('a.md', '```ts a.ts\n```\n```ts a.ts\n```\n')).toThrow('a.md:3: a second a.ts')
  })
})

function withoutCode(text: string): string {
  return text.replace(/^( *)(```|~~~)[\s\S]*?^\1\2 *$/gm, '').replace(/(`+)[^`][\s\S]*?\1/g, '')
}

/** A web address, or a file of the project with the heading it names. */
function isGood(page: string, target: string): boolean {
  if (/^(?:https|mailto):/.test(target)) return true
  const [path = '', heading] = target.split('#')
  const file = path === '' ? page : posix.join(posix.dirname(page), path)
  if (!existsSync(root + file)) return false
  return heading === undefined || headingsOf(readPage(file)).includes(heading)
}

/** As GitHub names them. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** A number as the source or the page writes it, or a text in quotes: `65_536`, `65 536`, `16 * 1024`. */
function amount(text: string): number | string {
  const factors = text.split('*').map((factor) => factor.replace(/[_\s]/g, ''))
  const numbers = factors.map(Number)
  return numbers.some(Number.isNaN)
    ? text.replace(/['`]/g, '').trim()
    : numbers.reduce((product, number) => product * number, 1)
}
