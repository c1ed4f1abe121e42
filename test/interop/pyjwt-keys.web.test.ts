/** The suite of key pairs with WebCrypto. */
import { expect, test } from 'vitest'
import { platform } from '#platform'
import { pyJwtKeysSuite } from './pyjwt-keys.suite.js'

test('runs on the platform of the web', () => expect(platform.name).toBe('web'))

pyJwtKeysSuite(5)
