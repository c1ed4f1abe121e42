/** Random input for the fuzz tests: bytes, mutations of real pickles, and programs of plausible opcodes. */
import type { PickleVector } from './vectors.js'

/** A small generator of numbers below 2³², so that a seed names the whole run (xorshift32). */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

type Random = (below: number) => number

/** Bytes without any order. */
export function randomBytes(random: Random): Uint8Array {
  return Uint8Array.from({ length: random(200) }, () => random(256))
}

/** A real pickle with some bytes changed, cut out or put in. */
export function mutation(random: Random, vectors: readonly PickleVector[]): Uint8Array {
  const { pickle } = vectors[random(vectors.length)] as PickleVector
  const bytes = [...pickle.subarray(0, 2000)]
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = random(bytes.length + 1)
    const kind = random(4)
    if (kind === 0) bytes[at] = random(256)
    else if (kind === 1) bytes.splice(at, 1 + random(3))
    else if (kind === 2) bytes.splice(at, 0, ...piece(random))
    else bytes.splice(at, 0, ...bytes.slice(random(bytes.length + 1), random(bytes.length + 1)))
  }
  return Uint8Array.from(bytes)
}

/** A program: in half of all cases one that keeps the stack in order, with stray opcodes in some of those. */
export function program(random: Random): Uint8Array {
  const bytes: number[] = [0x80, random(6)]
  if (random(2) === 0) for (let pieces = random(60); pieces > 0; pieces--) bytes.push(...piece(random))
  else bytes.push(...value(random, 4, random(3) === 0 ? 8 : Number.POSITIVE_INFINITY))
  bytes.push(0x2e)
  return Uint8Array.from(bytes)
}

/** Opcodes that leave one value on the stack, if no stray one comes in between, which one of `stray` does. */
function value(random: Random, depth: number, stray: number): number[] {
  const inner = (): number[] => value(random, depth - 1, stray)
  const many = (): number[] => Array.from({ length: random(4) }, inner).flat()
  const memo = [[], [0x71, random(6)], [0x94]][random(3)] as number[]
  const noise = stray < 1000 && random(stray) === 0 ? piece(random) : []
  const made = ((): number[] => {
    if (depth === 0 || random(4) === 0) return scalar(random)
    switch (random(10)) {
      case 0:
        return [0x5d, ...memo, 0x28, ...many(), 0x65]
      case 1:
        return [0x28, ...many(), 0x74]
      case 2:
        return [0x7d, ...memo, 0x28, ...textOf(random), ...inner(), ...textOf(random), ...inner(), 0x75]
      case 3:
        return [0x7d, ...memo, ...inner(), ...inner(), 0x73]
      case 4:
        return [0x8f, 0x28, ...many(), 0x90]
      case 5:
        return [...named(random), ...inner(), 0x85, 0x52]
      case 6:
        return [...named(random), ...inner(), ...inner(), 0x86, 0x52]
      case 7:
        return [...named(random), 0x29, 0x81, ...memo, ...inner(), 0x62]
      case 8:
        return [...named(random), 0x29, 0x52, ...memo, 0x28, ...inner(), ...inner(), 0x75]
      default:
        return [...named(random), 0x28, ...many(), 0x74, 0x7d, 0x92]
    }
  })()
  return [...made, ...memo, ...noise]
}

function named(random: Random): number[] {
  return codes(`c${NAMES[random(NAMES.length)]}\n`)
}

function scalar(random: Random): number[] {
  switch (random(6)) {
    case 0:
      return [0x68, random(6)]
    case 1:
      return textOf(random)
    case 2:
      return [0x4b, random(256)]
    case 3:
      return [0x43, 10, 7, 231, 5 + 128 * random(2), 5, 1, 2, 3, 0, 0, random(256)]
    case 4:
      return [[0x4e], [0x88], [0x29], [0x5d], codes('F1.5\n'), codes('L9L\n'), codes("S'\xe9'\n"), codes('cm\nC\n')][
        random(8)
      ] as number[]
    default:
      return [0x8a, 9, ...Array.from({ length: 9 }, () => random(256))]
  }
}

const codes = (text: string): number[] => [...text].map((char) => char.charCodeAt(0))

const NAMES = [
  'datetime\ndatetime',
  'datetime\ndate',
  'datetime\ntime',
  'datetime\ntimedelta',
  'datetime\ntimezone',
  'decimal\nDecimal',
  'uuid\nUUID',
  '__builtin__\nset',
  '__builtin__\nfrozenset',
  '__builtin__\nbytearray',
  '__builtin__\ngetattr',
  '__builtin__\ncomplex',
  '_codecs\nencode',
  'collections\nOrderedDict',
  'collections\ndefaultdict',
  'copy_reg\n_reconstructor',
  'zoneinfo\nZoneInfo',
  'pytz\n_p',
  'pytz\n_UTC',
  'm\nC',
]

/** Opcodes that need no argument, the useful ones more than once. */
const BARE = codes('((()))]]}}NNaaseulttdboRRRR02.1') // with STOP, which ends a program early
const BARE_BINARY = [0x81, 0x81, 0x85, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x62, 0x62]

function piece(random: Random): number[] {
  switch (random(16)) {
    case 0:
    case 1:
    case 2:
      return [BARE[random(BARE.length)] as number]
    case 3:
    case 4:
    case 5:
      return [BARE_BINARY[random(BARE_BINARY.length)] as number]
    case 6:
      return [0x71, random(8)]
    case 7:
    case 8:
      return [0x68, random(8)]
    case 9:
      return named(random)
    case 10:
      return [0x4b, random(256)]
    case 11:
      return textOf(random)
    case 12:
      return [0x43, 10, 7, 231, 5, 5, 1, 2, 3, 0, 0, random(256)]
    case 13:
      return codes(
        ['F1.5\n', 'I7\n', 'L9L\n', "S'a'\n", 'Va\n', 'I01\n', 'im\nOld\n', 'g1\n', 'p2\n'][random(9)] as string,
      )
    case 14:
      return [0x8a, 2, random(256), random(256)]
    default:
      return [random(256)]
  }
}

function textOf(random: Random): number[] {
  const words = [
    'a',
    'int',
    'latin1',
    '__proto__',
    'constructor',
    '1.10',
    'Europe/Berlin',
    '_unpickle',
    '\xed\xa0\x80',
    '',
  ]
  const bytes = codes(words[random(words.length)] as string)
  return [0x58, bytes.length, 0, 0, 0, ...bytes]
}
