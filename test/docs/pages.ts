/**
 * Takes the code out of README.md and docs/*.md. What a reader need not see stands in test/docs/examples/, one file for
 * each page: which blocks are run, which quote a file of examples/, and the code before and after them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { root } from '../../scripts/run.mjs'

export interface Block {
  /** Below the project's folder. */
  page: string
  /** Of the first line of code, from 1 on. */
  line: number
  /** What other blocks of the page import it as. */
  file: string
  code: string
  /** Code that the block needs. */
  before: string
  /** Code that looks at what the block did. */
  after: string
  isRun: boolean
}

export interface Quote {
  page: string
  line: number
  /** The file it must be, word for word. */
  file: string
  code: string
}

/** What test/docs/examples/ says of one block. */
interface Entry {
  kind: 'run' | 'compiled' | 'quotes'
  /** The file it quotes. */
  quoted: string
  before: string
  after: string
}

interface Fence {
  line: number
  heading: string
  language: string
  /** What follows the language. */
  info: string
  code: string
}

const FENCE = /^( *)(`{3,}|~{3,})\s*([^\s`]*)\s*([^`]*)$/
const HEADING = /^#+ (.+)$/
/** `// sessions.ts`, as the first line of a block: its name. */
const VISIBLE_NAME = /^\/\/ ([\w.-]+\.[jt]sx?)(?:\n|$)/
/** ``## `sessions.ts`: run``, the head of an entry. */
const ENTRY = /^`([\w.-]+)`: (run|compiled|quotes (examples\/\S+))$/
const CHECKED = new Set(['ts', 'tsx', 'js'])
/** Quotes may be of these as well; nothing compiles them here. */
const QUOTABLE = new Set([...CHECKED, 'jsx', 'vue', 'svelte'])
/** Other names of the same languages: under one of them a block would stay unchecked. */
const ALIASES = new Set(['typescript', 'javascript', 'mts', 'cts', 'mjs', 'cjs'])
const EXAMPLES = 'test/docs/examples/'

const REFERENCE = 'docs/reference/'

/** README.md and the pages below docs/ that people write, as paths below the project's folder. */
export function listPages(): string[] {
  return ['README.md', ...markdownIn('docs/').filter((page) => !page.startsWith(REFERENCE))]
}

/** The pages that `npm run reference` makes. Their code is that of the docstrings. */
export function listReference(): string[] {
  return markdownIn(REFERENCE)
}

/** The pages that test/docs/examples/ has a file for. */
export function listPagesWithExamples(): string[] {
  return markdownIn(EXAMPLES).map((file) => pageOf(file.slice(EXAMPLES.length)))
}

export function readPage(page: string): string {
  return readFileSync(root + page, 'utf8')
}

/**
 * The ts and js blocks of a page that are no quotes.
 *
 * @param examples the page's file of test/docs/examples/; empty: it has none
 * @throws {Error} for a block that would escape, words after the language, a name that stands twice, hidden code in the
 *   page itself, and an entry of `examples` without a block
 */
export function blocksOf(page: string, text?: string, examples?: string): Block[] {
  return readBlocks(page, text, examples)
    .filter(({ entry }) => entry?.kind !== 'quotes')
    .map(({ fence, file, entry }) => ({
      page,
      line: fence.line,
      file,
      code: fence.code,
      before: entry?.before ?? '',
      after: entry?.after ?? '',
      isRun: entry?.kind === 'run',
    }))
}

/** The blocks of a page that stand in files of the project, word for word. */
export function quotesOf(page: string, text?: string, examples?: string): Quote[] {
  return readBlocks(page, text, examples).flatMap(({ fence: { line, code }, entry }) =>
    entry?.kind === 'quotes' ? [{ page, line, file: entry.quoted, code: `${code}\n` }] : [],
  )
}

/** The Python blocks of a page, whatever name of the language they have. */
export function pythonBlocksOf(page: string, text: string = readPage(page)): Pick<Block, 'page' | 'line' | 'code'>[] {
  return [...text.matchAll(/^```py\w*[^\n]*\n([\s\S]*?)^```$/gim)].map(({ 1: code = '', index }) => ({
    page,
    line: text.slice(0, index).split('\n').length + 1,
    code,
  }))
}

/** A heading as GitHub names it in an address. */
export function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}

function readBlocks(
  page: string,
  text: string = readPage(page),
  examples: string = readExamples(page),
): { fence: Fence; file: string; entry: Entry | undefined }[] {
  const entries = entriesOf(page, examples)
  const names = new Set<string>()
  const perHeading = new Map<string, number>()
  const blocks = fencesOf(text, page).flatMap((fence) => {
    const { language, info, line } = fence
    if (ALIASES.has(language)) throw fault(page, line - 1, `write ts or js instead of ${language}`)
    if (!QUOTABLE.has(language)) return []
    if (info !== '') throw fault(page, line - 1, `"${info}" after the language belongs into ${examplesFileOf(page)}`)
    const file = VISIBLE_NAME.exec(fence.code)?.[1] ?? nextName(fence, perHeading)
    if (names.has(file)) throw fault(page, line - 1, `a second ${file}`)
    names.add(file)
    const entry = entries.get(file)
    if (!CHECKED.has(language) && entry?.kind !== 'quotes') throw fault(page, line - 1, `${file} is not checked`)
    return [{ fence, file, entry }]
  })
  const lost = [...entries.keys()].filter((name) => !names.has(name))
  if (lost.length > 0) throw new Error(`${examplesFileOf(page)}: no block of ${page} is ${lost.join(', ')}`)
  return blocks
}

/** `in-use.ts`, `in-use-2.ts`: blocks without a visible name have that of their heading. */
function nextName({ heading, language }: Fence, perHeading: Map<string, number>): string {
  const slug = slugOf(heading)
  const count = (perHeading.get(slug) ?? 0) + 1
  perHeading.set(slug, count)
  return `${slug}${count === 1 ? '' : `-${count}`}.${language}`
}

function entriesOf(page: string, examples: string): Map<string, Entry> {
  const file = examplesFileOf(page)
  const entries = new Map<string, Entry>()
  for (const { index, 1: heading = '' } of examples.matchAll(/^## (.*)$/gm)) {
    const [, name = '', kind = '', quoted = ''] = ENTRY.exec(heading) ?? []
    const line = examples.slice(0, index).split('\n').length
    if (name === '') throw fault(file, line, `"${heading}" is no entry`)
    if (entries.has(name)) throw fault(file, line, `a second ${name}`)
    entries.set(name, { kind: kind.split(' ')[0] as Entry['kind'], quoted, before: '', after: '' })
  }
  for (const { heading, info, code, line } of fencesOf(examples, file)) {
    const entry = entries.get(ENTRY.exec(heading)?.[1] ?? '')
    if (entry === undefined) throw fault(file, line - 1, 'code without an entry')
    if (info !== 'before' && info !== 'after') throw fault(file, line - 1, `"${info}" is neither before nor after`)
    entry[info] = code
  }
  return entries
}

function fencesOf(text: string, page: string): Fence[] {
  const lines = text.split('\n')
  const fences: Fence[] = []
  let heading = ''
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string
    heading = HEADING.exec(line)?.[1] ?? heading
    if (line.includes('<!--')) throw fault(page, at + 1, 'a comment that readers do not see')
    const fence = FENCE.exec(line)
    if (!fence) continue
    const [, indent = '', marks = '', language = '', info = ''] = fence
    const start = at + 1
    while (++at < lines.length && (lines[at] as string).trim() !== marks);
    const code = lines.slice(start, at).map((one) => one.slice(indent.length))
    fences.push({ line: start + 1, heading, language, info, code: code.join('\n') })
  }
  return fences
}

/** `docs/keys.md` has `keys.md`, and README.md its own; the index of docs/ has no code. */
function examplesFileOf(page: string): string {
  return page === 'docs/README.md' ? `${EXAMPLES}index.md` : `${EXAMPLES}${page.replace(/^docs\//, '')}`
}

function pageOf(name: string): string {
  return name === 'README.md' ? name : `docs/${name}`
}

function readExamples(page: string): string {
  const file = examplesFileOf(page)
  return existsSync(root + file) ? readPage(file) : ''
}

function markdownIn(folder: string): string[] {
  return readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
    .map((name) => folder + name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.md'))
    .sort()
}

function fault(file: string, line: number, what: string): Error {
  return new Error(`${file}:${line}: ${what}`)
}
