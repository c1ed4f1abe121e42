/** The pages of the documentation against the project: links, sections that comments refer to, and the table of limits. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { sqlStore } from '../../src/server/stores/sql-store.js'
import { blocksOf, listPages, listPagesWithExamples, listReference, quotesOf, readPage, slugOf } from './pages.js'

const sources = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
  .map((path) => `src/${path.replaceAll('\\', '/')}`)
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(root + path, 'utf8') }))

describe('links', () => {
  test.each([...listPages(), ...listReference(), 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'llms.txt'])(
    '%s points at what exists',
    (page) => {
      const text = withoutCode(readPage(page))
      const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g), ...text.matchAll(/\b(?:src|srcset|href)="([^"\s]+)"/g)]
      const broken = targets.map(([, target]) => target as string).filter((target) => !isGood(page, target))
      expect(broken).toEqual([])
    },
  )
})

test.each([
  ['docs/README.md', [...listPages().filter((page) => page !== 'README.md'), 'docs/reference/README.md']],
  ['docs/reference/README.md', listReference()],
  ['llms.txt', [...listPages(), ...listReference()]],
])('%s names every page', (index, pages) => {
  const text = readPage(index)
  const others = pages.filter((page) => page !== index)
  expect(others.filter((page) => !text.includes(`](${posix.relative(posix.dirname(index), page)}`))).toEqual([])
})

describe('quotes', () => {
  const quotes = listPages().flatMap((page) => quotesOf(page))

  test('are of files that tests run', () => {
    expect(quotes.length).toBeGreaterThan(4)
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

test('docs/stores.md has the statements of createTable()', async () => {
  const made: string[] = []
  const execute = (sql: string): [] => {
    if (sql.startsWith('CREATE')) made.push(`${sql};`)
    return []
  }
  await sqlStore({ execute, dialect: 'postgresql' }).createTable()
  const [, statements = ''] = /^```sql\n([\s\S]*?)^```$/m.exec(readPage('docs/stores.md')) ?? []
  expect(statements.trim().replaceAll('\n  ', ' ').split('\n')).toEqual(made)
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
    const limit = /^ *(?:export )?const (\w*(?:MAX_|SHORTEST|LONGEST_|TOLERANCE|FIRST_DATE|LAST_DATE)\w*) = ['\d-]/gm
    const found = sources.flatMap(({ path, text }) => [...text.matchAll(limit)].map(([, name]) => `${name} ${path}`))
    expect(found.length).toBeGreaterThan(10)
    expect(rows.map(({ name, file }) => `${name} ${file}`).sort()).toEqual(found.sort())
  })
})

test('each attack of docs/threat-model.md has an answer and a test, or can not be detected', () => {
  const rows = [...readPage('docs/threat-model.md').matchAll(/^\| ([^|]+) \| ([^|]+) \| ([^|]*)\|$/gm)].map((row) => ({
    answer: row[2] ?? '',
    tests: [...(row[3] ?? '').matchAll(/`([^`]+)`/g)].map(([, path]) => path as string),
  }))
  expect(rows.length).toBeGreaterThan(50)
  expect(rows.flatMap(({ tests }) => tests).filter((path) => !existsSync(root + path))).toEqual([])
  const open = rows.filter(({ answer, tests }) => tests.length === 0 && !/^(answer|---)/.test(answer))
  expect(open.map(({ answer }) => answer.split(':')[0])).toEqual(['not detectable in the Python formats'])
})

test('docs/questions.md names every test of test/reports, and tests that exist', () => {
  const named = [...readPage('docs/questions.md').matchAll(/`(test\/[^`]+)`/g)].map(([, path]) => path as string)
  const reports = readdirSync(`${root}test/reports`)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/reports/${name}`)
  expect(reports.filter((path) => !named.includes(path))).toEqual([])
  expect(named.filter((path) => !existsSync(root + path))).toEqual([])
})

describe('the reader of pages', () => {
  const entry = '## `one.ts`: run\n\n```ts before\nconst a = 1\n```\n\n```ts after\nb(a)\n```\n'

  test('finds blocks with what is hidden of them', () => {
    const text =
      '# A\n\n```ts\n// one.ts\nconst b = f\n```\n\n## B `c`: d?\n```js\nx\n```\n```ts\ny\n```\n```js\nz\n```\n'
    expect(blocksOf('a.md', text, entry)).toEqual([
      {
        page: 'a.md',
        line: 4,
        file: 'one.ts',
        code: '// one.ts\nconst b = f',
        before: 'const a = 1',
        after: 'b(a)',
        isRun: true,
      },
      { page: 'a.md', line: 10, file: 'b-c-d.js', code: 'x', before: '', after: '', isRun: false },
      { page: 'a.md', line: 13, file: 'b-c-d-2.ts', code: 'y', before: '', after: '', isRun: false },
      { page: 'a.md', line: 16, file: 'b-c-d-3.js', code: 'z', before: '', after: '', isRun: false },
    ])
    expect(blocksOf('a.md', '```text\nx\n```\n```python\nx\n```\n', '')).toEqual([])
  })

  test('finds quotes', () => {
    const text = '# A\n\n```tsx\nx\n```\n'
    const examples = '## `a.tsx`: quotes examples/x.tsx\n'
    expect(quotesOf('a.md', text, examples)).toEqual([{ page: 'a.md', line: 4, file: 'examples/x.tsx', code: 'x\n' }])
    expect(blocksOf('a.md', text, examples)).toEqual([])
  })

  test.each<[what: string, text: string, examples: string, fault: string]>([
    ['another name of a language', '```typescript\nx\n```\n', '', 'a.md:1: write ts or js'],
    ['a language that only quotes have', '# A\n```jsx\nx\n```\n', '', 'a.md:2: a.jsx is not checked'],
    ['words after the language', '```ts run\nx\n```\n', '', 'a.md:1: "run" after the language'],
    ['a comment', 'text\n<!-- before: x -->\n', '', 'a.md:2: a comment'],
    ['a name twice', '```ts\n// a.ts\n```\n```ts\n// a.ts\n```\n', '', 'a.md:4: a second a.ts'],
    ['an entry without a block', 'text\n', entry, 'test/docs/examples/a.md: no block of a.md is one.ts'],
    ['an entry twice', 'text\n', entry + entry, 'test/docs/examples/a.md:10: a second one.ts'],
    [
      'an entry of no kind',
      'text\n',
      '## `one.ts`: walks\n',
      'test/docs/examples/a.md:1: "`one.ts`: walks" is no entry',
    ],
    ['code of no entry', 'text\n', '# a\n```ts before\n```\n', 'test/docs/examples/a.md:2: code without an entry'],
    ['code of no side', 'text\n', '## `one.ts`: run\n```ts\n```\n', 'test/docs/examples/a.md:2: "" is neither'],
  ])('lets no block escape: %s', (_, text, examples, fault) => {
    expect(() => blocksOf('a.md', text, examples)).toThrow(fault)
  })

  test('has a page for each file of examples/', () => {
    expect(listPagesWithExamples().length).toBeGreaterThan(10)
    expect(listPagesWithExamples().filter((page) => !listPages().includes(page))).toEqual([])
  })
})

function withoutCode(text: string): string {
  return withoutFences(text).replace(/(`+)[^`][\s\S]*?\1/g, '')
}

function withoutFences(text: string): string {
  return text.replace(/^( *)(```|~~~)[\s\S]*?^\1\2 *$/gm, '')
}

/** A web address, or a file of the project with the heading it names. */
function isGood(page: string, target: string): boolean {
  if (/^(?:https|mailto):/.test(target)) return true
  const [path = '', heading] = target.split('#')
  const file = path === '' ? page : posix.join(posix.dirname(page), path)
  if (!existsSync(root + file)) return false
  return heading === undefined || headingsOf(readPage(file)).includes(heading)
}

/** As GitHub names them: `keys`, a second one `keys-1`; and anchors that the page sets itself. */
function headingsOf(text: string): string[] {
  const counts = new Map<string, number>()
  const headings = [...withoutFences(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => {
    const slug = slugOf(heading)
    const count = counts.get(slug) ?? 0
    counts.set(slug, count + 1)
    return count === 0 ? slug : `${slug}-${count}`
  })
  return [...headings, ...[...text.matchAll(/<a id="([\w-]+)"><\/a>/g)].map(([, id = '']) => id)]
}

/** A number as the source or the page writes it, or a text in quotes: `65_536`, `65 536`, `16 * 1024`. */
function amount(text: string): number | string {
  const factors = text.split('*').map((factor) => factor.replace(/[_\s]/g, ''))
  const numbers = factors.map(Number)
  return numbers.some(Number.isNaN)
    ? text.replace(/['`]/g, '').trim()
    : numbers.reduce((product, number) => product * number, 1)
}
