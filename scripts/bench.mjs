// @ts-check
/** `npm run bench`: installs the peers, builds, and prints times, ratios and sizes of one run as Markdown. */
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { buildIfStale } from './build.mjs'
import { ensureInstall } from './ensure-install.mjs'
import { ensurePython } from './python-env.mjs'
import { npmCommand, root, run } from './run.mjs'

const folder = `${root}bench`

if (ensureInstall() && buildIfStale() && installPeers()) {
  ensurePython({ older: false })
  if (!run(process.execPath, [`${folder}/index.mjs`])) process.exitCode = 1
} else {
  process.exitCode = 1
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
