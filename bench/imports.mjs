/** What an import costs a new Node process: a server pays it at each start, a function in a cloud at each cold one. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { median } from './measure.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const ROUNDS = 11

const IMPORTS = {
  'sessionglass/server': '../dist/server/index.js',
  'sessionglass/client': '../dist/client/index.js',
  jose: 'jose',
  'iron-session': 'iron-session',
  'bson, which sessionglass/server loads when a value needs it': 'bson',
  'fast-jwt': 'fast-jwt',
  jsonwebtoken: 'jsonwebtoken',
}

/** @returns {{ name: string, milliseconds: number, arrayBuffers: number }[]} medians, without what Node itself takes */
export function measureImports() {
  const names = Object.keys(IMPORTS)
  const rounds = Array.from({ length: ROUNDS }, () => {
    const empty = startWith()
    return names.map((name) => {
      const { milliseconds, arrayBuffers } = startWith(IMPORTS[name])
      return { milliseconds: milliseconds - empty.milliseconds, arrayBuffers: arrayBuffers - empty.arrayBuffers }
    })
  })
  return names.map((name, at) => ({
    name,
    milliseconds: median(rounds.map((round) => round[at].milliseconds)),
    arrayBuffers: median(rounds.map((round) => round[at].arrayBuffers)),
  }))
}

/**
 * Starts a process that imports a module and nothing else.
 *
 * @param {string} [module] - none: what Node itself takes
 * @returns {{ milliseconds: number, arrayBuffers: number }} its processor time, that of the system included
 */
export function startWith(module) {
  const program = `
    ${module === undefined ? '' : `await import(${JSON.stringify(module)})`}
    const { userCPUTime, systemCPUTime } = process.resourceUsage()
    const { arrayBuffers } = process.memoryUsage()
    console.log(JSON.stringify({ milliseconds: (userCPUTime + systemCPUTime) / 1000, arrayBuffers }))`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: here,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}
