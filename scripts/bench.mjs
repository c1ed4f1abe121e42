// @ts-check
/**
 * `npm run bench`: installs the peers, builds, and prints times, ratios and sizes of one run as Markdown.
 * `-- --only NAME` prints one table; `-- --against REV` compares with the build of another revision instead.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { buildIfStale } from './build.mjs'
import { ensureInstall } from './ensure-install.mjs'
import { ensurePython } from './python-env.mjs'
import { npmCommand, root, run } from './run.mjs'

const folder = `${root}bench`

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true, default: [] }, against: { type: 'string' } },
})
if (!bench()) process.exitCode = 1

function bench() {
  if (!ensureInstall() || !buildIfStale() || !installPeers()) return false
  if (values.against !== undefined) {
    const other = buildRevision(values.against)
    return other !== undefined && run(process.execPath, [`${folder}/against.mjs`, other])
  }
  ensurePython({ older: false })
  return run(process.execPath, [`${folder}/index.mjs`, ...values.only])
}

/**
 * Builds another revision in a folder below .cache/, with the packages that are installed here.
 *
 * @param {string} revision
 * @returns {string | undefined} the folder
 */
function buildRevision(revision) {
  const commit = git(['rev-parse', '--verify', `${revision}^{commit}`])?.trim()
  if (commit === undefined) return undefined
  const other = `${root}.cache/against/${commit.slice(0, 12)}`
  if (existsSync(`${other}/dist/server/index.js`)) return other
  rmSync(other, { recursive: true, force: true })
  mkdirSync(dirname(other), { recursive: true })
  if (git(['worktree', 'add', '--force', '--detach', other, commit]) === undefined) return undefined
  symlinkSync(`${root}node_modules`, `${other}/node_modules`, 'junction')
  return run(process.execPath, [`${other}/scripts/build.mjs`]) ? other : undefined
}

/** @param {string[]} args */
function git(args) {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  if (status === 0) return stdout
  console.error(stderr)
  return undefined
}

/** The peers have a lock file of their own: nobody but the benchmark needs them. */
function installPeers() {
  const installed = `${folder}/node_modules/.package-lock.json`
  // A peer that came later is not among those of an older installation.
  if (existsSync(installed) && statSync(installed).mtimeMs > statSync(`${folder}/package-lock.json`).mtimeMs)
    return true
  const { program, args } = npmCommand(['ci', '--no-audit', '--no-fund'])
  return spawnSync(program, args, { cwd: folder, stdio: 'inherit' }).status === 0
}
