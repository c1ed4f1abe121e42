// @ts-check
/** The phases of leaving Beaker and of changing a key, and what each kind of worker is configured with in every one of them. */

/**
 * @typedef {'beaker' | 'beaker-jwt'} Format
 *
 * @typedef {object} Phase
 * @property {string} name
 * @property {readonly Format[]} formats - the first is written, all are read
 * @property {readonly number[]} keys - numbers of the JWT keys: the first signs, all are accepted
 * @property {boolean} retires - what is not first goes with the next phase, so nobody may need it any more
 * @property {boolean} ends - something went with this phase: whoever still needed it must have the time to come back
 */

export const cookieName = 'beaker.session.id'
const validateKey = 'the validate_key of a simulated fleet'
/** Without commas: in Python's option they separate the keys. */
const jwtKeys = ['the first of two keys 0123456789abcdef', 'the second of two keys fedcba9876543210']
/** A timedelta, which BSON does not have. */
const removedKey = 'legacy_blob'

/** @type {readonly Phase[]} */
export const phases = [
  { name: 'old', formats: ['beaker'], keys: [0], retires: false, ends: false },
  { name: 'read-both', formats: ['beaker', 'beaker-jwt'], keys: [0], retires: false, ends: false },
  { name: 'write-new', formats: ['beaker-jwt', 'beaker'], keys: [0], retires: true, ends: false },
  { name: 'new-only', formats: ['beaker-jwt'], keys: [0], retires: false, ends: true },
  { name: 'accept-key', formats: ['beaker-jwt'], keys: [0, 1], retires: false, ends: false },
  { name: 'sign-with-key', formats: ['beaker-jwt'], keys: [1, 0], retires: true, ends: false },
  { name: 'drop-key', formats: ['beaker-jwt'], keys: [1], retires: false, ends: true },
]

/** What leaving out must cost somebody the session. */
export const skippable = ['read-both', 'write-new', 'accept-key', 'sign-with-key', 'wait']

/** The names of what a cookie can be: a format and, where there are several, its key. */
export const series = ['beaker', 'beaker-jwt, first key', 'beaker-jwt, second key']

/**
 * What a session is, by the codec and key that read it.
 *
 * @param {Phase} phase
 * @param {string} codec
 * @param {number} keyIndex
 */
export function seriesOf({ keys }, codec, keyIndex) {
  return codec === 'beaker' ? series[0] : series[(keys[keyIndex] ?? 0) + 1]
}

/**
 * The phases that are gone through.
 *
 * @param {{ skip?: string | undefined, until?: string | undefined }} options
 * @throws {TypeError} for a phase that can not be skipped, and for one that there is not
 */
export function planOf({ skip, until }) {
  if (skip !== undefined && !skippable.includes(skip)) {
    throw new TypeError(`--skip must be one of ${skippable.join(', ')}`)
  }
  const last = until === undefined ? phases.length - 1 : phases.findIndex(({ name }) => name === until)
  if (last < 0) throw new TypeError(`--until must be one of ${phases.map(({ name }) => name).join(', ')}`)
  return phases.slice(0, last + 1).filter(({ name }) => name !== skip)
}

/**
 * The options of a Python worker: Beaker itself as long as there is nothing but Beaker.
 *
 * @param {Phase} phase
 * @returns {{ isJwt: boolean, options: Record<string, unknown> }}
 */
export function pythonOptions({ formats, keys }) {
  const isJwt = formats.includes('beaker-jwt')
  const common = { key: cookieName, type: 'cookie' }
  if (!isJwt) return { isJwt, options: { ...common, validate_key: validateKey, data_serializer: 'pickle' } }
  const original = {
    read_original_format: true,
    write_original_format: formats[0] === 'beaker',
    original_format_validate_key: validateKey,
    original_format_remove_keys: removedKey,
  }
  return {
    isJwt,
    options: {
      ...common,
      jwt_secret_keys: secretsOf(keys).join(','),
      ...(formats.includes('beaker') ? original : {}),
    },
  }
}

/**
 * What a Node worker makes its codecs of.
 *
 * @param {Phase} phase
 */
export function nodeOptions({ formats, keys }) {
  return { cookieName, formats, validateKey, removeKeys: [removedKey], secrets: secretsOf(keys) }
}

/** @param {readonly number[]} keys */
function secretsOf(keys) {
  return keys.map((key) => /** @type {string} */ (jwtKeys[key]))
}
