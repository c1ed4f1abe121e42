/** Python that the docs give to applications, for tests to run as it stands there. */
import { readFileSync } from 'node:fs'

/**
 * The block of docs/lifecycle.md with this text in it.
 *
 * @throws {Error} unless there is one such block
 */
export function pythonOfDocs(containing: string): string {
  const text = readFileSync(new URL('../../docs/lifecycle.md', import.meta.url), 'utf8')
  const blocks = [...text.matchAll(/```python\n([\s\S]*?)```/g)].map(([, block = '']) => block)
  const [block, ...others] = blocks.filter((block) => block.includes(containing))
  if (block === undefined || others.length > 0) throw new Error(`no one block of Python with ${containing}`)
  return block
}
