// @ts-check
/**
 * Builds dist/inspector.html: one file with its script and its style inside, which works from `file:`. Its policy names both by their
 * hashes, and nothing else may run, load or be sent.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import { transform } from 'esbuild'
import { root } from './run.mjs'

const folder = `${root}src/inspector/`

/** @type {import('rollup').RollupOptions} */
export const inspectorPage = {
  input: `${folder}index.ts`,
  plugins: [typescriptFiles(), nodeResolve({ browser: true }), singleFile()],
  output: { dir: 'dist', format: 'iife', inlineDynamicImports: true },
}

/** The page in place of the script. One classic script: modules don't load from `file:`. @returns {import('rollup').Plugin} */
function singleFile() {
  return {
    name: 'single-file',
    async generateBundle(_options, bundle) {
      const [script, ...more] = Object.values(bundle)
      if (script?.type !== 'chunk' || more.length > 0) throw new Error('The inspector must be one script')
      delete bundle[script.fileName]
      this.emitFile({ type: 'asset', fileName: 'inspector.html', source: await pageOf(script.code) })
    },
  }
}

/** @param {string} code */
async function pageOf(code) {
  const [script, style] = await Promise.all([minifiedScript(code), minifiedStyle()])
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "connect-src 'none'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    // No text becomes HTML, not even by a mistake of ours.
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
  const parts = { policy, style, script }
  return readFileSync(`${folder}page.html`, 'utf8').replace(
    /\/\* (policy|style|script) \*\//g,
    (_, name) => parts[/** @type {keyof typeof parts} */ (name)],
  )
}

/** @param {string} source */
async function minifiedScript(source) {
  const { code } = await transform(source, { minify: true, target: 'es2022', charset: 'ascii' })
  // Each of these would end or change the element that the script stands in (HTML §4.12.1.3).
  return code.trim().replace(/<(?=!--|\/?script)/gi, '\\x3c')
}

async function minifiedStyle() {
  const style = ['page.css', 'card.css'].map((name) => readFileSync(folder + name, 'utf8')).join('')
  const { code } = await transform(style, { loader: 'css', minify: true, target: 'es2022' })
  return code.trim()
}

/** @param {string} text */
function hashOf(text) {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}

/**
 * The sources as they are: `#platform` is the web's, and `.js` in an import means the `.ts` beside it. Types are checked elsewhere.
 *
 * @returns {import('rollup').Plugin}
 */
function typescriptFiles() {
  return {
    name: 'typescript-files',
    async resolveId(source, importer) {
      // By this way the package's "sideEffects" counts for all that the page imports, and not for the page.
      if (importer === undefined) return source
      if (source === '#platform') return `${root}src/server/platform/web.ts`
      if (!importer.endsWith('.ts') || !source.startsWith('.')) return null
      return this.resolve(source.replace(/\.js$/, '.ts'), importer, { skipSelf: true })
    },
    async transform(code, id) {
      if (!id.endsWith('.ts')) return null
      const { code: script } = await transform(code, { loader: 'ts', target: 'es2022', sourcefile: id })
      return { code: script, map: null }
    },
  }
}
