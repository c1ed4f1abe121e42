/** The suite of encrypted sessions on the platform of Workers. */
import { expect, test } from 'vitest'
import { platform } from '#platform'
import { jweSuite } from './jwe.suite.js'

test('runs on the platform of Workers', () => expect(platform.name).toBe('web'))

jweSuite(200)
