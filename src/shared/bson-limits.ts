/**
 * The limits of a BSON document, the same where it is read and where it is written.
 * FORMATS §5 for the dates.
 */

/** Documents and arrays inside each other: more than a session needs, and every stack can recurse through it. */
export const BSON_MAX_DEPTH = 64

/** An element takes two octets or more, and some fifty once it is read, so this bounds the memory that a read takes. */
export const BSON_MAX_ELEMENTS = 65_536

/** Octets of a written document: what the server inflates at most, so that it can read what it wrote. */
export const BSON_MAX_BYTES = 1_048_576

/** The first and the last millisecond of the years 1 to 9999, all that Python's datetime holds. */
export const BSON_FIRST_DATE = -62_135_596_800_000
export const BSON_LAST_DATE = 253_402_300_799_999
