/**
 * The UTC offset of a named zone at a local time, from the time zone data of the runtime.
 * PEP 495 for the two readings of a local time; that data may be of another year than Python's.
 */

const DAY = 86_400_000
/** Formatters are costly to make; a session has one zone or two, and a stranger's many must not stay. */
const MAX_FORMATS = 32
/** Characters of a name that is asked for, and kept; real ones have some thirty. */
const MAX_ZONE_NAME = 64
/** Undefined: the runtime does not know it, which costs even more to find out. */
let formats: Map<string, Intl.DateTimeFormat | undefined> | undefined

/**
 * Milliseconds east of UTC.
 *
 * @param zone - `Europe/Berlin`
 * @param local - the local time, in milliseconds as if it were UTC
 * @param fold - 1 for the second of two equal local times
 * @returns `undefined` where the runtime does not know the zone
 */
export function zoneOffset(zone: string, local: number, fold: 0 | 1): number | undefined {
  const format = formatOf(zone)
  if (format === undefined) return undefined
  const before = offsetAt(format, local - DAY)
  const after = offsetAt(format, local + DAY)
  if (before === after) return before
  const isBefore = offsetAt(format, local - before) === before
  const isAfter = offsetAt(format, local - after) === after
  if (isBefore === isAfter) return fold === 1 ? after : before
  return isBefore ? before : after
}

function formatOf(zone: string): Intl.DateTimeFormat | undefined {
  if (zone.length > MAX_ZONE_NAME) return undefined
  formats ??= new Map()
  let format = formats.get(zone)
  if (format !== undefined || formats.has(zone)) return format
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    format = undefined
  }
  if (formats.size >= MAX_FORMATS) formats.clear()
  formats.set(zone, format)
  return format
}

function offsetAt(format: Intl.DateTimeFormat, time: number): number {
  const parts: Record<string, string> = {}
  for (const { type, value } of format.formatToParts(time)) parts[type] = value
  const number = (type: string): number => Number(parts[type])
  const date = new Date(Date.UTC(2000, 0, 1, number('hour'), number('minute'), number('second')))
  const year = parts.era === 'BC' ? 1 - number('year') : number('year')
  date.setUTCFullYear(year, number('month') - 1, number('day'))
  return date.getTime() - Math.floor(time / 1000) * 1000
}
