/**
 * A session cookie that moves into a partition and back, in a real Chromium: it keeps both cookies beside each other, so a write has to expire
 * the former one, and a sign-out both.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { expect, type Page } from 'playwright/test'
import { compact, createSessions, type Sessions } from '../../src/server/index.js'
import { servedBy } from './served.js'

const codecs = [compact({ secrets: ['a secret that only this test has, of 44 bytes'] })]
const sessionsOf = (options: object): Sessions => createSessions({ codecs, expose: ['user'], ...options })

/** Under these paths. */
const releases: Record<string, Sessions> = {
  plain: sessionsOf({}),
  none: sessionsOf({ sameSite: 'none' }),
  embedded: sessionsOf({ embedded: true }),
  forgetful: sessionsOf({ embedded: true, expireShadows: false }),
  partitioned: sessionsOf({ sameSite: 'none', partitioned: true }),
  back: sessionsOf({ expireShadows: [{ partitioned: true }] }),
}

/** `/RELEASE/look`, `sign-in`, `count` and `sign-out` show the names of the cookies that came, and what the session had. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, release = '', action] = (request.url ?? '').split('/')
  const sessions = releases[release]
  if (!sessions) return void response.writeHead(204).end()
  const session = await sessions.load(request)
  const names = (request.headers.cookie ?? '').split('; ').map((cookie) => cookie.split('=')[0] as string)
  const found = JSON.stringify({ user: session.data.user, count: session.data.count, names: names.sort() })
  if (action === 'sign-in') session.data.user = 'dave'
  if (action === 'count') session.data.count = Number(session.data.count ?? 0) + 1
  if (action === 'sign-out') await sessions.destroy(session, response)
  await sessions.commit(session, response)
  response.setHeader('Content-Type', 'application/json').end(found)
}

const test = servedBy(answer)

async function visit(page: Page, url: string): Promise<{ user?: string; count?: number; names: string[] }> {
  const response = await page.goto(url)
  return JSON.parse((await response?.text()) ?? '')
}

const BOTH = ['beaker.session.id', 'beaker.session.id.public']

test('Chromium keeps the former cookie beside the new one, and sends both', async ({ page, url }) => {
  await visit(page, `${url}/plain/sign-in`)
  await visit(page, `${url}/forgetful/count`)
  const { names } = await visit(page, `${url}/forgetful/look`)
  expect(names).toEqual([...BOTH.slice(0, 1), ...BOTH.slice(0, 1), ...BOTH.slice(1), ...BOTH.slice(1)])
  await visit(page, `${url}/forgetful/sign-out`)
  expect((await visit(page, `${url}/forgetful/look`)).user).toBe('dave')
})

for (const [before, now] of [
  ['plain', 'embedded'],
  ['none', 'partitioned'],
  ['embedded', 'back'],
]) {
  test(`from ${before} to ${now}: one write leaves one cookie, and a sign-out ends both`, async ({ page, url }) => {
    await visit(page, `${url}/${before}/sign-in`)
    await visit(page, `${url}/${now}/count`)
    expect(await visit(page, `${url}/${now}/look`)).toEqual({ user: 'dave', count: 1, names: BOTH })
    await visit(page, `${url}/${now}/sign-out`)
    expect(await visit(page, `${url}/${now}/look`)).toEqual({ names: [''] })

    await visit(page, `${url}/${before}/sign-in`)
    await visit(page, `${url}/${now}/sign-out`)
    expect(await visit(page, `${url}/${before}/look`)).toEqual({ names: [''] })
  })
}
