/** The contract of a codec whose value is the id alone: it keeps no data, so the suite asks for the rows behind it. */

import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stateOf } from '../../src/server/core/session.js'
import { createSessions, djangoSession, memoryStore, type SessionCodec } from '../../src/server/index.js'
import { deepFreeze, expectRefused, facts, half, session, sign, signed } from './codec-checks.js'
import { samples, strangers } from './codec-samples.js'

const codec: SessionCodec = djangoSession()
const bareKey = 'abcdefghijklmnopqrstuvwxyz012345'

describe('the codec contract: djangoSession', () => {
  test('is a plain object that says what it is', () => {
    expect(codec).toMatchObject({ name: 'djangoSession', family: 'django-session', readable: false, bareId: 'alone' })
    expect(codec).toMatchObject({ keepsId: true, sign: expect.any(Function), newId: expect.any(Function) })
  })

  test.each(Object.entries(samples))('a round trip by the row: %s', async (_, data) => {
    const sessions = createSessions({ codecs: [djangoSession()], store: memoryStore(), expose: false })
    const made = await sessions.load('')
    made.data = structuredClone(data)
    // An empty one is written for a token alone.
    stateOf(made).isNeeded = true
    const [setCookie = ''] = await sessions.commit(made)
    const cookie = setCookie.split(';')[0] ?? ''
    expect(cookie).toBe(`${sessions.name}=${made.id}`)
    const read = await sessions.load(cookie)
    expect(read.id).toBe(made.id)
    expect(isDeepStrictEqual(read.data, data)).toBe(true)
  })

  test('the value is the id, and leaves what it was given as it was', async () => {
    const record = deepFreeze({ ...facts, data: {}, stored: { user: 'dave' } })
    expect(await sign(codec, record, session)).toBe(facts.id)
    expect(codec.matches(facts.id)).toBe(true)
    expect(await codec.verify(facts.id, session)).toEqual({ id: facts.id, data: {} })
  })

  test('an id that no session of Django has is refused', async () => {
    for (const id of ['', 'short', 'A'.repeat(32), 'k'.repeat(33), `${'k'.repeat(31)} `, `${'k'.repeat(31)}\n`]) {
      await expect(sign(codec, { id, data: {}, stored: {} }, session)).rejects.toThrow(TypeError)
      expect(codec.matches(id)).toBe(false)
      await expectRefused({ ...codec, matches: () => true }, id, session)
    }
  })

  test('data without a store is refused, never lost', async () => {
    await expect(signed(codec, { data: { user: 'dave' } })).rejects.toThrow(/"store"/)
  })

  test.each(strangers.filter((value) => value !== bareKey).map((value) => [value.slice(0, 40), value]))(
    'a value of somebody else is refused: %j',
    async (_, value) => {
      for (const context of [session, half]) {
        expect(codec.matches(value)).toBe(false)
        await expectRefused({ ...codec, matches: () => true }, value, context)
      }
    },
  )

  test('random text is refused, and any key that names no row is not taken over', async () => {
    const sessions = createSessions({ codecs: [djangoSession()], store: memoryStore(), expose: false })
    const keys = fc.string({ unit: fc.constantFrom(...'abcxyz0189'), minLength: 32, maxLength: 32 })
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), keys), async (text) => {
        if (!/^[a-z0-9]{32}$/.test(text)) return void expect(codec.matches(text)).toBe(false)
        const { id, isNew } = await sessions.load(`${sessions.name}=${text}`)
        expect([isNew, id === text]).toEqual([true, false])
      }),
    )
  })

  test('it is no public cookie', async () => {
    await expectRefused(codec, bareKey, half)
  })
})
