/** Names of tables. */
import { expect, test } from 'vitest'
import { quoteTable } from '../../../src/server/stores/sql.js'

test('a name is quoted, and what is none throws', () => {
  expect(quoteTable('django_session', 'table')).toBe('"django_session"')
  expect(quoteTable('app.Session$1', 'table')).toBe('"app"."Session$1"')
  for (const name of ['', '1a', 'a"', 'a.', '.a', 'a b', 'é', 'a;', 'a\n', 'a.b.c', 'x'.repeat(64)]) {
    expect(() => quoteTable(name, 'table'), name).toThrow('"table"')
  }
  expect(quoteTable('x'.repeat(63), 'table')).toHaveLength(65)
})
