/** The `bson` package is loaded when a value first needs one of its classes, and not before. */
import { expect, test, vi } from 'vitest'
import type { SessionData, StoredSession } from '../../src/server/index.js'
import { SECRET, START } from './server.helpers.js'

let loads = 0

const context = { cookieName: 'sid', purpose: 'session', now: new Date(START) } as const

/** Written by its shape: a driver has its own copy of the package. */
class ObjectId {
  readonly _bsontype = 'ObjectId'
  toHexString(): string {
    return '07'.repeat(12)
  }
  toString(): string {
    return this.toHexString()
  }
}
const plain = { at: new Date(5), bytes: new Uint8Array(3), name: 'dave' }
const special = { id: new ObjectId() }

/** A module registry in which nothing is loaded yet. */
async function freshServer() {
  vi.resetModules()
  loads = 0
  vi.doMock('bson', async (load) => {
    loads++
    return await load()
  })
  return await import('../../src/server/index.js')
}

const keepers: Record<string, () => Promise<(data: SessionData) => Promise<SessionData | undefined>>> = {
  beakerJwt: async () => keptIn((await freshServer()).beakerJwt({ secrets: SECRET })),
  compact: async () => keptIn((await freshServer()).compact({ secrets: SECRET })),
  'a store': async () => {
    const store = (await freshServer()).memoryStore()
    return async (data) => {
      await store.set('a', { data })
      return (await store.get('a'))?.data
    }
  },
  'a store that changes a row': async () => {
    const store = (await freshServer()).memoryStore()
    return async (data) => {
      const found: (StoredSession | undefined)[] = []
      await store.set('a', { data })
      await store.update?.('a', (row) => void found.push(row))
      // Once, though the classes were missing at first.
      expect(found).toHaveLength(1)
      return found[0]?.data
    }
  },
}

function keptIn({ sign, verify }: ReturnType<Awaited<ReturnType<typeof freshServer>>['compact']>) {
  return async (data: SessionData) => (await verify((await sign?.({ data }, context)) ?? '', context)).data
}

test.each(Object.keys(keepers))('%s', async (name) => {
  const keep = await (keepers[name] as (typeof keepers)[string])()
  expect(await keep(plain)).toEqual(plain)
  expect(loads).toBe(0)
  const { id } = (await keep(special)) as { id: object }
  const { ObjectId: Real } = await import('bson')
  expect(id).toBeInstanceOf(Real)
  expect(String(id)).toBe('07'.repeat(12))
  expect(loads).toBe(1)
})

test('classes of another copy need no package', async () => {
  const { beakerJwt, bsonTypesOf } = await freshServer()
  const classes = 'ObjectId Decimal128 Binary UUID Timestamp BSONRegExp DBRef Code MinKey MaxKey'.split(' ')
  const own = Object.fromEntries(classes.map((name) => [name, class {}]))
  const codec = beakerJwt({ secrets: SECRET, bsonTypes: bsonTypesOf(own as never) })
  expect((await keptIn(codec)(special)).id).toBeInstanceOf(own.ObjectId)
  expect(loads).toBe(0)
})
