/** Local times that come twice or never (PEP 495), with Python's zoneinfo as the source of the numbers. */
import { expect, test, vi } from 'vitest'
import { zoneOffset } from '../../../src/shared/pickle/known.js'

const hour = 3_600_000

test.each<[string, string, string, 0 | 1, number]>([
  ['winter', 'Europe/Berlin', '2023-01-01T12:00', 0, hour],
  ['summer', 'Europe/Berlin', '2023-07-01T12:00', 0, 2 * hour],
  ['twice, the first', 'Europe/Berlin', '2023-10-29T02:30', 0, 2 * hour],
  ['twice, the second', 'Europe/Berlin', '2023-10-29T02:30', 1, hour],
  ['never, as before', 'Europe/Berlin', '2023-03-26T02:30', 0, hour],
  ['never, as after', 'Europe/Berlin', '2023-03-26T02:30', 1, 2 * hour],
  ['an hour before the change', 'Europe/Berlin', '2023-10-29T01:30', 1, 2 * hour],
  ['an hour after the change', 'Europe/Berlin', '2023-10-29T03:30', 0, hour],
  ['west of UTC', 'America/New_York', '2023-11-05T01:30', 1, -5 * hour],
  ['half an hour', 'Asia/Kolkata', '2023-01-01T00:00', 0, 5.5 * hour],
  ['before 1970', 'America/New_York', '1950-07-01T00:00', 0, -4 * hour],
])('%s', (_name, zone, local, fold, offset) => {
  expect(zoneOffset(zone, Date.parse(`${local}Z`), fold)).toBe(offset)
})

test('an unknown zone has none', () => {
  expect(zoneOffset('Nowhere/At_All', 0, 0)).toBeUndefined()
})

test('many unknown and known zones stay few', () => {
  for (const zone of Intl.supportedValuesOf('timeZone').slice(0, 70))
    expect(zoneOffset(zone, 0, 0)).toBeTypeOf('number')
})

test('an unknown zone is asked for once, a name of too many characters never', () => {
  const asked = vi.spyOn(Intl, 'DateTimeFormat')
  for (const size of [64, 64, 65]) expect(zoneOffset('Z'.repeat(size), 0, 0)).toBeUndefined()
  expect(asked).toHaveBeenCalledTimes(1)
  asked.mockRestore()
})
