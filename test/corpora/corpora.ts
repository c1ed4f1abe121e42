/** Where the corpora are, and how what differs is counted. `npm run corpora -- FOLDER` runs these tests, and nothing else does. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'

const folder = process.env.CORPORA ?? ''

/** @param path - within the folder of the corpora */
export function readCorpus(...path: string[]): string {
  return readFileSync(join(folder, ...path), 'utf8')
}

export function readCorpusBytes(...path: string[]): Uint8Array {
  return readFileSync(join(folder, ...path))
}

export function listCorpus(...path: string[]): string[] {
  return readdirSync(join(folder, ...path)).sort()
}

/** What a corpus asks for and what we do, case by case. */
export class Tally {
  readonly #name: string
  readonly #different: string[] = []
  #count = 0

  constructor(name: string) {
    this.#name = name
  }

  /** @param id - with all that tells why the case may differ */
  add(id: string, isAsExpected: boolean): void {
    this.#count++
    if (!isAsExpected) this.#different.push(id)
  }

  /**
   * Prints the counts, and fails unless each difference has a reason, and each reason as many differences as it had.
   *
   * @param reasons - each with what its ids look like and how many they are; docs/security.md has the same reasons
   */
  expectDifferences(reasons: Readonly<Record<string, readonly [ids: RegExp, count: number]>> = {}): void {
    const left = new Set(this.#different)
    console.log(`${this.#name}: ${this.#count} cases, ${left.size} differ`)
    for (const [reason, [ids, count]] of Object.entries(reasons)) {
      const found = this.#different.filter((id) => ids.test(id))
      console.log(`  ${found.length}: ${reason}`)
      for (const id of found) left.delete(id)
      expect(found.length, reason).toBe(count)
    }
    expect([...left]).toEqual([])
    expect(this.#count).toBeGreaterThan(0)
  }
}

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

/** The code of what `work` throws; another error is not for the input and goes on. */
export async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work()
    return 'none'
  } catch (error) {
    const { code } = error as { code?: string }
    if (typeof code === 'string' && code.startsWith('ERR_SESSION_')) return code
    throw error
  }
}
