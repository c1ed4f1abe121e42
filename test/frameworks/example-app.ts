/** Applications of examples/, each with its own packages, installed below .cache/ with the package as it is in dist/, and built. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { installLocked } from '../../scripts/install-locked.mjs'
import { npmCommand, root } from '../../scripts/run.mjs'

/** What an installation or a build leaves in an example. */
const LEFT_BEHIND = new Set(['node_modules', 'dist', '.next', 'next-env.d.ts', '.gitignore'])

/**
 * Installs an example and builds it, unless neither it nor the package has changed since the last time.
 *
 * @param name - its folder below examples/
 * @returns the folder with the built application
 */
export function buildExample(name: string): string {
  const example = `examples/${name}`
  const folder = `${root}.cache/examples/${name}`
  const stamp = `${folder}/built`
  const hash = createHash('sha256').update(readFileSync(`${root}package.json`))
  for (const path of [...filesOf(example), ...filesOf('dist')]) hash.update(path).update(readFileSync(root + path))
  const wanted = hash.digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return folder
  rmSync(stamp, { force: true })
  if (!installLocked(root + example, folder)) throw new Error(`the packages of ${example} could not be installed`)
  for (const part of readdirSync(folder)) {
    if (!['node_modules', 'installed'].includes(part)) rmSync(`${folder}/${part}`, { recursive: true })
  }
  for (const path of filesOf(example)) cpSync(root + path, folder + path.slice(example.length))
  installPackage(folder)
  const { program, args } = npmCommand(['run', 'build'])
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm run build failed in ${example}\n${stdout}\n${stderr}`)
  writeFileSync(stamp, wanted)
  return folder
}

/** The package and what it depends on, as an installation would put them there. */
export function installPackage(folder: string): void {
  const { dependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { dependencies: object }
  const target = `${folder}/node_modules/sessionglass`
  rmSync(target, { recursive: true, force: true })
  for (const part of ['package.json', 'dist']) cpSync(root + part, `${target}/${part}`, { recursive: true })
  for (const name of Object.keys(dependencies)) {
    cpSync(`${root}node_modules/${name}`, `${folder}/node_modules/${name}`, { recursive: true })
  }
}

/** Files below a folder of the project, without what a build or an installation left there. */
export function filesOf(path: string): string[] {
  return readdirSync(root + path, { withFileTypes: true })
    .filter(({ name }) => !LEFT_BEHIND.has(name))
    .flatMap((entry) => (entry.isDirectory() ? filesOf(`${path}/${entry.name}`) : [`${path}/${entry.name}`]))
    .sort()
}
