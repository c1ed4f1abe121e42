import { describe, expect, test } from 'vitest'
import { compact, type FlashValue, jwt, type Session } from '../../../src/server/index.js'
import { dave, SECRET, serve } from '../server.helpers.js'

const fresh = (): Promise<Session> => serve().sessions.load(null)

describe('flash', () => {
  test('gives messages once, oldest first, each name its own', async () => {
    const session = await fresh()
    session.flash('info', 'one')
    session.flash('info', 'two')
    session.flash('', 'three')
    expect(session.data).toEqual({ _f_info: ['one', 'two'], _f_: ['three'] })
    expect(session.flash('info')).toEqual(['one', 'two'])
    expect(session.flash('info')).toEqual([])
    expect(session.data).toEqual({ _f_: ['three'] })
  })

  test('reading is a change that is written, and nothing to read is none', async () => {
    const { sessions, browser, visit } = serve()
    await visit(dave)
    const first = await sessions.load(browser.cookie)
    first.flash('info', { text: 'saved', items: [1, true, null] })
    browser.take(await sessions.commit(first))
    const second = await sessions.load(browser.cookie)
    expect(second.flash('info')).toEqual([{ text: 'saved', items: [1, true, null] }])
    const cookies = await sessions.commit(second)
    expect(cookies).toHaveLength(1)
    browser.take(cookies)
    const third = await sessions.load(browser.cookie)
    expect(third.flash('info')).toEqual([])
    expect(await sessions.commit(third)).toEqual([])
  })

  test.each([() => jwt({ secrets: SECRET }), () => compact({ secrets: SECRET })])(
    'is plain data to every format',
    async (codec) => {
      const { sessions, browser } = serve({ codecs: [codec()] })
      const session = await sessions.load(null)
      session.flash('info', ['a', { b: 1.5 }])
      browser.take(await sessions.commit(session))
      expect((await sessions.load(browser.cookie)).flash('info')).toEqual([['a', { b: 1.5 }]])
    },
  )

  test('messages that Python left are read, whatever is in them', async () => {
    const { sessions, browser, visit } = serve()
    await visit((data) => Object.assign(data, { _f_: ['from Pyramid'], _f_warn: 'no list', __proto__: null }))
    const session = await sessions.load(browser.cookie)
    expect(session.flash('')).toEqual(['from Pyramid'])
    expect(session.flash('warn')).toEqual([])
    expect(session.data._f_warn).toBe('no list')
    session.flash('warn', 'now a list')
    expect(session.flash('warn')).toEqual(['now a list'])
  })

  test('another list is made, so that nothing else changes with it', async () => {
    const session = await fresh()
    const list = ['one']
    session.data._f_info = list
    session.flash('info', 'two')
    expect(list).toEqual(['one'])
  })

  test.each([
    [new Date()],
    [() => {}],
    [Number.NaN],
    [10n],
    [Uint8Array.of(1)],
    [new Map()],
    [[undefined]],
    [{ a: new Set() }],
  ])('takes no %s, which another format could not hold', async (value) => {
    const session = await fresh()
    expect(() => session.flash('info', value as FlashValue)).toThrow(TypeError)
    expect(session.data).toEqual({})
  })

  test('16 levels, and no circle', async () => {
    const session = await fresh()
    const nested = (levels: number): FlashValue => (levels === 0 ? 'deep' : [nested(levels - 1)])
    session.flash('info', nested(16))
    expect(() => session.flash('info', nested(17))).toThrow(TypeError)
    const circle: unknown[] = []
    circle.push(circle)
    expect(() => session.flash('info', circle as FlashValue)).toThrow(TypeError)
    expect(() => session.flash(5 as never)).not.toThrow()
    expect(() => session.flash(5 as never, 'x')).toThrow('the name')
  })

  test('no message of before regenerate() is shown after it', async () => {
    const session = await fresh()
    session.flash('info', 'planted')
    session.data.cart = ['apple']
    session.regenerate()
    session.flash('info', 'welcome')
    expect(session.flash('info')).toEqual(['welcome'])
    expect(session.data).toEqual({ cart: ['apple'] })
  })
})
