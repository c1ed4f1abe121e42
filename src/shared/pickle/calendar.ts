/**
 * Days and clocks as Python's datetime has them: years 1 to 9999, microseconds, no leap seconds.
 * FORMATS §7.1 gives the octets of each.
 */

/** The fields of a `datetime.datetime`; `date` and `time` have a part of them. */
export interface DatetimeFields {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  microsecond: number
  fold: 0 | 1
}

/** Whether there is such a day. */
export function isDay(year: number, month: number, day: number): boolean {
  if (!(Number.isInteger(year) && Number.isInteger(month) && Number.isInteger(day))) return false
  if (!(year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1)) return false
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return day <= (month === 2 ? (leap ? 29 : 28) : month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31)
}

/** Whether there is such a time of day. */
export function isClock(hour: number, minute: number, second: number, microsecond: number): boolean {
  return within(hour, 24) && within(minute, 60) && within(second, 60) && within(microsecond, 1_000_000)
}

/** The milliseconds of these fields as if they were UTC; microseconds are cut. */
export function utcTime({ year, month, day, hour, minute, second, microsecond }: DatetimeFields): number {
  const date = new Date(Date.UTC(2000, 0, 1, hour, minute, second, Math.floor(microsecond / 1000)))
  return date.setUTCFullYear(year, month - 1, day)
}

/** Year, month and day. @returns `undefined` where the octets are no day */
export function decodeDate(octets: Uint8Array): Pick<DatetimeFields, 'year' | 'month' | 'day'> | undefined {
  if (octets.length !== 4) return undefined
  const [high = 0, low = 0, month = 0, day = 0] = octets
  const year = high * 256 + low
  return isDay(year, month, day) ? { year, month, day } : undefined
}

/** A time of day; the top bit of the hour is the fold. @returns `undefined` where the octets are no time */
export function decodeTime(octets: Uint8Array): Omit<DatetimeFields, 'year' | 'month' | 'day'> | undefined {
  if (octets.length !== 6) return undefined
  const [first = 0, minute = 0, second = 0] = octets
  const hour = first & 0x7f
  const microsecond = microsecondOf(octets, 3)
  if (!isClock(hour, minute, second, microsecond)) return undefined
  return { hour, minute, second, microsecond, fold: first > 0x7f ? 1 : 0 }
}

/** Day and time; the top bit of the month is the fold. @returns `undefined` where the octets are no datetime */
export function decodeDatetime(octets: Uint8Array): DatetimeFields | undefined {
  if (octets.length !== 10) return undefined
  const [high = 0, low = 0, third = 0, day = 0, hour = 0, minute = 0, second = 0] = octets
  const year = high * 256 + low
  const month = third & 0x7f
  const microsecond = microsecondOf(octets, 7)
  if (!isDay(year, month, day) || !isClock(hour, minute, second, microsecond)) return undefined
  return { year, month, day, hour, minute, second, microsecond, fold: third > 0x7f ? 1 : 0 }
}

/** By index: a `subarray` of so few octets costs more than all else here. */
function microsecondOf(octets: Uint8Array, at: number): number {
  return (octets[at] as number) * 65_536 + (octets[at + 1] as number) * 256 + (octets[at + 2] as number)
}

function within(number: number, limit: number): boolean {
  return Number.isInteger(number) && number >= 0 && number < limit
}
