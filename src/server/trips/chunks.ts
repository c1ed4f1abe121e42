/**
 * One value in several cookies: `NAME`, `NAME.1`, `NAME.2`. The value was signed as a whole, so no piece of another fits.
 * FORMATS §11; sizes as in RFC 6265 §6.1, and the header as servers and proxies take it.
 */
import { readCookies } from '../../shared/cookie.js'
import { MAX_COOKIE_OCTETS } from '../set-cookie.js'

export interface ChunkLimits {
  /** Cookies that one session may take. */
  count: number
  /** Octets of all of them in a Cookie header. */
  octets: number
}

/** Cookies that are joined and, when they are left over, expired: `NAME` to `NAME.3`, however many are written. */
export const MAX_CHUNKS = 4
const DEFAULT_COUNT = 3
/** What most servers and proxies take as one header. */
const DEFAULT_OCTETS = 8192
/** `=` and `; `, which stand in the header beside name and value. */
const MARKS = 3

/** @throws {TypeError} naming the option that is wrong */
export function createChunkLimits({
  chunks = DEFAULT_COUNT,
  headerBudget = DEFAULT_OCTETS,
}: {
  chunks?: number
  headerBudget?: number
}): ChunkLimits {
  if (!Number.isInteger(chunks) || chunks < 1 || chunks > MAX_CHUNKS) {
    throw new TypeError(`Option "chunks" must be a whole number from 1 to ${MAX_CHUNKS}`)
  }
  if (!Number.isInteger(headerBudget) || headerBudget < MAX_COOKIE_OCTETS) {
    throw new TypeError(`Option "headerBudget" must be a number of octets, ${MAX_COOKIE_OCTETS} or more`)
  }
  return { count: chunks, octets: headerBudget }
}

/** The name of a piece; the first has the session's own. */
export function chunkName(name: string, index: number): string {
  return index === 0 ? name : `${name}.${index}`
}

export interface Chunks {
  /** All pieces, from the first to where one is missing; absent where there is one at most. */
  joined?: string
  /** Which pieces beside the first the request has, gaps or not. */
  indexes: readonly number[]
}

/** What a request has where no codec splits values. */
export const NO_CHUNKS: Chunks = { indexes: [] }

/**
 * Finds the pieces of a value. Of one name the last one counts.
 *
 * @param header - the Cookie header
 * @see RFC 6265 §5.4
 */
export function readChunks(header: string, name: string): Chunks {
  if (!header.includes(`${name}.`)) return NO_CHUNKS
  const pieces = Array.from({ length: MAX_CHUNKS }, (_, index) => readCookies(header, chunkName(name, index)).at(-1))
  const end = pieces.indexOf(undefined)
  const contiguous = end === -1 ? pieces : pieces.slice(0, end)
  const indexes = pieces.flatMap((piece, index) => (index > 0 && piece !== undefined ? [index] : []))
  return { indexes, ...(contiguous.length > 1 ? { joined: contiguous.join('') } : {}) }
}

/** The longest value that fits, in characters. */
export function chunkRoom(name: string, limits: ChunkLimits): number {
  return roomsOf(name, limits).reduce((sum, room) => sum + room, 0)
}

/** The pieces of a value that fits, each as long as it can be. */
export function splitValue(name: string, value: string, limits: ChunkLimits): string[] {
  const pieces: string[] = []
  let rest = value
  for (const room of roomsOf(name, limits)) {
    if (rest === '') break
    pieces.push(rest.slice(0, room))
    rest = rest.slice(room)
  }
  return pieces
}

/** How long each piece may be: what a browser keeps, and what is left of the header. */
function roomsOf(name: string, { count, octets }: ChunkLimits): number[] {
  const rooms: number[] = []
  let left = octets
  for (let index = 0; index < count; index++) {
    const { length } = chunkName(name, index)
    const room = Math.min(MAX_COOKIE_OCTETS - length, left - length - MARKS)
    if (room < 1) break
    rooms.push(room)
    left -= length + MARKS + room
  }
  return rooms
}
