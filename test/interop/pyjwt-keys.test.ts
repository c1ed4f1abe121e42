/** The suite of key pairs on Node. */
import { expect, test } from 'vitest'
import { platform } from '#platform'
import { pyJwtKeysSuite } from './pyjwt-keys.suite.js'

test('runs on the platform of Node', () => expect(platform.name).toBe('node'))

pyJwtKeysSuite(20)
