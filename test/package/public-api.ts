/** Lists every export of every entry of package.json with its type, from the declarations in dist/. */
import { relative } from 'node:path'
import ts from 'typescript'
import { root } from '../../scripts/run.mjs'

interface Entry {
  /** As an application imports it: `sessionglass/server`. */
  readonly name: string
  /** The file of its declarations. */
  readonly types: string
}

/** The names that an entry exports as values: what `Object.keys` of the imported module shows. */
interface EntryApi {
  readonly name: string
  readonly values: readonly string[]
}

export interface PublicApi {
  readonly text: string
  readonly entries: readonly EntryApi[]
}

/** Comments, `export` and paths of files are left out: the text changes only if the API does. */
export function readPublicApi(manifest: { readonly name: string; readonly exports: object }): PublicApi {
  const entries = entriesOf(manifest)
  const program = ts.createProgram(
    entries.map(({ types }) => types),
    {
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
      types: ['node'],
      strict: true,
      skipLibCheck: true,
      noEmit: true,
    },
  )
  const checker = program.getTypeChecker()
  const exported = entries.map((entry) => {
    const module = checker.getSymbolAtLocation(sourceOf(program, entry.types))
    const symbols = (module === undefined ? [] : checker.getExportsOfModule(module))
      .map((symbol) => ({ name: symbol.name, symbol: resolved(checker, symbol), typeOnly: isTypeOnly(symbol) }))
      .sort((a, b) => compare(a.name, b.name))
    return { entry, symbols }
  })

  // The entry that a declaration is printed under; the other entries refer to it.
  const homes = new Map<ts.Symbol, string>()
  for (const { entry, symbols } of exported) {
    for (const { symbol } of symbols) if (!homes.has(symbol)) homes.set(symbol, entry.name)
  }

  const lines: string[] = []
  for (const { entry, symbols } of exported) {
    lines.push(`## ${entry.name}`, '')
    const hidden = new Map<ts.Symbol, string>()
    for (const { name, symbol, typeOnly } of symbols) {
      const home = homes.get(symbol)
      if (home === entry.name) {
        if (typeOnly && isValue(symbol)) lines.push('// as a type only')
        lines.push(...declarationsOf(symbol), '')
        collectHidden(checker, symbol, homes, hidden)
      } else lines.push(`${name}: see ${home}`, '')
    }
    // A declaration that is used but not exported is a part of the API all the same.
    for (const [symbol, name] of [...hidden].sort(([, a], [, b]) => compare(a, b))) {
      homes.set(symbol, entry.name)
      lines.push(`// not exported: ${name}`, ...declarationsOf(symbol), '')
    }
  }
  return {
    text: lines.join('\n'),
    entries: exported.map(({ entry, symbols }) => ({
      name: entry.name,
      values: symbols.filter(({ symbol, typeOnly }) => !typeOnly && isValue(symbol)).map(({ name }) => name),
    })),
  }
}

function entriesOf({ name, exports }: { readonly name: string; readonly exports: object }): Entry[] {
  return Object.entries(exports)
    .filter(([, target]) => typeof target === 'object')
    .map(([path, { types }]) => ({ name: name + path.slice(1), types: root + types.slice(2) }))
    .sort((a, b) => compare(a.name, b.name))
}

function sourceOf(program: ts.Program, file: string): ts.SourceFile {
  const source = program.getSourceFile(file)
  if (source === undefined) throw new Error(`${relative(root, file)} is missing`)
  return source
}

function resolved(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  return (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol)
}

function isValue(symbol: ts.Symbol): boolean {
  return (symbol.flags & ts.SymbolFlags.Value) !== 0
}

function isTypeOnly(symbol: ts.Symbol): boolean {
  const [specifier] = symbol.declarations ?? []
  if (specifier === undefined || !ts.isExportSpecifier(specifier)) return false
  return specifier.isTypeOnly || specifier.parent.parent.isTypeOnly
}

/** What a symbol's declarations mention of dist/ that no entry exports, and what that mentions in turn. */
function collectHidden(
  checker: ts.TypeChecker,
  symbol: ts.Symbol,
  homes: ReadonlyMap<ts.Symbol, string>,
  found: Map<ts.Symbol, string>,
): void {
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const local = checker.getSymbolAtLocation(node)
      const target = local && resolved(checker, local)
      if (target && isTopLevelOfDist(target) && !homes.has(target) && !found.has(target)) {
        found.set(target, target.name)
        collectHidden(checker, target, homes, found)
      }
    }
    ts.forEachChild(node, visit)
  }
  for (const declaration of symbol.declarations ?? []) visit(declaration)
}

function isTopLevelOfDist(symbol: ts.Symbol): boolean {
  const [declaration] = symbol.declarations ?? []
  if (!declaration?.getSourceFile().fileName.startsWith(`${root}dist/`)) return false
  return ts.isSourceFile(statementOf(declaration).parent)
}

/** A constant is declared inside its statement, everything else is one itself. */
function statementOf(declaration: ts.Declaration): ts.Node {
  return ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration
}

const printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed })

function declarationsOf(symbol: ts.Symbol): string[] {
  return (symbol.declarations ?? []).map((declaration) =>
    printer
      .printNode(ts.EmitHint.Unspecified, statementOf(declaration), declaration.getSourceFile())
      .replace(/^export /, '')
      .replace(/^(?:default )?declare /, '')
      .replace(/import\("\.[^"]*"\)\./g, ''),
  )
}

/** By code unit: the same on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
