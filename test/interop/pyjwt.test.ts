/** The suite of PyJWT on Node: random claims with the current release and with 1.x. */
import { expect, test } from 'vitest'
import { platform } from '#platform'
import { pyJwtSuite } from './pyjwt.suite.js'

test('runs on the platform of Node', () => expect(platform.name).toBe('node'))

pyJwtSuite({ count: 500 })
pyJwtSuite({ count: 300, older: true })
