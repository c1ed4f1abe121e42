/** The test projects: what needs no platform runs once, the server's suites run over both sides of `#platform`. */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const platform = (name: 'node' | 'web') => ({
  alias: { '#platform': fileURLToPath(new URL(`src/server/platform/${name}.ts`, import.meta.url)) },
})
/** Tests of one platform alone end in its name. */
const nodeOnly = '**/*.node.test.ts'
const webOnly = '**/*.web.test.ts'
/** The same code on every platform, with much to compute: once is enough. */
const anyPlatform = 'test/server/{json,pickle,values}/**'
/** No file changes what another one imports, so a worker loads the sources once for all of its files. */
const isolate = false
const server = ['test/server/**/*.test.ts', 'test/contract/**/*.test.ts']

export default defineConfig({
  test: {
    // The default leaves one core free.
    maxWorkers: '100%',
    projects: [
      {
        resolve: platform('node'),
        test: {
          name: 'shared',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          include: ['test/{shared,client,scripts,setup,soak}/**/*.test.ts'],
        },
      },
      {
        resolve: platform('node'),
        test: {
          name: 'node',
          isolate,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          include: [...server, 'test/reports/**/*.test.ts'],
          exclude: [webOnly],
        },
      },
      {
        resolve: platform('web'),
        test: {
          name: 'web',
          isolate,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          include: server,
          exclude: [nodeOnly, anyPlatform],
        },
      },
      {
        resolve: platform('node'),
        test: {
          name: 'frameworks',
          include: ['test/frameworks/**/*.test.ts'],
          globalSetup: 'test/setup/build.ts',
          testTimeout: 30_000,
          hookTimeout: 300_000,
        },
      },
      {
        resolve: platform('node'),
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          exclude: [webOnly],
          globalSetup: ['test/setup/build.ts', 'test/setup/python.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        resolve: platform('web'),
        test: {
          name: 'interop-web',
          include: ['test/interop/**/*.web.test.ts'],
          globalSetup: 'test/setup/python.ts',
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'house',
          include: ['test/house.test.ts'],
          globalSetup: 'test/setup/build.ts',
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'docs',
          include: ['test/docs/**/*.test.ts'],
          globalSetup: ['test/setup/build.ts', 'test/setup/python.ts'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          globalSetup: 'test/setup/build.ts',
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
