/** The current Django over a real PostgreSQL, and many requests at once. */
import { test } from 'vitest'
import { hasPostgres, postgresHint } from '../setup/postgres.js'
import { djangoSuite } from './django.suite.js'
import { openDjangoPostgres as open } from './django-databases.js'

if (hasPostgres()) {
  for (const serializer of ['json', 'pickle'] as const) {
    djangoSuite({ serializer, open, database: 'PostgreSQL', count: 40, era: 'current' })
  }
} else {
  console.warn(`skipping Django over PostgreSQL: ${postgresHint}`)
  test.skip('needs PostgreSQL', () => {})
}
