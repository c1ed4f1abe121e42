/** The suite of beaker-session-jwt with the web platform's signatures and compression. */
import { expect, test } from 'vitest'
import { platform } from '#platform'
import { beakerJwtSuite } from './beaker-jwt.suite.js'

test('runs on the platform of the web', () => expect(platform.name).toBe('web'))

beakerJwtSuite(50)
