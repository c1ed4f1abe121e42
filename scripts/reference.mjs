// @ts-check
/** Makes docs/reference/ from the docstrings of what package.json exports. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { posix } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { root } from './run.mjs'

/**
 * @typedef {{ file: string, title: string, guide: string, text: string, sources: RegExp }} Page
 * @typedef {{ name: string, source: string, from: string[], isType: boolean }} Exported
 */

/** The pages in the order of their index. An export stands on the first page whose `sources` match its file below src/. */
/** @type {readonly Page[]} */
const pages = [
  {
    file: 'definition',
    title: 'The definition of a session',
    guide: 'schema',
    text: 'What the server and the page agree on.',
    sources: /^shared\/(define-session|types)\.ts$/,
  },
  {
    file: 'sessions',
    title: 'Sessions on the server',
    guide: 'lifecycle',
    text: 'Loading and committing sessions, and all options of it.',
    sources: /^server\/core\/(sessions|verify-sessions|options|expose|cookies|http|client-value|schema)\.ts$/,
  },
  {
    file: 'session',
    title: 'One session',
    guide: 'lifecycle',
    text: 'What `load()` answers: data, times, and everything that a request does with its session.',
    sources: /^server\/core\/(session|flash|once)\.ts$/,
  },
  {
    file: 'page',
    title: 'Reading a session in a page',
    guide: 'single-page-applications',
    text: 'Synchronous and without a key: nothing here is verified.',
    sources: /^client\/(index|inspect|candidates)\.ts$/,
  },
  {
    file: 'live-session',
    title: 'Following a session in a page',
    guide: 'live-session',
    text: 'Sign-in, changes and the end of a session, in any tab.',
    sources: /^client\/watch\.ts$/,
  },
  {
    file: 'react',
    title: 'React',
    guide: 'react',
    text: 'Hooks for React 18 and 19.',
    sources: /^client\/react\.ts$/,
  },
  {
    file: 'readers',
    title: 'Readers of more formats for a page',
    guide: 'formats',
    text: 'Each is its own import, and what a pickle of Beaker becomes.',
    sources: /^(client\/(beaker|compact|django)|shared\/pickle\/\w+)\.ts$/,
  },
  {
    file: 'express',
    title: 'Express and Connect',
    guide: 'frameworks/express',
    text: 'A middleware, and the session that looks like that of express-session.',
    sources: /^server\/adapters\/express(-session)?\.ts$/,
  },
  {
    file: 'fastify',
    title: 'Fastify',
    guide: 'frameworks/fastify',
    text: 'A plugin.',
    sources: /^server\/adapters\/fastify\.ts$/,
  },
  {
    file: 'fetch',
    title: 'Fetch handlers and Hono',
    guide: 'frameworks/workers',
    text: 'For Workers, Bun, Deno, Hono and everything that turns a `Request` into a `Response`.',
    sources: /^server\/adapters\/(fetch|hono)\.ts$/,
  },
  {
    file: 'next',
    title: 'Next',
    guide: 'frameworks/next',
    text: 'Server components, actions, route handlers and the proxy.',
    sources: /^server\/adapters\/next(-proxy)?\.ts$/,
  },
  {
    file: 'handlers',
    title: 'Handlers and guards for any framework',
    guide: 'lifecycle',
    text: 'A key set to publish, the address that renews a session, and routes that want a recent sign-in.',
    sources: /^server\/adapters\/(jwks|recent|touch|saving)\.ts$/,
  },
  {
    file: 'codecs',
    title: 'Codecs',
    guide: 'formats',
    text: 'One function for each cookie format. The first codec of a list writes, every codec reads.',
    sources: /^server\/codecs\/(?!codec\.ts)/,
  },
  {
    file: 'presets',
    title: 'Settings of other systems',
    guide: 'migration',
    text: 'Makes options of what Beaker and wsgi-jwt-session are configured with.',
    sources: /^server\/presets\//,
  },
  {
    file: 'keys',
    title: 'Keys',
    guide: 'keys',
    text: 'Secrets, key pairs, and key sets from files or a URL.',
    sources: /^server\/keys\//,
  },
  {
    file: 'stores',
    title: 'Stores',
    guide: 'stores',
    text: 'Sessions on the server, with only their id in the cookie.',
    sources: /^server\/stores\//,
  },
  {
    file: 'owners',
    title: 'The sessions of a user',
    guide: 'owners',
    text: 'Listing and ending all sessions of one user.',
    sources: /^server\/core\/(owned-sessions|owner)\.ts$/,
  },
  {
    file: 'revocation',
    title: 'Revocation',
    guide: 'revocation',
    text: 'Ending signed cookies before they expire.',
    sources: /^server\/core\/revocation\.ts$/,
  },
  {
    file: 'bound',
    title: 'Device bound sessions',
    guide: 'bound',
    text: 'Binding a session to the device of its browser.',
    sources: /^server\/(core|adapters)\/bound\.ts$/,
  },
  {
    file: 'django',
    title: 'Users of Django',
    guide: 'django-sessions',
    text: "Who is signed in by Django, and signing in as Django's own `login()` does.",
    sources: /^server\/django\//,
  },
  {
    file: 'events',
    title: 'Events and statistics',
    guide: 'observability',
    text: 'What to count, and listeners for Prometheus and OpenTelemetry.',
    sources: /^server\/(core\/events|adapters\/telemetry)\.ts$/,
  },
  {
    file: 'errors',
    title: 'Errors',
    guide: 'errors',
    text: 'One class with a stable `code`.',
    sources: /^shared\/errors\.ts$/,
  },
  {
    file: 'decoding',
    title: 'Decoding without a key',
    guide: 'formats',
    text: 'For tools that show what is in a cookie. It verifies nothing.',
    sources: /^(shared\/(decode|bson\/\w+)|server\/bson-types)\.ts$/,
  },
  {
    file: 'codec',
    title: 'The contract of a codec',
    guide: 'writing-a-codec',
    text: 'What a codec of yours must be.',
    sources: /^server\/codecs\/codec\.ts$/,
  },
  {
    file: 'testing',
    title: 'Testing',
    guide: 'testing',
    text: 'Cookies of signed-in users for tests.',
    sources: /^server\/testing\.ts$/,
  },
]

/** Types that only an author of a codec needs; their file is of all sides. */
const ofCodecs = new Set(['NeutralType', 'Origin', 'OriginNode'])

const folder = 'docs/reference/'
const work = `${root}.cache/reference/`

/**
 * All exports of all entries of package.json, those marked `@internal` excepted.
 *
 * @returns {{ exported: Exported[], checker: ts.TypeChecker, symbols: Map<Exported, ts.Symbol> }}
 */
export function readExports() {
  const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  const entries = Object.entries(manifest.exports).flatMap(([path, target]) =>
    typeof target === 'string'
      ? []
      : [
          {
            from: posix.join(manifest.name, path),
            file: root + target.types.replace(/^\.\/dist(.*)\.d\.ts$/, 'src$1.ts'),
          },
        ],
  )
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const program = ts.createProgram(
    entries.map(({ file }) => file),
    options,
  )
  const checker = program.getTypeChecker()
  /** @type {Map<string, Exported>} */
  const found = new Map()
  const symbols = new Map()
  for (const { from, file } of entries) {
    const module = checker.getSymbolAtLocation(/** @type {ts.SourceFile} */ (program.getSourceFile(file)))
    for (const one of module ? checker.getExportsOfModule(module) : []) {
      const symbol = one.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one
      const [declaration] = /** @type {ts.Declaration[]} */ (symbol.declarations)
      const source = /** @type {ts.Declaration} */ (declaration).getSourceFile().fileName.slice(`${root}src/`.length)
      if (symbol.getJsDocTags(checker).some(({ name }) => name === 'internal')) continue
      const key = `${source} ${one.name}`
      const known = found.get(key)
      if (known) known.from.push(from)
      else {
        const exported = { name: one.name, source, from: [from], isType: !(symbol.flags & ts.SymbolFlags.Value) }
        found.set(key, exported)
        symbols.set(exported, symbol)
      }
    }
  }
  return { exported: [...found.values()], checker, symbols }
}

/**
 * The pages as they should be.
 *
 * @returns {Promise<Map<string, string>>} by path below the project's folder
 */
export async function makeReference() {
  const { exported } = readExports()
  const byPage = assign(exported)
  rmSync(work, { recursive: true, force: true })
  mkdirSync(`${work}entries`, { recursive: true })
  writeEntries(byPage)
  await runTypeDoc()
  const made = new Map([[`${folder}README.md`, indexOf(byPage)]])
  for (const [page, names] of byPage) {
    const text = readFileSync(`${work}out/${page.file}.md`, 'utf8')
    made.set(`${folder}${page.file}.md`, finish(page, names, text))
  }
  return made
}

/** @param {Exported[]} exported */
function assign(exported) {
  /** @type {Map<Page, Exported[]>} */
  const byPage = new Map(pages.map((page) => [page, []]))
  for (const one of exported) {
    const file = ofCodecs.has(one.name) ? 'codec' : pages.find(({ sources }) => sources.test(one.source))?.file
    const page = pages.find((page) => page.file === file)
    if (!page)
      throw new Error(`No page of the reference has ${one.name} of src/${one.source}: add it to scripts/reference.mjs`)
    byPage.get(page)?.push(one)
  }
  return byPage
}

/**
 * TypeDoc makes one page of one module, so each page is a module that exports what stands on it.
 *
 * @param {Map<Page, Exported[]>} byPage
 */
function writeEntries(byPage) {
  for (const [{ file }, names] of byPage) {
    const lines = names.map(
      ({ name, source }) => `export { ${name} } from '../../../src/${source.replace(/\.ts$/, '.js')}'`,
    )
    writeFileSync(`${work}entries/${file}.ts`, lines.join('\n'))
  }
  const compilerOptions = {
    rootDir: '../..',
    noEmit: true,
    paths: { '#platform': ['../../src/server/platform/node.ts'] },
  }
  const config = { extends: '../../tsconfig.json', compilerOptions, include: ['entries'] }
  writeFileSync(`${work}tsconfig.json`, JSON.stringify(config))
}

async function runTypeDoc() {
  const { Application } = await import('typedoc')
  const app = await Application.bootstrapWithPlugins({
    ...{ plugin: ['typedoc-plugin-markdown'], router: 'module', hidePageHeader: true, hideBreadcrumbs: true },
    ...{ interfacePropertiesFormat: 'table', classPropertiesFormat: 'table', typeAliasPropertiesFormat: 'table' },
    ...{ propertyMembersFormat: 'table', typeDeclarationFormat: 'table', parametersFormat: 'table' },
    ...{ useCodeBlocks: true, hideGroupHeadings: true, hidePageTitle: true },
    ...{ tableColumnSettings: { hideInherited: true, hideModifiers: true, hideOverrides: true, hideSources: true } },
    entryPoints: pages.map(({ file }) => `${work}entries/${file}.ts`),
    tsconfig: `${work}tsconfig.json`,
    skipErrorChecking: true,
    excludeInternal: true,
    excludePrivate: true,
    excludeExternals: true,
    disableSources: true,
    readme: 'none',
    out: `${work}out`,
    sort: ['source-order'],
    groupOrder: ['Functions', 'Variables', 'Classes', 'Interfaces', 'Type Aliases'],
    jsDocCompatibility: { defaultTag: false },
    preservedTypeAnnotationTags: ['@throws'],
    logLevel: 'Error',
  })
  const project = await app.convert()
  if (!project) throw new Error('TypeDoc cannot read the sources')
  for (const { comment } of Object.values(project.reflections)) {
    for (const tag of comment?.blockTags ?? []) {
      const type = tag.typeAnnotation?.replace(/[{}]/g, '')
      if (type) tag.content.unshift({ kind: 'text', text: `\`${type}\` ` })
    }
  }
  await app.generateOutputs(project)
  if (app.logger.hasErrors()) throw new Error('TypeDoc has errors')
}

/**
 * @param {Page} page
 * @param {Exported[]} names
 * @param {string} text
 */
function finish({ title, guide, text: about }, names, text) {
  const body = withoutRepetition(text.trim())
    .replace(/^#+ (Since|See)\n\n(.+)$/gm, '$1 $2.')
    .replace(/\bdocs\/([\w/-]+\.md(?:#[\w-]+)?)/g, '[$1](../$1)')
    .replaceAll(' | - |', ' | |')
    .replaceAll(' | `undefined` |', ' | |')
    .replace(/^#+ Returns\n\n`void`\n\n?(?=[#*]|$(?![\s\S]))/gm, '')
    .replace(/(```[\s\S]*?^```$)|^ +(?=\S)/gm, '$1')
    .trimEnd()
  return `# ${title}\n\n${about} The guide is [${guide}.md](../${guide}.md).\n\n${importsOf(names)}\n\n${body}\n`
}

/**
 * Signatures of a function that have the same text stand together, with what is said of the longest.
 *
 * @param {string} text
 */
function withoutRepetition(text) {
  return text.replace(/(?:^(#+) Call Signature\n(?:(?!^#{1,3} |^\1 |^\*\*\*$).*\n?)+)+/gm, (sections, level) => {
    const all = sections.split(`${level} Call Signature\n`).slice(1)
    const blocks = all.map((section) => /```ts\n([\s\S]*?)\n```/.exec(section)?.[1] ?? '')
    if (new Set(all.map((section) => section.split('```')[2]?.trim().split('\n\n')[0])).size > 1) return sections
    const sizes = all.map((section) => 100 * section.split('\n').length + section.split('](').length)
    const longest = all[sizes.lastIndexOf(Math.max(...sizes))] ?? ''
    const rest = longest
      .replace(/```ts\n[\s\S]*?\n```\n/, '')
      // What each returns is in its signature.
      .replace(/^(#+ Returns)\n\n.+\n\n(?![#*])/m, '$1\n\n')
      .replace(new RegExp(`^#(${level})`, 'gm'), '$1')
    return `\`\`\`ts\n${blocks.join('\n')}\n\`\`\`\n\n${rest.trimStart()}`
  })
}

/** @param {Exported[]} names */
function importsOf(names) {
  const paths = [...new Set(names.flatMap(({ from }) => from))]
  const rows = paths.map((path) => `| \`${path}\` | ${listOf(names.filter(({ from }) => from.includes(path)))} |`)
  return ['| import from | what |', '| --- | --- |', ...rows].join('\n')
}

/** @param {Map<Page, Exported[]>} byPage */
function indexOf(byPage) {
  const rows = [...byPage].map(
    ([{ file, title, text }, names]) => `| [${title}](${file}.md) | ${text} | ${listOf(names)} |`,
  )
  return `# Reference

Every export of every entry of the package, with all options. These pages are made from the comments in the sources by
\`npm run reference\`. What has no *Since* came with the function that takes it. [Documentation](../README.md) has the guides.

| page | about | exports |
| --- | --- | --- |
${rows.join('\n')}

## Imports

Each codec, store, adapter and reader can be imported alone.

${importsOf([...byPage.values()].flat())}
`
}

/**
 * Values, or types if there are only these.
 *
 * @param {Exported[]} names
 */
function listOf(names) {
  const values = names.filter(({ isType }) => !isType)
  return (values.length > 0 ? values : names).map(({ name }) => `\`${name}\``).join(', ')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const made = await makeReference()
  rmSync(root + folder, { recursive: true, force: true })
  mkdirSync(root + folder, { recursive: true })
  for (const [path, text] of made) writeFileSync(root + path, text)
}
