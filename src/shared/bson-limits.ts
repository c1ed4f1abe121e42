/**
 * The limits of a BSON document, the same where it is read and where it is written.
 * BSON itself has none but its lengths of 31 bits.
 */

/** Documents and arrays inside each other: more than a session needs, and every stack can recurse through it. */
export const BSON_MAX_DEPTH = 64

/** An element takes two octets or more, and some fifty once it is read, so this bounds the memory that a read takes. */
export const BSON_MAX_ELEMENTS = 65_536

/** Octets of a written document: what the server inflates at most, so that it can read what it wrote. */
export const BSON_MAX_BYTES = 1_048_576
