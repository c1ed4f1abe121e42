/** docs/reference/ is what the comments in the sources say, and these leave nothing out that is exported. */
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { makeReference, readExports } from '../../scripts/reference.mjs'
import { root } from '../../scripts/run.mjs'
import { listReference, readPage } from './pages.js'

const { exported, checker, symbols } = readExports()
const all = exported.map((one) => ({ ...one, symbol: symbols.get(one) as ts.Symbol }))
const functions = all.filter(({ symbol }) => symbol.flags & ts.SymbolFlags.Function)

test('the pages are current; if not, run npm run reference', async () => {
  const made = await makeReference()
  expect(listReference()).toEqual([...made.keys()].sort())
  for (const [page, text] of made) expect(readPage(page), page).toBe(text)
}, 300_000)

test('every export has a text', () => {
  expect(all.length).toBeGreaterThan(150)
  expect(all.filter(({ symbol }) => !hasText(symbol)).map(({ source, name }) => `${name} of src/${source}`)).toEqual([])
})

test('every option and every other member has a text', () => {
  const silent = all.flatMap(({ symbol }) => membersOf(symbol).filter((member) => !hasText(member)))
  expect([...new Set(silent)].map(placeOf).sort()).toEqual([])
})

test('what has a default says it by @defaultValue', () => {
  const said = all
    .flatMap(({ symbol }) => membersOf(symbol))
    .filter((member) => /(?:^|[.;,:(]\s*)[Dd]efault:? |\(default\)|if absent/.test(textOf(member)))
  expect([...new Set(said)].map(placeOf).sort()).toEqual([])
})

describe('functions', () => {
  test('are more than a few', () => expect(functions.length).toBeGreaterThan(40))

  test.each(functions)('$name has an example, and the release it came with', ({ symbol }) => {
    const tags = symbol.getJsDocTags(checker).map(({ name }) => name)
    expect(tags).toEqual(expect.arrayContaining(['example', 'since']))
  })

  test.each(functions.filter(({ symbol }) => throws(symbol)))('$name says what it throws', ({ symbol }) => {
    const [text = ''] = symbol
      .getJsDocTags(checker)
      .flatMap(({ name, text }) => (name === 'throws' ? [ts.displayPartsToString(text)] : []))
    expect(text).toMatch(/TypeError|ERR_SESSION_/)
  })
})

/** The members that an interface or a class of ours has, also those of what it extends. */
function membersOf(symbol: ts.Symbol): ts.Symbol[] {
  if (!(symbol.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.Class))) return []
  return checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol)).filter((member) => {
    const [declaration] = member.declarations ?? []
    const hidden = member.name.startsWith('~') || member.name.startsWith('__') || /^#|^__#/.test(member.name)
    if (hidden || !declaration?.getSourceFile().fileName.startsWith(`${root}src/`)) return false
    const isPrivate = ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private
    return !isPrivate && !member.getJsDocTags(checker).some(({ name }) => name === 'internal')
  })
}

function hasText(symbol: ts.Symbol): boolean {
  return textOf(symbol) !== '' || symbol.getJsDocTags(checker).some(({ name }) => name === 'returns')
}

function textOf(symbol: ts.Symbol): string {
  return ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim()
}

function placeOf(member: ts.Symbol): string {
  const declaration = member.declarations?.[0] as ts.Declaration
  const file = declaration.getSourceFile()
  const line = file.getLineAndCharacterOfPosition(declaration.getStart()).line + 1
  return `${file.fileName.slice(root.length)}:${line} ${member.name}`
}

/** Whether a call may throw before it returns: a `throw` in its body, or in that of a function of ours which it calls. */
function throws(symbol: ts.Symbol, seen: Set<ts.Symbol> = new Set()): boolean {
  if (seen.has(symbol)) return false
  seen.add(symbol)
  return (symbol.declarations ?? []).some((declaration) => {
    const body = ts.isFunctionDeclaration(declaration) ? declaration.body : undefined
    return body !== undefined && throwsIn(body, seen)
  })
}

function throwsIn(node: ts.Node, seen: Set<ts.Symbol>): boolean {
  if (ts.isThrowStatement(node)) return true
  if (ts.isFunctionLike(node) || ts.isTryStatement(node)) return false
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
    const called = checker.getSymbolAtLocation(node.expression)
    const target = called && called.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(called) : called
    if (target && throws(target, seen)) return true
  }
  return ts.forEachChild(node, (child) => throwsIn(child, seen) || undefined) ?? false
}
