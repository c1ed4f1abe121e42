/** The suite of beaker-session-jwt on Node: a thousand random sessions in each test of both forms. */
import { expect, test } from 'vitest'
import { platform } from '#platform'
import { beakerJwtSuite } from './beaker-jwt.suite.js'

test('runs on the platform of Node', () => expect(platform.name).toBe('node'))

beakerJwtSuite(500)
