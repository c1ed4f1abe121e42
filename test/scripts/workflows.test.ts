/** The public workflows: what they run is pinned, and may do no more than it needs. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = join(root, '.github/workflows')
const workflows = readdirSync(folder).map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }))

test.each(workflows)('$name takes each action by its digest, with the version beside it', ({ text }) => {
  const used = [...text.matchAll(/^ *(?:- )?uses: (.*)$/gm)].map(([, action]) => action)
  expect(used).not.toEqual([])
  for (const action of used) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
})

test.each(workflows)(
  '$name may only read, unless a job says otherwise, and leaves no credentials behind',
  ({ text }) => {
    expect(text).toMatch(/^permissions:\n {2}contents: read$/m)
    expect(text.match(/persist-credentials: false/g)).toHaveLength(text.match(/actions\/checkout@/g)?.length ?? 0)
    expect(text).not.toMatch(/\$\{\{ *secrets\./)
  },
)

test.each(workflows)('$name calls scripts that exist', ({ text }) => {
  for (const [, script = ''] of text.matchAll(/npm run ([\w:-]+)/g))
    expect(packageJson.scripts).toHaveProperty([script])
})

test('a release is published with its provenance and its list of dependencies', () => {
  const { text = '' } = workflows.find(({ name }) => name === 'release.yml') ?? {}
  expect(text).toMatch(/npm publish .*--provenance/)
  expect(text).toMatch(/id-token: write/)
  expect(text).toMatch(/npm sbom --sbom-format cyclonedx/)
  expect(text).toMatch(/gh release create .*\.cdx\.json/)
})
