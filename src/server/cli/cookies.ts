/**
 * The cookies of one call: what a person pasted, or only the one whose name counts.
 */
import { cookiesIn, type PastedCookie } from '../../shared/pasted-cookies.js'
import { UsageError } from './terminal.js'

/** A value, and the name of its cookie if it is known. */
export type FoundValue = Pick<PastedCookie, 'name' | 'value'>

/** Longest text that is looked at: more than any header. */
const MAX_TEXT = 1_048_576

/**
 * Finds the values in a text: of a Cookie header all, of Set-Cookie headers (one in each line) each one's own.
 *
 * @param wanted - the name of the only cookie that counts
 * @throws {UsageError} if there is none
 */
export function valuesIn(text: string, wanted?: string): FoundValue[] {
  if (text.length > MAX_TEXT) throw new UsageError(`The text is longer than ${MAX_TEXT} characters`)
  const found = cookiesIn(text)
  const values = wanted === undefined ? found : found.filter(({ name }) => name === undefined || name === wanted)
  if (values.length > 0) return values
  throw new UsageError(
    wanted === undefined || found.length === 0
      ? 'There is no cookie in that: give a value, a Cookie header or a Set-Cookie header'
      : `There is no cookie with the name ${JSON.stringify(wanted)} in that`,
  )
}
