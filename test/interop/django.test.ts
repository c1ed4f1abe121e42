/** The current Django, 3.2, and the oldest that runs, over SQLite. */

import { djangoSuite } from './django.suite.js'
import { openDjangoSqlite as open } from './django-databases.js'

for (const serializer of ['json', 'pickle'] as const) {
  djangoSuite({ serializer, open, database: 'SQLite', count: 60, era: 'current' })
  djangoSuite({ serializer, open, database: 'SQLite', count: 30, era: 'both', older: 'older-django' })
  djangoSuite({ serializer, open, database: 'SQLite', count: 30, era: 'legacy', older: 'oldest-django' })
}
