/**
 * The part of vitest's API that the server suites use, in plain JavaScript: it stands in for vitest where that does not run.
 * `expect` is vitest's own.
 */
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect'
import { fn, restoreAllMocks, spyOn } from '@vitest/spy'
import * as chai from 'chai'

type Body = (...values: never[]) => unknown

interface Suite {
  readonly name: string
  readonly before: Body[]
  readonly after: Body[]
}

interface Case {
  readonly name: string
  readonly body: () => unknown
  readonly suites: readonly Suite[]
}

export interface Totals {
  passed: number
  failed: number
}

const cases: Case[] = []
let open: Suite[] = [{ name: '', before: [], after: [] }]

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin)

export const expect = createExpect()
export const vi = { fn, restoreAllMocks, spyOn }

/** Begins the next file: what stands beside its suites is for that file alone. */
export function openFile(name: string): void {
  open = [{ name, before: [], after: [] }]
}

export function describe(name: string, body: () => void): void {
  const outside = open
  open = [...open, { name, before: [], after: [] }]
  body()
  open = outside
}

export function test(name: string, body: Body | object, last?: Body | number): void {
  const run = typeof body === 'function' ? body : last
  cases.push({ name: [...open.map((suite) => suite.name), name].join(' > '), body: run as () => unknown, suites: open })
}

describe.each = eachOf(describe)
test.each = eachOf(test)
test.runIf = (isWanted: unknown) => (isWanted ? test : () => {})
test.skipIf = (isUnwanted: unknown) => test.runIf(!isUnwanted)
export const it = test

export function beforeEach(body: Body): void {
  open.at(-1)?.before.push(body)
}

export function afterEach(body: Body): void {
  open.at(-1)?.after.push(body)
}

let finishing: Body[] = []

/** Of the test that runs now. */
export function onTestFinished(body: Body): void {
  finishing.push(body)
}

/** Runs everything that was declared, one after the other, and prints what failed, and each file, so that one that stands still has a name. */
export async function runCases(): Promise<Totals> {
  const totals: Totals = { passed: 0, failed: 0 }
  let file: string | undefined
  for (const { name, body, suites } of cases) {
    if (suites[0]?.name !== file) {
      file = suites[0]?.name
      console.log(`in ${file}`)
    }
    finishing = []
    try {
      for (const suite of suites) for (const before of suite.before) await (before as () => unknown)()
      try {
        await body()
      } finally {
        for (const suite of suites.toReversed()) for (const after of suite.after) await (after as () => unknown)()
      }
      totals.passed++
    } catch (error) {
      totals.failed++
      console.error(`FAILED ${name}\n  ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    }
    for (const finish of finishing) await (finish as () => unknown)()
  }
  return totals
}

/** Both forms: `each([a, b])`, and `each([[a, b], [c, d]])` where every row is a list. */
function eachOf(declare: (name: string, body: never) => void) {
  return (rows: readonly unknown[]) =>
    (name: string, body: Body): void => {
      const areLists = rows.every((row) => Array.isArray(row))
      rows.forEach((row, index) => {
        const values = (areLists ? row : [row]) as never[]
        declare(`${name} [${index}]`, (() => body(...values)) as never)
      })
    }
}

/** As vitest makes its own, without the test that it belongs to. */
function createExpect(): typeof import('vitest').expect {
  const create = (value: unknown, message?: string): Chai.Assertion => chai.expect(value, message)
  const own = Object.assign(create, chai.expect, (globalThis as Globals)[ASYMMETRIC_MATCHERS_OBJECT], {
    unreachable: (message = 'a line that must not be reached') => chai.assert.fail(message),
  }) as unknown as typeof import('vitest').expect
  setState({ assertionCalls: 0, isExpectingAssertions: false } as never, own as never)
  Object.defineProperty(globalThis, GLOBAL_EXPECT, { value: own, configurable: true })
  return own
}

type Globals = { readonly [ASYMMETRIC_MATCHERS_OBJECT]?: object }
