import { describe, expect, test } from 'vitest'
import {
  beakerJwt,
  createKeys,
  createSessions,
  defineSession,
  jwt,
  memoryStore,
  verifySessions,
} from '../../../src/server/index.js'
import { rejection, SECRET, START, serve, textCodec } from '../server.helpers.js'
import { isText, schemaOf } from './schema.helpers.js'

const session = defineSession({ name: 'sid', idleTimeout: '1m' })
const codecs = [beakerJwt({ secrets: SECRET })]
const clock = (): Date => new Date(START)

describe('verifySessions', () => {
  test('reads what createSessions writes, and can not write', async () => {
    const sessions = createSessions({ session, codecs, expose: false, clock })
    const written = await sessions.load(null)
    Object.assign(written.data, { user: 'dave' })
    const [cookie = ''] = await sessions.commit(written)
    const reader = verifySessions({ session, codecs, clock })
    expect(Object.keys(reader)).toEqual(['name', 'warnings', 'load', 'ready', 'reload', 'jwks'])
    const loaded = await reader.load(cookie.split(';')[0])
    expect(loaded).toMatchObject({ data: { user: 'dave' }, isNew: false })
    const later = verifySessions({ session, codecs, clock: () => new Date(START + 61_000) })
    expect((await later.load(cookie.split(';')[0])).rejected?.code).toBe('ERR_SESSION_EXPIRED')
  })

  test('one request has one session, and events are told', async () => {
    const types: string[] = []
    const reader = verifySessions({ codecs: [textCodec('a')], on: ({ type }) => types.push(type) })
    const request = { headers: { cookie: 'beaker.session.id=text~b~x' } }
    expect(await reader.load(request)).toBe(await reader.load(request))
    expect(types).toEqual(['rejected'])
  })

  test('finds the row in a store', async () => {
    const store = memoryStore({ clock })
    const sessions = createSessions({ session, codecs, store, expose: false, clock })
    const written = await sessions.load(null)
    Object.assign(written.data, { user: 'dave' })
    const [cookie = ''] = await sessions.commit(written)
    const reader = verifySessions({ session, codecs, store, clock })
    expect((await reader.load(cookie.split(';')[0])).data).toEqual({ user: 'dave' })
    await sessions.destroy(written)
    expect((await reader.load(cookie.split(';')[0])).rejected?.code).toBe('ERR_SESSION_EXPIRED')
  })

  test('ready() finds what is wrong with the schema and the options beside it', async () => {
    const schema = schemaOf({ user: isText })
    const readerOf = (definition: object, options: object = {}) =>
      verifySessions({ session: defineSession({ schema, ...definition } as never) as never, codecs, ...options })
    await expect(readerOf({}).ready()).resolves.toBeUndefined()
    await expect(readerOf({ version: 0 }).ready()).rejects.toThrow(/Option "version"/)
    await expect(readerOf({ version: 2, reads: [3, 4] }).ready()).rejects.toThrow(/Option "reads"/)
    await expect(readerOf({}, { onInvalid: 'ignore' }).ready()).rejects.toThrow(/Option "onInvalid"/)
    await expect(verifySessions({ codecs, onInvalid: 'fresh' }).ready()).rejects.toThrow(/needs a "schema"/)
  })

  test('what changes more than the data throws, so that nobody counts on it', async () => {
    const found = await verifySessions({ codecs }).load('')
    for (const change of [
      () => found.regenerate(),
      () => found.authenticated(),
      () => found.remember('30d'),
      () => found.flash('info', 'Hello'),
    ]) {
      expect(change).toThrow(/^This call needs sessions that write/)
    }
    expect({ data: found.data, signIn: found.authenticatedAt }).toEqual({ data: {}, signIn: undefined })
    expect(found.flash('info')).toEqual([])
  })

  test('ready() prepares signing for sessions that write, and for no other codec than those that sign', async () => {
    const prepared: string[] = []
    const preparing = (name: string, readable: boolean) =>
      textCodec(name, { readable, prepareSign: async () => void prepared.push(name) })
    const [first, shown, old] = [preparing('first', false), preparing('shown', true), preparing('old', false)]
    await verifySessions({ codecs: [first, shown] }).ready()
    await createSessions({ codecs: [first], readOnly: true, expose: false }).ready()
    expect(prepared).toEqual([])
    await createSessions({ codecs: [first, old, shown], expose: ['user'] }).ready()
    expect(prepared).toEqual(['first', 'shown'])
    await expect(beakerJwt({ secrets: SECRET }).prepareSign?.()).resolves.toBeUndefined()
  })

  test.each([
    [{}, /"codecs"/],
    [{ codecs: [] }, /"codecs" is empty/],
    [{ codecs: beakerJwt({ secrets: SECRET }) }, /"codecs" must be a list/],
    [{ codecs, session: { idleTimeout: 5 } }, /"session"/],
    [{ codecs, on: 'console' }, /"on"/],
  ])('refuses %j', (options, message) => {
    expect(() => verifySessions(options as never)).toThrow(message)
  })
})

describe('ready', () => {
  test('is there for every kind of sessions', async () => {
    await expect(serve().sessions.ready()).resolves.toBeUndefined()
    await expect(verifySessions({ codecs }).ready()).resolves.toBeUndefined()
  })

  test('tells of keys that can not be loaded', async () => {
    const keys = createKeys(() => Promise.reject(new Error('The vault is sealed')))
    await rejection('ERR_SESSION_KEYS', verifySessions({ codecs: [jwt({ keys })] }).ready())
  })
})
