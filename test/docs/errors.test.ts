/** docs/errors.md against the source: the same codes in the same order, and none said to be thrown that is not. */
import { readdirSync, readFileSync } from 'node:fs'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { readPage } from './pages.js'

const sections = readPage('docs/errors.md')
  .split(/^(?=### `)/m)
  .slice(1)
  .map((text) => ({ code: /^### `(\w+)`/.exec(text)?.[1] ?? '', text: text.split(/^## /m)[0] as string }))

test('the page has a section for each code of the source, and no other', () => {
  const codes = codesOfTheSource()
  expect(codes.length).toBeGreaterThan(10)
  expect(sections.map(({ code }) => code)).toEqual(codes)
})

test.each(sections)('$code: where it is met, cause and cure', ({ text }) => {
  expect([...text.matchAll(/^- \*\*(.+?):\*\* \S/gm)].map(([, heading]) => heading)).toEqual([
    'Met by',
    'Cause',
    'Cure',
  ])
})

test('the codes that nothing throws yet are those of which the page says so', () => {
  const thrown = codesThrown()
  const silent = codesOfTheSource().filter((code) => !thrown.has(code))
  const declared = sections.filter(({ text }) => /\b(?:nothing yet|yet; a codec|throws it yet)\b/.test(text))
  expect(declared.map(({ code }) => code)).toEqual(silent)
})

/** The members of the union `SessionErrorCode`. */
function codesOfTheSource(): string[] {
  const path = `${root}src/shared/errors.ts`
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest)
  const union = source.statements.find(
    (statement) => ts.isTypeAliasDeclaration(statement) && statement.name.text === 'SessionErrorCode',
  ) as ts.TypeAliasDeclaration
  return (union.type as ts.UnionTypeNode).types.map(
    (type) => ((type as ts.LiteralTypeNode).literal as ts.StringLiteral).text,
  )
}

/** Codes that stand where an error is made, or as the default of a helper that makes one. */
function codesThrown(): Set<string> {
  const made = /(?:SessionError\(|refuse\(\w+,|fail\(|[^=!]=)\s*'(ERR_SESSION_\w+)'/g
  const texts = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readFileSync(`${root}src/${path}`, 'utf8'))
  return new Set(texts.flatMap((text) => [...text.matchAll(made)].map(([, code]) => code as string)))
}
