/** The real Beaker and Node on sessions that name the domain and path of their cookie, in one browser (FORMATS §2.2). */
import { describe, expect, test } from 'vitest'
import { beaker, createSessions, type SessionsOptions } from '../../src/server/index.js'
import { Jar } from '../reports/jar.js'
import type { WsgiAnswer } from './beaker-jwt.helpers.js'
import { describeWithPython } from './peer.js'
import { member } from './tagged.js'

const NAME = 'beaker.session.id'
const validateKey = 'interop validate key, 26 x'

describeWithPython(
  'the place of a Beaker session',
  (peer) => {
    /** A request to Python, with its own `cookie_domain` and `cookie_path`. */
    async function python(jar: Jar, operations: string[][], options: object = {}): Promise<WsgiAnswer> {
      const answer = await peer.call<WsgiAnswer>('wsgi', {
        options: { validate_key: validateKey, data_serializer: 'json', ...options },
        cookie: jar.header,
        operations: [...operations, ['save']],
      })
      jar.take(answer.set_cookie)
      return answer
    }

    async function node(jar: Jar, change: object, options: Partial<SessionsOptions>): Promise<void> {
      const codecs = [beaker({ validateKey, serializer: 'json' })]
      const sessions = createSessions({
        codecs,
        expose: false,
        secure: false,
        touchEvery: 0,
        ...options,
        readOnly: false,
      })
      const session = await sessions.load(jar.header)
      expect(session.rejected).toBeUndefined()
      Object.assign(session.data, change)
      jar.take(await sessions.commit(session))
    }

    describe.each<[string, string[][], object, Partial<SessionsOptions>, string]>([
      [
        'session.domain',
        [['domain', '.example.com']],
        {},
        { allowedPlaces: [{ domain: '.example.com' }] },
        'example.com/',
      ],
      ['session.path', [['path', '/app']], {}, { allowedPlaces: [{ path: '/app' }] }, '/app'],
      ['cookie_domain', [], { cookie_domain: '.example.com' }, { domain: '.example.com' }, 'example.com/'],
      ['no domain', [], {}, { domain: '.example.com' }, '/'],
    ])('%s', (_, place, before, options, expected) => {
      test('Node renews and changes it there, and what Python writes later is what both read', async () => {
        const jar = new Jar()
        const now = options.domain ? { cookie_domain: options.domain } : {}
        await python(jar, [...place, ['set', 'user', 'dave']], before)
        await node(jar, {}, options)
        await node(jar, { visits: '1' }, options)
        expect(jar.places(NAME)).toEqual([expected])
        const later = await python(jar, [['set', 'visits', '2']], now)
        expect(member(later.session, 'user')).toBe('dave')
        expect(jar.places(NAME)).toEqual([expected])
        await node(jar, { seen: 'yes' }, options)
        const last = await python(jar, [['read']], now)
        expect(['user', 'visits', 'seen'].map((name) => member(last.session, name))).toEqual(['dave', '2', 'yes'])
      })
    })
  },
  { program: 'beaker_peer.py' },
)
