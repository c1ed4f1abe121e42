/** The current Django over SQLite on the web platform, where signing is awaited in the middle of a transaction. */
import { djangoSuite } from './django.suite.js'
import { openDjangoSqlite as open } from './django-databases.js'

for (const serializer of ['json', 'pickle'] as const) {
  djangoSuite({ serializer, open, database: 'SQLite', count: 15, era: 'current' })
}
