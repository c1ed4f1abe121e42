/** A session that stands beside cookies that nothing verifies is found, and what is written goes over it: never an empty session. */
import { describe, expect, test } from 'vitest'
import {
  beaker,
  beakerJwt,
  compact,
  djangoJwt,
  djangoSigned,
  jwt,
  type SessionCodec,
  type SessionsOptions,
} from '../../../src/server/index.js'
import { dave, NAME, serve, testBrowser } from '../server.helpers.js'
import { serveStored } from '../stores/stores.helpers.js'

let count = 0
/** Each codec has its own. */
const secret = (): string => `swordfish-one-of-the-keys-0123456789abcdef-${count++}`

const CODECS: Record<string, () => SessionCodec> = {
  beakerJwt: () => beakerJwt({ secrets: [secret()] }),
  'beaker in JSON': () => beaker({ validateKey: secret(), serializer: 'json' }),
  'beaker in pickle': () => beaker({ validateKey: secret(), serializer: 'pickle' }),
  'beaker encrypted': () => beaker({ validateKey: secret(), encryptKey: secret(), cryptoType: 'cryptography' }),
  jwt: () => jwt({ secrets: [secret()] }),
  djangoJwt: () => djangoJwt({ secrets: [secret()] }),
  djangoSigned: () => djangoSigned({ secretKey: secret() }),
  'djangoSigned in pickle': () => djangoSigned({ secretKey: secret(), serializer: 'pickle' }),
  compact: () => compact({ secrets: [secret()] }),
}
const names = Object.keys(CODECS)

async function cookieOf(codec: SessionCodec, options: Partial<SessionsOptions> = {}): Promise<string> {
  const { visit, browser } = serve({ codecs: [codec], expose: false, ...options })
  await visit((data) => Object.assign(data, { user: 'dave', text: 'some words' }))
  return browser.cookies.get(NAME) as string
}

describe.each(names)('a session of %s', (ours) => {
  test.each(names)('beside one of %s with another key, that codec before or behind ours', async (theirs) => {
    const [codec, other] = [CODECS[ours]?.(), CODECS[theirs]?.()] as [SessionCodec, SessionCodec]
    const value = await cookieOf(codec)
    const foreign = await cookieOf((CODECS[theirs] as () => SessionCodec)())
    for (const codecs of [
      [codec, other],
      [other, codec],
    ]) {
      const { sessions } = serve({ codecs, expose: false })
      for (const header of [
        `${NAME}=${value}; ${NAME}=${foreign}`,
        `${NAME}=${foreign}; ${NAME}=${value}`,
        `${NAME}=${value}; ${NAME}=${value.slice(0, -9)}`,
        `${NAME}=${value}; ${NAME}=${value}x; ${NAME}=${foreign.slice(5)}`,
        `${NAME}=${value}; ${NAME}.1=${foreign}`,
        `${NAME}=; ${NAME}=${value}; ${NAME}=!`,
      ]) {
        const session = await sessions.load(header)
        expect(session.data.user, header).toBe('dave')
        expect(session.rejected).toBeUndefined()
        session.data.csrf = 'x'
        const browser = testBrowser()
        browser.take(await sessions.commit(session))
        expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave', text: 'some words', csrf: 'x' })
      }
    }
  })
})

test('with a store: the id of the session that was found is written, whatever stands beside it', async () => {
  const { sessions, visit, browser } = serveStored()
  await visit(dave)
  const foreign = await cookieOf(jwt({ secrets: [secret()] }))
  // A token of ours whose row is gone: it verifies, and it is no session.
  const gone = serveStored()
  await gone.visit(dave)
  for (const beside of [foreign, 'garbage', gone.browser.cookies.get(NAME)]) {
    const session = await sessions.load(`${browser.cookie}; ${NAME}=${beside}`)
    expect(session.data.user).toBe('dave')
    session.data.csrf = beside
    await sessions.commit(session)
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave', csrf: beside })
  }
})

test('what verified and can’t be read stays protected, beside anything that nothing verifies', async () => {
  const value = await cookieOf(compact({ secrets: [secret()] }))
  const own = secret()
  const { visit, browser } = serve({ codecs: [compact({ secrets: [own] })], expose: false })
  await visit((data) => Object.assign(data, { text: 'x'.repeat(5000) }))
  const { sessions } = serve({ codecs: [compact({ secrets: [own], maxInflated: 1024 })], expose: false })
  for (const header of [
    browser.cookie,
    `${browser.cookie}; ${NAME}=${value}`,
    `${NAME}=garbage; ${browser.cookie}`,
    `${browser.cookie}; ${NAME}.1=left; ${NAME}.2=over`,
  ]) {
    const session = await sessions.load(header)
    expect(session.rejected).toMatchObject({ code: 'ERR_SESSION_LIMIT', verified: true })
    session.data.csrf = 'x'
    await expect(sessions.commit(session)).rejects.toMatchObject({ code: 'ERR_SESSION_PROTECTED' })
  }
})
