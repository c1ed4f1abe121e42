/** Sessions in several cookies, as the server splits them (FORMATS §11): joined in a page, and what is left over is harmless. */
import { describe, expect, test } from 'vitest'
import { compactReader } from '../../src/client/compact.js'
import { getSession, inspectSession } from '../../src/client/index.js'
import { compact } from '../../src/server/codecs/compact.js'
import { readSessionCookies } from '../../src/server/core/cookies.js'
import { tokenOf } from '../shared/shared.helpers.js'

const NOW = new Date(1_700_000_000_000)
const codec = compact({ secrets: ['a secret of 32 bytes, and more of it'] })

async function signed(data: Record<string, unknown>, purpose: 'session' | 'public' = 'session'): Promise<string> {
  return (await codec.sign?.({ data }, { cookieName: 's', purpose, now: NOW })) as string
}

/** The cookies of a value in so many pieces. */
function cookiesOf(value: string, count: number, name = 's'): string[] {
  const length = Math.ceil(value.length / count)
  return Array.from({ length: count }, (_, index) => {
    const piece = value.slice(index * length, (index + 1) * length)
    return `${index === 0 ? name : `${name}.${index}`}=${piece}`
  })
}

/** What the server would try. */
const onServer = (cookies: string[]): string[] =>
  readSessionCookies(cookies.join('; '), 's', true).candidates.map((candidate) => candidate.value)
const read = (cookies: string[]) => getSession('s', { cookie: cookies.join('; '), now: NOW, reader: compactReader })

describe.each([
  ['compact', await signed({ user: 'dave', text: 'x'.repeat(50) })],
  ['JWT', tokenOf({ user: 'dave', text: 'x'.repeat(50) })],
])('%s', (_, value) => {
  const session = { user: 'dave', text: 'x'.repeat(50) }

  test.each([1, 2, 3, 4])('%i pieces, in any order', (count) => {
    const cookies = cookiesOf(value, count)
    expect(read(cookies)).toEqual(session)
    expect(read(['a=1', ...cookies.reverse(), 'b=2'])).toEqual(session)
    expect(onServer(cookies), 'as the server joins them').toContain(value)
  })

  test('5 pieces are one too many, here and on the server', () => {
    const cookies = cookiesOf(value, 5)
    expect(onServer(cookies)).not.toContain(value)
    const { candidates } = inspectSession('s', { cookie: cookies.join('; '), reader: compactReader })
    expect(candidates.map((candidate) => candidate.value).sort()).toEqual(onServer(cookies).sort())
  })

  test('a gap ends the value', () => {
    const [first, second, third] = cookiesOf(value, 3) as [string, string, string]
    const { candidates } = inspectSession('s', { cookie: `${first}; ${third}` })
    expect(candidates.map(({ value }) => value)).toEqual([first.slice(2)])
    expect(inspectSession('s', { cookie: `${second}; ${third}` }).candidates).toEqual([])
  })
})

describe('what is left over', async () => {
  const value = await signed({ user: 'dave' })

  test('a piece of a longer session hides no shorter one', async () => {
    const old = cookiesOf(await signed({ user: 'erin', text: 'y'.repeat(500) }), 3)
    expect(read([`s=${value}`, old[1] as string, old[2] as string])).toEqual({ user: 'dave' })
    for (const count of [2, 3]) {
      const pieces = cookiesOf(await signed({ user: 'dave', text: 'x'.repeat(50) }), count)
      expect(read([...pieces, `s.${count}=left-over`])).toEqual({ user: 'dave', text: 'x'.repeat(50) })
    }
    expect(read([`s=${value}`, 's.1=.'])).toEqual({ user: 'dave' })
    expect(getSession('s', { cookie: `s=${tokenOf({ user: 'dave' })}; s.1=x.y` })).toEqual({ user: 'dave' })
  })

  test.each(['s.9=x', 's.4=x', 's.2=x', 's.1', 's.01=x', 's.1.1=x', 's.x=y', 't.1=x'])('%s is none of it', (stray) => {
    const { candidates, session } = inspectSession('s', { cookie: `${stray}; s=${value}`, reader: compactReader })
    expect(candidates).toHaveLength(1)
    expect(session).toEqual({ user: 'dave' })
  })

  test('of one piece sent twice the last one counts, as of one cookie', () => {
    const [first, second] = cookiesOf(value, 2) as [string, string]
    expect(read([first, 's.1=planted', second])).toEqual({ user: 'dave' })
    expect(read([first, second, 's.1=planted'])).toBeNull()
    expect(read([`s=${value}`, first, second])).toEqual({ user: 'dave' })
  })
})

test('the public cookie has its own pieces', async () => {
  const half = cookiesOf(await signed({ user: 'dave' }, 'public'), 3, 's.public')
  expect(read(half)).toEqual({ user: 'dave' })
  expect(read([...half, `s=${await signed({ user: 'authority' })}`])).toEqual({ user: 'dave' })
  expect(read([...half.slice(0, 1), `s=${await signed({ user: 'authority' })}`])).toEqual({ user: 'authority' })
})

test('the same object while the pieces are the same; the size is that of all', async () => {
  const value = await signed({ user: 'dave' })
  const cookies = cookiesOf(value, 3)
  const session = read(cookies)
  expect(read(cookies)).toBe(session)
  expect(read(['other=1', ...cookies])).toBe(session)
  expect(inspectSession('s', { cookie: cookies.join('; '), reader: compactReader })).toMatchObject({
    value,
    size: value.length + 1,
    session,
  })
})
