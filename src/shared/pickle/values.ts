/**
 * Python values that JavaScript has no type for: each immutable, printed as Python's `str` prints it.
 * FORMATS §7.1; datetime itself becomes a `Date`.
 */
import { MAX_PICKLE_DIGITS } from './opcodes.js'

/** `datetime.date`: a day without a time or zone. */
export class PythonDate {
  /** 1 to 9999. */
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  /** 1 to 31. */
  readonly day: number

  /** @throws {TypeError} there is no such day in the years 1 to 9999 */
  constructor(year: number, month: number, day: number) {
    if (!isDay(year, month, day)) throw new TypeError('PythonDate: there is no such day')
    this.year = year
    this.month = month
    this.day = day
    Object.freeze(this)
  }

  /** `2023-05-05` */
  toString(): string {
    return `${pad(this.year, 4)}-${pad(this.month)}-${pad(this.day)}`
  }

  /** The text of `toString()`. */
  toJSON(): string {
    return this.toString()
  }
}

export interface PythonTimeParts {
  hour: number
  minute?: number
  second?: number
  microsecond?: number
  /** 1: the second of two equal times when a clock is put back. */
  fold?: 0 | 1
  /** A `PythonTimezone`, or the inert object of another zone class. */
  timezone?: unknown
}

/** `datetime.time`: a time of day, perhaps with a zone. */
export class PythonTime {
  /** 0 to 23. */
  readonly hour: number
  /** 0 to 59. */
  readonly minute: number
  /** 0 to 59. */
  readonly second: number
  /** 0 to 999 999. */
  readonly microsecond: number
  /** 1: the second of two equal times when a clock is put back. */
  readonly fold: 0 | 1
  /** A `PythonTimezone`, the inert object of another zone class, or undefined. */
  readonly timezone: unknown

  /** @throws {TypeError} there is no such time */
  constructor({ hour, minute = 0, second = 0, microsecond = 0, fold = 0, timezone }: PythonTimeParts) {
    if (!isClock(hour, minute, second, microsecond) || (fold !== 0 && fold !== 1)) {
      throw new TypeError('PythonTime: there is no such time')
    }
    this.hour = hour
    this.minute = minute
    this.second = second
    this.microsecond = microsecond
    this.fold = fold
    this.timezone = timezone
    Object.freeze(this)
  }

  /** `01:02:03.000004`, and the offset where the zone has a fixed one */
  toString(): string {
    const clock = `${pad(this.hour)}:${pad(this.minute)}:${pad(this.second)}`
    const fraction = this.microsecond === 0 ? '' : `.${pad(this.microsecond, 6)}`
    const offset = this.timezone instanceof PythonTimezone ? this.timezone.offset : undefined
    return clock + fraction + (offset === undefined ? '' : offsetText(offset))
  }

  /** The text of `toString()`. */
  toJSON(): string {
    return this.toString()
  }
}

/** `datetime.timedelta`, normalised as Python does: only the days are ever negative. */
export class PythonTimedelta {
  /** Whole days; negative for a negative duration. */
  readonly days: number
  /** 0 to 86 399, beside the days. */
  readonly seconds: number
  /** 0 to 999 999, beside the seconds. */
  readonly microseconds: number

  /** @throws {TypeError} a part is no safe integer, or the sum is more than 999 999 999 days */
  constructor(days: number, seconds = 0, microseconds = 0) {
    if (![days, seconds, microseconds].every(Number.isSafeInteger)) {
      throw new TypeError('PythonTimedelta: days, seconds and microseconds must be integers')
    }
    const wholeSeconds = seconds + Math.floor(microseconds / 1_000_000)
    this.microseconds = modulo(microseconds, 1_000_000)
    this.seconds = modulo(wholeSeconds, 86_400)
    this.days = days + Math.floor(wholeSeconds / 86_400)
    if (!(Math.abs(this.days) <= 999_999_999)) throw new TypeError('PythonTimedelta: too many days')
    Object.freeze(this)
  }

  /** Exact up to 270 years, as in Python. */
  totalSeconds(): number {
    return this.days * 86_400 + this.seconds + this.microseconds / 1_000_000
  }

  /** `-1 day, 0:00:00` */
  toString(): string {
    const days = this.days === 0 ? '' : `${this.days} day${Math.abs(this.days) === 1 ? '' : 's'}, `
    const clock = `${Math.floor(this.seconds / 3600)}:${pad(Math.floor(this.seconds / 60) % 60)}:${pad(this.seconds % 60)}`
    return days + clock + (this.microseconds === 0 ? '' : `.${pad(this.microseconds, 6)}`)
  }

  /** Seconds, with a fraction. */
  toJSON(): number {
    return this.totalSeconds()
  }
}

export interface PythonTimezoneParts {
  /** Seconds east of UTC, of a zone with a fixed offset. */
  offset?: number
  /** `Europe/Berlin`, of a zone by name. */
  zone?: string
  /** What the zone calls itself, as `CET`. */
  name?: string
}

/** A zone of `datetime`, `zoneinfo` or `pytz`. */
export class PythonTimezone {
  /** Seconds east of UTC, of a zone with a fixed offset. */
  readonly offset: number | undefined
  /** The name of a zone, as `Europe/Berlin`. */
  readonly zone: string | undefined
  /** What the zone calls itself, as `CET`. */
  readonly name: string | undefined

  /** @throws {TypeError} neither an offset within a day nor a zone */
  constructor({ offset, zone, name }: PythonTimezoneParts) {
    if (offset === undefined ? !zone : !(Math.abs(offset) < 86_400)) {
      throw new TypeError('PythonTimezone: offset must be less than a day, or zone a name')
    }
    this.offset = offset
    this.zone = zone
    this.name = name
    Object.freeze(this)
  }

  /** The zone, or `UTC+02:00` */
  toString(): string {
    if (this.zone !== undefined) return this.zone
    if (this.name !== undefined) return this.name
    return this.offset === 0 ? 'UTC' : `UTC${offsetText(this.offset as number)}`
  }

  /** The text of `toString()`. */
  toJSON(): string {
    return this.toString()
  }
}

// sign, digits, point and exponent of Python's decimal, or a special value with its diagnostic digits
const DECIMAL = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf(?:inity)?|s?[nN]a[nN]\d*)$/

/** `decimal.Decimal`: its digits as text, so that `1.10` keeps both decimals. */
export class PythonDecimal {
  /** The digits, as Python prints them. */
  readonly text: string

  /** @throws {TypeError} no decimal number, or more digits than `MAX_PICKLE_DIGITS` */
  constructor(text: string) {
    if (!PythonDecimal.accepts(text)) throw new TypeError('PythonDecimal: text must be a decimal number')
    this.text = text
    Object.freeze(this)
  }

  /** Whether the constructor takes it. */
  static accepts(text: string): boolean {
    return text.length <= MAX_PICKLE_DIGITS && DECIMAL.test(text)
  }

  /** The nearest number; digits may be lost. */
  toNumber(): number {
    return Number(this.text.replace(/inf(inity)?$/i, 'Infinity'))
  }

  /** The digits. */
  toString(): string {
    return this.text
  }

  /** The digits, as text. */
  toJSON(): string {
    return this.text
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** `uuid.UUID` */
export class PythonUuid {
  /** 32 hexadecimal digits in five groups. */
  readonly text: string

  /** @throws {TypeError} not 32 hexadecimal digits in five groups */
  constructor(text: string) {
    this.text = text.toLowerCase()
    if (!UUID.test(this.text)) throw new TypeError('PythonUuid: text must be a UUID')
    Object.freeze(this)
  }

  /** The digits with their hyphens. */
  toString(): string {
    return this.text
  }

  /** The digits with their hyphens. */
  toJSON(): string {
    return this.text
  }
}

/** `complex` */
export class PythonComplex {
  /** The real part. */
  readonly real: number
  /** The imaginary part. */
  readonly imaginary: number

  constructor(real: number, imaginary: number) {
    this.real = real
    this.imaginary = imaginary
    Object.freeze(this)
  }

  /** `(1+2j)`, and `2j` where nothing is real */
  toString(): string {
    const imaginary = `${floatText(this.imaginary)}j`
    if (Object.is(this.real, 0)) return imaginary
    return `(${floatText(this.real)}${imaginary.startsWith('-') ? '' : '+'}${imaginary})`
  }

  /** The text of `toString()`. */
  toJSON(): string {
    return this.toString()
  }
}

/** As Python's `repr`, without the `.0`: an exponent of two digits, below 1e-4 and from 1e16 on. */
function floatText(number: number): string {
  if (number === 0 || !Number.isFinite(number)) {
    return Object.is(number, -0) ? '-0' : String(number).toLowerCase().replace('infinity', 'inf')
  }
  const [mantissa, exponent] = number.toExponential().split('e') as [string, string]
  if (Number(exponent) >= -4 && Number(exponent) < 16) return String(number)
  return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`
}

function pad(number: number, digits = 2): string {
  return String(number).padStart(digits, '0')
}

function modulo(number: number, divisor: number): number {
  return ((number % divisor) + divisor) % divisor
}

/** `+02:00`, with seconds only if there are some */
function offsetText(offset: number): string {
  const seconds = Math.abs(offset)
  const text = `${offset < 0 ? '-' : '+'}${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}`
  return seconds % 60 === 0 ? text : `${text}:${pad(Math.floor(seconds % 60))}`
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

function within(number: number, limit: number): boolean {
  return Number.isInteger(number) && number >= 0 && number < limit
}
