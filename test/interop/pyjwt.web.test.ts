/** The suite of PyJWT with the web platform's signatures: random claims with the current release and with 1.x. */
import { expect, test } from 'vitest'
import { platform } from '#platform'
import { pyJwtSuite } from './pyjwt.suite.js'

test('runs on the platform of the web', () => expect(platform.name).toBe('web'))

pyJwtSuite({ count: 50 })
pyJwtSuite({ count: 50, older: true })
