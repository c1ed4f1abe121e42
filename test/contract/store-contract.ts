/** The suite that every session store passes, ours or somebody else's. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  beakerJwt,
  createSessions,
  defineSession,
  type SessionData,
  type SessionStore,
  type StoredSession,
} from '../../src/server/index.js'
import { runs } from '../random.js'
import { turnedAround } from './codec-survival.js'
import { buildSession, canonical, punch, recipes, unlessRefused } from './written.js'

interface StoreSample {
  /** An empty store; its clock, if it takes one, is `clock`. */
  store: SessionStore
  /** Lets time pass for the store, in milliseconds. */
  pass(milliseconds: number): unknown
  now(): Date
}

export interface StoreContractOptions {
  make(): StoreSample | Promise<StoreSample>
  /** The store's values are JSON and no more. */
  isJson?: boolean
  /** It is `JSON.stringify` that writes them: NaN becomes null, and a date text. */
  stringifies?: boolean
  /** Has no `update`. */
  inSteps?: boolean
  /** Has `listOwned`: with an index of owners, or by a look at each row. */
  owners?: 'index' | 'scan'
  /** A short life in milliseconds, in what the store can count: default 2000. */
  life?: number
}

const ID = '0123456789abcdef0123456789abcdef'
const OTHER = 'fedcba9876543210fedcba9876543210'

export function storeContract(
  name: string,
  { make, isJson = false, stringifies = false, inSteps = false, owners, life = 2000 }: StoreContractOptions,
): void {
  const end = ({ now }: StoreSample, milliseconds: number): Date => new Date(now().getTime() + milliseconds)

  describe(`${name} as a session store`, () => {
    test('several rows at once are those that it gives one by one, in the order of the ids', async () => {
      const sample = await make()
      const { store } = sample
      if (!store.getMany) return
      await store.set(ID, { data: { a: 1 }, expiresAt: end(sample, 60_000) })
      await store.set(OTHER, { data: { b: 1 }, expiresAt: end(sample, life) })
      const missing = 'a'.repeat(32)
      const dataOf = async (ids: readonly string[]) => (await store.getMany?.(ids))?.map((row) => row?.data)
      expect(await dataOf([OTHER, missing, ID, '', 'owner:x\x00', ID])).toEqual([
        { b: 1 },
        undefined,
        { a: 1 },
        undefined,
        undefined,
        { a: 1 },
      ])
      expect(await dataOf([ID])).toEqual([{ a: 1 }])
      expect(await dataOf([''])).toEqual([undefined])
      const many = Array.from({ length: 40 }, (_, at) => String(at).padStart(32, '0'))
      expect(await dataOf([...many, ID])).toEqual([...many.map(() => undefined), { a: 1 }])
      await sample.pass(life + 50)
      expect(await dataOf([OTHER, ID])).toEqual([undefined, { a: 1 }])
    })

    test('has a name and the methods', async () => {
      const { store } = await make()
      expect(store.name).toMatch(/^[a-z]+$/)
      for (const method of ['get', 'set', 'delete'] as const) expect(store[method]).toBeTypeOf('function')
    })

    test('gives back what it was given, under its id alone', async () => {
      const sample = await make()
      const data = {
        user: 'dave',
        roles: ['a', { deep: [null, true] }],
        n: 1.5,
        big: 2 ** 40,
        empty: {},
        text: '\u{1f36a} "\\',
        _authenticated_at: 1_700_000_000.25,
      }
      await sample.store.set(ID, { data, expiresAt: end(sample, 60_000) })
      expect((await sample.store.get(ID))?.data).toEqual(data)
      expect(await sample.store.get(OTHER)).toBeUndefined()
      await sample.store.set(ID, { data: { user: 'eve' }, expiresAt: end(sample, 60_000) })
      expect((await sample.store.get(ID))?.data).toEqual({ user: 'eve' })
    })

    test('an empty session is a session', async () => {
      const sample = await make()
      await sample.store.set(ID, { data: {}, expiresAt: end(sample, 60_000) })
      expect((await sample.store.get(ID))?.data).toEqual({})
    })

    test('dangerous names are keys like any other', async () => {
      const sample = await make()
      const data = JSON.parse('{"constructor":1,"toString":"x"}')
      await sample.store.set(ID, { data, expiresAt: end(sample, 60_000) })
      const read = (await sample.store.get(ID))?.data as Record<string, unknown>
      expect(Object.entries(read)).toEqual(Object.entries(data))
      for (const id of ['__proto__', 'constructor', 'toString']) expect(await sample.store.get(id)).toBeUndefined()
    })

    if (!isJson)
      test('dates, bytes, big integers and NaN keep their type', async () => {
        const sample = await make()
        const data = {
          at: new Date(1_700_000_000_123),
          bytes: new Uint8Array([0, 1, 255]),
          big: 2n ** 60n,
          none: Number.NaN,
        }
        await sample.store.set(ID, { data, expiresAt: end(sample, 60_000) })
        expect((await sample.store.get(ID))?.data).toEqual(data)
      })

    test('whatever is written can be read: random rows, new and written again', async () => {
      const sample = await make()
      const { store } = sample
      const expiresAt = end(sample, 3_600_000)
      // What JSON makes of a value: a date comes back as text.
      const expected = (data: SessionData): string =>
        stringifies ? canonical(JSON.parse(JSON.stringify(data)), { minusZero: false }) : canonical(data)
      const read = async (): Promise<StoredSession> => (await store.get(ID)) as StoredSession
      await fc.assert(
        fc.asyncProperty(recipes, fc.array(fc.nat({ max: 4 })), async (made, gone) => {
          const data = buildSession(made)
          if (!(await isWritten(() => store.set(ID, { data, expiresAt })))) return
          const row = await read()
          expect(canonical(row.data, { minusZero: !stringifies })).toBe(expected(data))
          for (const index of gone) punch(row.data, index)
          const after = expected(row.data)
          if (!(await isWritten(() => store.set(ID, { ...row, expiresAt })))) return
          expect(canonical((await read()).data, { minusZero: !stringifies })).toBe(after)
        }),
        { numRuns: runs(60) },
      )
    })

    test('a list with a hole, over and over', async () => {
      const sample = await make()
      const expiresAt = end(sample, 3_600_000)
      await sample.store.set(ID, { data: { cart: ['a', { b: 1.5 }, 'c'] }, expiresAt })
      for (const index of [0, 2, 1]) {
        const row = (await sample.store.get(ID)) as StoredSession
        delete (row.data.cart as unknown[])[index]
        await sample.store.set(ID, { ...row, expiresAt })
        const { data } = (await sample.store.get(ID)) as StoredSession
        expect((data.cart as unknown[])[index]).toBeNull()
      }
    })

    test('shares no object with the caller', async () => {
      const sample = await make()
      const data = { list: [1] }
      await sample.store.set(ID, { data, expiresAt: end(sample, 60_000) })
      data.list.push(2)
      const read = (await sample.store.get(ID)) as StoredSession
      expect(read.data).toEqual({ list: [1] })
      ;(read.data.list as number[]).push(3)
      expect((await sample.store.get(ID))?.data).toEqual({ list: [1] })
    })

    test('keeps what a schema makes something else of', async () => {
      const sample = await make()
      const data = {
        user: 'dave',
        list: ['a', { deep: 1.5 }],
        empty: {},
        ...(!isJson && { at: new Date(1_700_000_000_123) }),
      }
      const options = {
        codecs: [beakerJwt({ secrets: ['swordfish of the store contract '.repeat(2)] })],
        expose: false,
      }
      const clock = (): Date => sample.now()
      const first = createSessions({ ...options, store: sample.store, clock })
      const session = await first.load({ token: '' })
      Object.assign(session.data, data)
      await first.commit(session)
      const definition = defineSession({ schema: turnedAround })
      const sessions = createSessions({ ...options, store: sample.store, clock, session: definition })
      const loaded = await sessions.load({ token: session.token })
      expect(loaded.parsed).toEqual({ user: 'evad' })
      loaded.data.added = 'x'
      await sessions.commit(loaded)
      expect((await sample.store.get(session.id))?.data).toEqual({ ...data, added: 'x' })
    })

    test('deletes, also what is not there', async () => {
      const sample = await make()
      await sample.store.set(ID, { data: { a: 1 }, expiresAt: end(sample, 60_000) })
      await sample.store.set(OTHER, { data: { b: 1 }, expiresAt: end(sample, 60_000) })
      await sample.store.delete(ID)
      await sample.store.delete(ID)
      expect(await sample.store.get(ID)).toBeUndefined()
      expect((await sample.store.get(OTHER))?.data).toEqual({ b: 1 })
    })

    test('a row ends at its end', async () => {
      const sample = await make()
      await sample.store.set(ID, { data: { a: 1 }, expiresAt: end(sample, life) })
      await sample.pass(life / 4)
      expect((await sample.store.get(ID))?.data).toEqual({ a: 1 })
      await sample.pass(life * 1.25)
      expect(await sample.store.get(ID)).toBeUndefined()
    })

    test('touch moves the end and nothing else, and makes no row', async () => {
      const sample = await make()
      const { store } = sample
      await store.set(ID, { data: { a: 1 }, expiresAt: end(sample, life) })
      await store.touch?.(ID, end(sample, 60_000))
      await store.touch?.(OTHER, end(sample, 60_000))
      await sample.pass(life * 1.5)
      expect((await store.get(ID))?.data).toEqual({ a: 1 })
      expect(await store.get(OTHER)).toBeUndefined()
    })

    if (owners) ownersOf({ make, keeps: owners === 'index', end, life })
    else test('keeps no owners', async () => expect((await make()).store.listOwned).toBeUndefined())

    if (inSteps) {
      test('has no update', async () => expect((await make()).store.update).toBeUndefined())
      return
    }

    test('update changes a row, leaves it, and makes none by itself', async () => {
      const sample = await make()
      const { store } = sample
      const expiresAt = end(sample, 60_000)
      await store.set(ID, { data: { n: 1 }, expiresAt })
      const changed = await store.update?.(ID, (current) => ({ data: { n: Number(current?.data.n) + 1 }, expiresAt }))
      expect(changed?.data).toEqual({ n: 2 })
      expect((await store.update?.(ID, () => undefined))?.data).toEqual({ n: 2 })
      expect((await store.get(ID))?.data).toEqual({ n: 2 })
      const seen: unknown[] = []
      expect(await store.update?.(OTHER, (current) => void seen.push(current))).toBeUndefined()
      expect(seen).toEqual([undefined])
      expect(await store.get(OTHER)).toBeUndefined()
      await store.update?.(OTHER, () => ({ data: { made: true }, expiresAt }))
      expect((await store.get(OTHER))?.data).toEqual({ made: true })
    })

    test('of many updates at once none is lost', async () => {
      const sample = await make()
      const { store } = sample
      const expiresAt = end(sample, 60_000)
      await store.set(ID, { data: { n: 0 }, expiresAt })
      const add = (current: StoredSession | undefined) => ({ data: { n: Number(current?.data.n) + 1 }, expiresAt })
      await Promise.all(Array.from({ length: 30 }, async () => store.update?.(ID, add)))
      expect((await store.get(ID))?.data).toEqual({ n: 30 })
    })
  })
}

const ownerOf = ({ user }: SessionData): string | undefined => user as string | undefined
const idOf = (index: number): string => index.toString(16).padStart(32, '0')
/** Texts that a key, a pattern or a statement may take for something else. */
const ODD_OWNERS = [
  'dave',
  'Dave',
  'dave ',
  'dave,1',
  'dav%',
  '{dave}',
  '*',
  "d'ave\\",
  '@dave,1,1 ',
  'd\u{1f36a}',
  '__proto__',
  '7',
]

/** All ids of an owner, in pages. */
export async function idsOwned(store: SessionStore, owner: string, limit = 100): Promise<string[]> {
  const ids: string[] = []
  for (;;) {
    const after = ids.at(-1)
    const page = (await store.listOwned?.(owner, { limit, ownerOf, ...(after !== undefined && { after }) })) ?? []
    expect(page.length).toBeLessThanOrEqual(limit)
    expect(page).toEqual([...page].sort())
    ids.push(...page)
    if (page.length < limit) return ids
  }
}

interface OwnersSample extends Pick<Required<StoreContractOptions>, 'make' | 'life'> {
  /** Has an index. */
  keeps: boolean
  end(sample: StoreSample, milliseconds: number): Date
}

/** For a store with `listOwned`. */
function ownersOf({ make, keeps, end, life }: OwnersSample): void {
  const rowOf = (user: string | undefined, expiresAt: Date): StoredSession => ({
    data: { ...(user !== undefined && { user }) },
    owner: user,
    expiresAt,
  })

  test('lists what an owner has, and nobody else has', async () => {
    const sample = await make()
    const { store } = sample
    const expiresAt = end(sample, 60_000)
    for (const [index, owner] of ODD_OWNERS.entries()) await store.set(idOf(index), rowOf(owner, expiresAt))
    await store.set(idOf(99), rowOf(undefined, expiresAt))
    for (const [index, owner] of ODD_OWNERS.entries()) expect(await idsOwned(store, owner)).toEqual([idOf(index)])
    for (const owner of ['nobody', 'undefined', 'dav', '%', 'constructor']) {
      expect(await idsOwned(store, owner)).toEqual([])
    }
  })

  test.each([1, 2, 49, 50, 51])('in pages of at most %i', async (limit) => {
    const sample = await make()
    const ids = Array.from({ length: 50 }, (_, index) => idOf(index))
    for (const id of ids) await sample.store.set(id, rowOf('dave', end(sample, 60_000)))
    expect(await idsOwned(sample.store, 'dave', limit)).toEqual(ids)
  })

  test('after a text that is no id', async () => {
    const sample = await make()
    const ids = ['0a', 'a0', 'a1', 'b0'].map((start) => start.padEnd(32, '5'))
    for (const id of ids) await sample.store.set(id, rowOf('dave', end(sample, 60_000)))
    const after = async (text: string) => await sample.store.listOwned?.('dave', { limit: 9, ownerOf, after: text })
    expect(await after('a')).toEqual(ids.slice(1))
    expect(await after('a1')).toEqual(ids.slice(2))
    expect(await after('c')).toEqual([])
  })

  test('behind more rows of others than one portion', async () => {
    const sample = await make()
    const { store } = sample
    for (let index = 0; index < 520; index++) await store.set(idOf(index), rowOf('eve', end(sample, 60_000)))
    const own = [idOf(530), idOf(531)]
    for (const id of own) await store.set(id, rowOf('dave', end(sample, 60_000)))
    expect(await idsOwned(store, 'dave')).toEqual(own)
  })

  test('of more rows than one portion, those that go in between are no gap', async () => {
    const sample = await make()
    const { store } = sample
    const ids = Array.from({ length: 600 }, (_, index) => idOf(index))
    for (const id of ids) await store.set(id, rowOf('dave', end(sample, 60_000)))
    const found = new Set<string>()
    const gone = new Set<string>()
    for (let after = ''; ; ) {
      const page = (await store.listOwned?.('dave', { limit: 70, ownerOf, after })) ?? []
      for (const [index, id] of page.entries()) {
        found.add(id)
        if (index % 3 === 0) await store.delete(id)
        if (index % 3 === 0) gone.add(id)
      }
      if (page.length < 70) break
      after = page.at(-1) as string
    }
    expect([...found].sort()).toEqual(ids)
    expect(await idsOwned(store, 'dave')).toEqual(ids.filter((id) => !gone.has(id)))
  })

  test('an owner moves with each write, and ends with its row', async () => {
    const sample = await make()
    const { store } = sample
    const later = end(sample, 60_000)
    await store.set(ID, rowOf('dave', end(sample, life)))
    await store.set(OTHER, rowOf('dave', end(sample, life)))
    await store.update?.(ID, () => rowOf('eve', later))
    expect([await idsOwned(store, 'dave'), await idsOwned(store, 'eve')]).toEqual([[OTHER], [ID]])
    await store.set(ID, rowOf('dave', end(sample, life)))
    expect([await idsOwned(store, 'dave'), await idsOwned(store, 'eve')]).toEqual([[ID, OTHER].sort(), []])
    await store.touch?.(ID, later)
    await sample.pass(life * 1.5)
    expect(await idsOwned(store, 'dave')).toEqual([ID])
    await store.update?.(ID, () => rowOf(undefined, later))
    expect(await idsOwned(store, 'dave')).toEqual([])
    await store.set(ID, rowOf('dave', later))
    await store.delete(ID)
    expect(await idsOwned(store, 'dave')).toEqual([])
  })

  test('whatever is written, moved and deleted: the index is what the rows are', async () => {
    const write = fc.record({
      kind: fc.constantFrom('set', 'update', 'touch', 'delete'),
      id: fc.nat({ max: 5 }),
      user: fc.constantFrom('dave', 'eve', undefined),
    })
    const sample = await make()
    const { store } = sample
    await fc.assert(
      fc.asyncProperty(fc.array(write, { maxLength: 20 }), async (writes) => {
        const rows = new Map<string, string | undefined>()
        for (let index = 0; index <= 5; index++) await store.delete(idOf(index))
        for (const { kind, id: index, user } of writes) {
          const id = idOf(index)
          const row = rowOf(user, end(sample, 3_600_000))
          if (kind === 'set') await store.set(id, row)
          else if (kind === 'update') await store.update?.(id, (current) => current && row)
          else if (kind === 'touch') await store.touch?.(id, end(sample, 7_200_000))
          else await store.delete(id)
          if (kind === 'set' || (kind === 'update' && rows.has(id))) rows.set(id, user)
          if (kind === 'delete') rows.delete(id)
        }
        for (const owner of ['dave', 'eve']) {
          const expected = [...rows].filter(([, user]) => user === owner).map(([id]) => id)
          expect(await idsOwned(store, owner, 4)).toEqual(expected.sort())
        }
      }),
      { numRuns: runs(30) },
    )
  })

  if (!keeps) return

  test('says whose a row is, and when it was made and used', async () => {
    const sample = await make()
    const { store } = sample
    await store.set(ID, { ...rowOf('dave', end(sample, 60_000)), createdAt: new Date(0), accessedAt: new Date(0) })
    const made = (await store.get(ID)) as Required<StoredSession>
    expect(made.owner).toBe('dave')
    expect(made.createdAt.getTime()).toBeGreaterThan(0)
    expect(made.accessedAt).toEqual(made.createdAt)
    await sample.pass(50)
    await store.touch?.(ID, end(sample, 60_000))
    const touched = (await store.get(ID)) as Required<StoredSession>
    expect(touched.createdAt).toEqual(made.createdAt)
    expect(touched.accessedAt.getTime()).toBeGreaterThan(made.accessedAt.getTime())
    await sample.pass(50)
    let seen: StoredSession | undefined
    await store.update?.(ID, (current) => {
      seen = current
      return { ...rowOf('dave', end(sample, life)), createdAt: new Date(0) }
    })
    expect(seen).toMatchObject({ owner: 'dave', createdAt: made.createdAt })
    const changed = (await store.get(ID)) as Required<StoredSession>
    expect(changed.createdAt).toEqual(made.createdAt)
    expect(changed.accessedAt.getTime()).toBeGreaterThan(touched.accessedAt.getTime())
    await sample.pass(life * 1.5)
    await store.set(ID, rowOf(undefined, end(sample, 60_000)))
    const again = (await store.get(ID)) as StoredSession
    // A row without an owner may have no times.
    expect(again.createdAt?.getTime() ?? Number.POSITIVE_INFINITY).toBeGreaterThan(changed.createdAt.getTime())
    expect(Object.entries(again)).toContainEqual(['owner', undefined])
  })
}

/** Whether the store took it; it may refuse it as a codec may. */
async function isWritten(write: () => unknown): Promise<boolean> {
  return (await unlessRefused(async () => (await write()) ?? true)) === true
}
