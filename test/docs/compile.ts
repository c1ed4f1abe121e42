/** Type-checks code of the documentation against the sources, and translates it for a run against dist/. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import ts from 'typescript'
import { root } from '../../scripts/run.mjs'

/** One file of code with hidden lines before and after it. */
export interface Example {
  /** Where it stands, without a suffix of its own: `docs/errors.md`. */
  place: string
  line: number
  file: string
  code: string
  before: string
  after: string
}

/** Below the project's folder, so that `import 'sessionglass'` finds the package itself. */
const folder = `${root}.cache/docs/`

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  jsx: ts.JsxEmit.ReactJSX,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  moduleDetection: ts.ModuleDetectionKind.Force,
  types: ['node'],
  typeRoots: [`${root}node_modules/@types`],
  paths: {
    '#platform': [`${root}src/server/platform/node.ts`],
    sessionglass: [`${root}src/shared/index.ts`],
    'sessionglass/client': [`${root}src/client/index.ts`],
    'sessionglass/react': [`${root}src/client/react.ts`],
    'sessionglass/server': [`${root}src/server/index.ts`],
    'sessionglass/testing': [`${root}src/server/testing.ts`],
    'sessionglass/*': [`${root}src/*.ts`],
  },
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  allowJs: true,
  checkJs: true,
  skipLibCheck: true,
  noEmit: true,
}

/**
 * Pages about a runtime with types of its own are compiled as its users do: with these types in place of the DOM's and Node's, and
 * with the declarations in dist/.
 */
const ownTypes: Readonly<Record<string, string>> = {
  'docs/frameworks/bun.md': 'bun-types',
  'docs/frameworks/workers.md': '@cloudflare/workers-types',
}

function optionsFor(place: string): ts.CompilerOptions {
  const types = ownTypes[place]
  if (types === undefined) return options
  const { paths: _, typeRoots: _roots, ...rest } = options
  return { ...rest, lib: ['lib.es2023.d.ts'], types: [types] }
}

/** Where an example is written to. `.run` is the form with the lines after it, which nothing imports. */
function fileOf({ place, file }: Example, suffix: '' | '.run' = ''): string {
  return `${folder}${place.replace(/\W+/g, '-')}/${file.replace(/(\.[jt]sx?)$/, `${suffix}$1`)}`
}

/** The program to run: JavaScript. */
export function programOf(example: Example): string {
  return fileOf(example, '.run').replace(/\.tsx?$/, '.js')
}

/** Writes all examples, and JavaScript beside each TypeScript. */
export function writeExamples(examples: readonly Example[]): void {
  rmSync(folder, { recursive: true, force: true })
  for (const example of examples) {
    const { before, code, after } = example
    write(fileOf(example), [before, code])
    write(fileOf(example, '.run'), [before, code, after])
  }
}

/** Reads the types of packages once for all programs. */
export function sharedHost(options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  const readSource = host.getSourceFile
  const known = new Map<string, ts.SourceFile | undefined>()
  host.getSourceFile = (name, ...rest) => {
    if (!known.has(name)) known.set(name, readSource(name, ...rest))
    return known.get(name)
  }
  return host
}

/** What the compiler says of each example, by line of its page. Pages are compiled apart: what one declares is its own. */
export function checkExamples(examples: readonly Example[]): Map<Example, string[]> {
  const host = sharedHost(options)
  const places = new Set(examples.map(({ place }) => place))
  return new Map(
    [...places].flatMap((place) =>
      checkPlace(
        examples.filter((one) => one.place === place),
        optionsFor(place),
        host,
      ),
    ),
  )
}

function checkPlace(
  examples: readonly Example[],
  options: ts.CompilerOptions,
  host: ts.CompilerHost,
): [Example, string[]][] {
  const names = examples.map((example) => fileOf(example, '.run'))
  const program = ts.createProgram(names, options, host)
  return examples.map((example, index) => {
    const source = program.getSourceFile(names[index] as string)
    const diagnostics = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    return [example, diagnostics.map((diagnostic) => describe(diagnostic, example))]
  })
}

function write(file: string, parts: readonly string[]): void {
  const text = parts.join('\n')
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  if (!/\.tsx?$/.test(file)) return
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      jsx: ts.JsxEmit.ReactJSX,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
    fileName: file,
  })
  writeFileSync(file.replace(/\.tsx?$/, '.js'), outputText)
}

function describe({ file, start, messageText }: ts.Diagnostic, { place, line, before }: Example): string {
  const message = ts.flattenDiagnosticMessageText(messageText, '\n')
  if (file === undefined || start === undefined) return message
  return `${place}:${line + file.getLineAndCharacterOfPosition(start).line - before.split('\n').length}: ${message}`
}
