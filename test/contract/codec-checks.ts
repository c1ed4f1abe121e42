/** The steps and looks of the contract suite, each in one place. */
import { inspect } from 'node:util'
import { expect } from 'vitest'
import { type CodecContext, isSessionError, type SessionCodec, type SessionRecord } from '../../src/server/index.js'
import { isPlainObject } from '../../src/shared/types.js'

/** All of 40 characters; the word must turn up in no error. */
export const pool: readonly string[] = ['one', 'two', 'three', 'four', 'five'].map((name) =>
  `swordfish ${name} `.padEnd(40, '0123456789'),
)
export const secret: string = pool[0] as string
const now = new Date(1_700_000_000_000)
export const session: CodecContext = { cookieName: 'sid', purpose: 'session', now }
export const half: CodecContext = { ...session, purpose: 'public' }
export const later = (seconds: number): Date => new Date(now.getTime() + seconds * 1000)
/** What a session that the suite signs says about itself, in whole seconds. */
export const facts = { id: '0123456789abcdef0123456789abcdef', createdAt: later(-60), accessedAt: later(-5) }

export async function signed(codec: SessionCodec, record: SessionRecord): Promise<string> {
  return sign(codec, { ...facts, ...record }, session)
}

export async function sign(codec: SessionCodec, record: SessionRecord, context: CodecContext): Promise<string> {
  return (codec as Required<SessionCodec>).sign(record, context)
}

/** A value is refused by its shape, or with a coded error that does not say its signature was good. */
export async function expectRefused(
  codec: SessionCodec,
  value: string,
  context: CodecContext,
  original = value,
): Promise<{ code?: string }> {
  if (!codec.matches(value)) return {}
  const error = await failure(() => codec.verify(value, context))
  expect(isSessionError(error), `${inspect(value.slice(0, 200))} gave ${inspect(error)}`).toBe(true)
  expect((error as { verified?: boolean }).verified ?? false).toBe(false)
  expectClean(error, original)
  return error as { code: string }
}

export async function failure(run: () => unknown): Promise<unknown> {
  try {
    await run()
  } catch (error) {
    return error
  }
  return expect.unreachable('nothing was refused')
}

/** A log would show this of an error, its cause included. */
export function expectClean(error: unknown, value: string): void {
  const printed = inspect(error, { depth: 9, showHidden: true })
  const words = ['swordfish', ...(value.match(/.{12}/gs) ?? [])]
  for (const word of words)
    if (printed.includes(word)) expect.unreachable(`an error holds a secret, data or a value: ${printed}`)
}

export function pick(source: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(source).filter(([name]) => names.includes(name)))
}

export function deepFreeze<T>(value: T): T {
  const isContainer = Array.isArray(value) || isPlainObject(value)
  if (isContainer && !Object.isFrozen(value))
    for (const member of Object.values(Object.freeze(value) as object)) deepFreeze(member)
  return value
}
