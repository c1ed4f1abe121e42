/** The suite of encrypted sessions on Node: 1 000 random sessions each way, with both payloads and both content encryptions. */
import { expect, test } from 'vitest'
import { platform } from '#platform'
import { jweSuite } from './jwe.suite.js'

test('runs on the platform of Node', () => expect(platform.name).toBe('node'))

jweSuite(1000)
