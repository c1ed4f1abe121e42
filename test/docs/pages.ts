/** Takes the code out of README.md and docs/*.md: each ts or js block, with the hidden lines around it, and Python's. */
import { readdirSync, readFileSync } from 'node:fs'
import { root } from '../../scripts/run.mjs'

export interface Block {
  /** Below the project's folder. */
  page: string
  /** Of the first line of code, from 1 on. */
  line: number
  /** What other blocks of the page import it as. */
  file: string
  code: string
  /** Hidden code that the block needs. */
  before: string
  /** Hidden code that looks at what the block did. */
  after: string
  isRun: boolean
}

/** ```` ```ts run server.ts ````: the language, whether the block is run, and its file name. */
const FENCE = /^( *)(`{3,}|~{3,})\s*([^\s`]*)\s*([^`]*)$/
/** `<!-- before` or `<!-- after`, and code up to the end of the comment. */
const HIDDEN = /^ *<!-- (before|after)\b:?(.*)$/
const LANGUAGES: Readonly<Record<string, string>> = { ts: '.ts', js: '.js' }
/** ```` ```tsx quote examples/next/app/page.tsx ````: what stands in that file, which other tests run. */
const QUOTE = 'quote '
/** Other names of the same languages: under one of them a block would stay unchecked. */
const ALIASES = new Set(['typescript', 'javascript', 'mts', 'cts', 'mjs', 'cjs', 'tsx', 'jsx'])

/** README.md and all pages below docs/, as paths below the project's folder. */
export function listPages(): string[] {
  const docs = readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' }).map((name) =>
    name.replaceAll('\\', '/'),
  )
  return [
    'README.md',
    ...docs
      .filter((name) => name.endsWith('.md'))
      .sort()
      .map((name) => `docs/${name}`),
  ]
}

export function readPage(page: string): string {
  return readFileSync(root + page, 'utf8')
}

/**
 * The ts and js blocks of a page.
 *
 * @throws {Error} for a block under another name of these languages, hidden code without a block after it, and a file
 *   name that stands twice
 */
export function blocksOf(page: string, text: string = readPage(page)): Block[] {
  const lines = text.split('\n')
  const blocks: Block[] = []
  let hidden: { before?: string; after?: string } = {}
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string
    const comment = HIDDEN.exec(line)
    if (comment) {
      const kind = comment[1] as 'before' | 'after'
      const code = [comment[2] as string]
      while (!(code.at(-1) as string).includes('-->') && at + 1 < lines.length) code.push(lines[++at] as string)
      hidden[kind] = code.join('\n').replace(/-->.*$/s, '')
      continue
    }
    const fence = FENCE.exec(line)
    if (!fence) {
      if (line.trim() !== '' && Object.keys(hidden).length > 0)
        throw fault(page, at, 'hidden code without a block after it')
      continue
    }
    const [, indent = '', marks = '', language = '', info = ''] = fence
    const start = at + 1
    const code: string[] = []
    while (++at < lines.length && (lines[at] as string).trim() !== marks)
      code.push((lines[at] as string).slice(indent.length))
    if (info.startsWith(QUOTE)) continue
    if (ALIASES.has(language)) throw fault(page, start - 1, `write ts or js instead of ${language}`)
    const extension = LANGUAGES[language]
    if (extension === undefined) {
      if (Object.keys(hidden).length > 0) throw fault(page, start - 1, 'hidden code before a block that is not checked')
      continue
    }
    const words = info.split(/\s+/)
    const file = words.find((word) => word.endsWith(extension)) ?? `line-${start + 1}${extension}`
    if (blocks.some((block) => block.file === file)) throw fault(page, start - 1, `a second ${file}`)
    const { before = '', after = '' } = hidden
    blocks.push({ page, line: start + 1, file, code: code.join('\n'), before, after, isRun: words.includes('run') })
    hidden = {}
  }
  return blocks
}

/** The blocks of a page that stand in files of the project, word for word. */
export function quotesOf(page: string): { file: string; code: string }[] {
  return [...readPage(page).matchAll(/^```\w+ quote (\S+)\n([\s\S]*?)^```$/gm)].map(([, file = '', code = '']) => ({
    file,
    code,
  }))
}

/** The Python blocks of a page, whatever name of the language they have. */
export function pythonBlocksOf(page: string, text: string = readPage(page)): Pick<Block, 'page' | 'line' | 'code'>[] {
  return [...text.matchAll(/^```py\w*[^\n]*\n([\s\S]*?)^```$/gim)].map(({ 1: code = '', index }) => ({
    page,
    line: text.slice(0, index).split('\n').length + 1,
    code,
  }))
}

function fault(page: string, index: number, what: string): Error {
  return new Error(`${page}:${index + 1}: ${what}`)
}
