// @ts-check
/** Who may import whom in src/: imports point one way, types included. `npm run check` runs it. */

/** The server's levels, the lowest first. A module imports from its own level and from those below. */
const levels = [
  ['platform/'],
  ['keys/', 'json/', 'pickle/', 'django/', 'mutex.ts', 'values.ts', 'bson-types.ts', 'python-serializers.ts'],
  ['codecs/', 'stores/'],
  ['core/'],
  ['adapters/', 'presets/'],
  ['index.ts', 'testing.ts', 'testing/', 'cli.ts', 'cli/'],
]

/** The packages that may be imported, and by whom. `node:` stands for the modules of Node.js. */
const packages = {
  fflate: ['src/server/platform/web'],
  bson: ['src/server/bson-types'],
  jose: ['src/server/keys/'],
  react: ['src/client/react'],
  'node:': ['src/server/platform/node', 'src/server/testing', 'src/server/cli'],
}

const server = 'src/server/'
const platforms = '^src/server/platform/(?:node|web)\\.ts$'

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'finds its file', severity: 'error', from: {}, to: { couldNotResolve: true } },
    only('shared imports only shared', '^src/shared/', ['^src/shared/']),
    only('client imports only shared', '^src/client/', ['^src/client/', '^src/shared/']),
    only('inspector imports the client and what opens a cookie', '^src/inspector/', [
      ...['inspector', 'client', 'shared', 'server/codecs', 'server/keys'].map((folder) => `^src/${folder}/`),
      '^src/server/platform/web',
    ]),
    ...levels.map((level, at) =>
      only(`level ${at + 1} of server imports only from its level or below`, pathsOf(level), [
        '^src/shared/',
        pathsOf(levels.slice(0, at + 1).flat()),
      ]),
    ),
    {
      name: 'verifySessions reaches nothing that writes',
      severity: 'error',
      from: { path: '^src/server/core/verify-sessions\\.ts$' },
      to: { path: '^src/server/core/(?:commit|sessions)\\.ts$', reachable: true },
    },
    {
      name: 'each file of server has a level',
      severity: 'error',
      from: { path: `^${server}`, pathNot: pathsOf(levels.flat()) },
      to: {},
    },
    {
      name: 'the runtime chooses the platform: import #platform',
      severity: 'error',
      from: {},
      to: { path: platforms, dependencyTypesNot: ['aliased'] },
    },
    ...Object.entries(packages).map(([name, importers]) => ({
      name: `${name} is imported only by ${importers.join(', ')}`,
      severity: /** @type {const} */ ('error'),
      from: { path: '^src/', pathNot: `^(?:${importers.join('|')})` },
      to: name === 'node:' ? { dependencyTypes: /** @type {const} */ (['core']) } : { path: `^node_modules/${name}/` },
    })),
    {
      name: 'no other package',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^node_modules/', pathNot: `^node_modules/(?:${Object.keys(packages).join('|')})/` },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
}

/**
 * @param {string} name
 * @param {string} from
 * @param {string[]} allowed - of the modules in src/
 * @returns {import('dependency-cruiser').IForbiddenRuleType}
 */
function only(name, from, allowed) {
  return { name, severity: 'error', from: { path: from }, to: { path: '^src/', pathNot: allowed.join('|') } }
}

/**
 * @param {string[]} names - below src/server; a slash at the end is a folder
 */
function pathsOf(names) {
  return `^${server}(?:${names.map((name) => (name.endsWith('/') ? name : `${name}$`.replace('.', '\\.'))).join('|')})`
}
