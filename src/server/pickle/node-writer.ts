/**
 * Writes what was read exactly as it was, from its node alone, as protocol 2.
 * FORMATS §7.1; payloads and texts of Python 2 by §7.3.
 */
import { classOf, type DatetimeFields, datetimeParts } from '../../shared/pickle/known.js'
import { globalName, type PickleCall, type PickleGlobal, type PickleNode } from '../../shared/pickle/node.js'
import * as op from '../../shared/pickle/opcodes.js'
import { MAX_PICKLE_BYTES } from '../../shared/pickle/opcodes.js'
import { decodeLatin1 } from '../../shared/pickle/text.js'
import {
  PythonComplex,
  PythonDate,
  PythonDecimal,
  PythonTime,
  PythonTimedelta,
  PythonTimezone,
  PythonUuid,
} from '../../shared/pickle/values.js'
import {
  isAscii,
  memoize,
  type Pickler,
  putEncodedBytes,
  putEntries,
  putGlobal,
  putInteger,
  putItems,
  putString,
  putText,
  recall,
  tooLarge,
  unwritable,
  writeByte,
  writeBytes,
  writeFloat,
  writeInteger,
  writeUint32,
} from './pickler.js'

/** Parts that no view shows, as the zone inside a datetime, lie a few levels deeper than what it counts: four times `MAX_PICKLE_DEPTH`. */
const MAX_NODE_DEPTH = 256

/**
 * Writes a node and all below it.
 *
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` for what the reader's Python lacks
 */
export function putNode(pickler: Pickler, node: PickleNode): void {
  if (putScalar(pickler, node)) return
  if (recall(pickler, pickler.memo, memoKey(node))) return
  pickler.isCostly = true
  if (pickler.depth >= MAX_NODE_DEPTH) throw unwritable(pickler, 'data that is nested so deeply')
  pickler.depth++
  putContainer(pickler, node)
  pickler.depth--
}

/** What the memo knows a node by: the object that its reader made of it, which stands in the session too. */
function memoKey(node: PickleNode): object {
  return typeof node.view === 'object' && node.view !== null ? node.view : node
}

/** A node that has no parts. @returns false if it has */
export function putScalar(pickler: Pickler, node: PickleNode): boolean {
  switch (node.kind) {
    case 'none':
      writeByte(pickler.output, op.NONE)
      return true
    case 'bool':
      writeByte(pickler.output, node.value === true ? op.NEWTRUE : op.NEWFALSE)
      return true
    case 'int':
    case 'long':
      putInteger(pickler, node.value as number | bigint, node.kind)
      return true
    case 'float':
      writeFloat(pickler.output, node.value as number)
      return true
    case 'str':
      if (node.value instanceof Uint8Array) putSurrogates(pickler, node)
      else putText(pickler, node.view as string)
      return true
    case 'str2':
      putPython2String(pickler, node)
      return true
    case 'global': {
      const { module, name, python2 } = node.value as PickleGlobal
      putGlobal(pickler, module, name, python2)
      return true
    }
    default:
      return false
  }
}

/** The call of a node, with all its parts as they came. */
export function putNodeCall(pickler: Pickler, node: PickleNode, key: unknown): void {
  const call = node.call as PickleCall
  pickler.isCostly = true
  const { callable, args, keywords } = call
  const payload = args.items[0]
  // Python 3 would decode the payload as text: what Python 2 wrote for its own datetime goes as bytes.
  const isClock = payload?.kind === 'str2' && !pickler.python2 && isClockNode(node)
  const put = (item: PickleNode): void => {
    if (isClock && item === payload) putPayload(pickler, item)
    else putNode(pickler, item)
  }
  putCall(
    pickler,
    {
      how: call.how,
      callable: () => putNode(pickler, callable),
      args: () => {
        if (!recall(pickler, pickler.memo, args)) putTuple(pickler, args.items, put, args)
      },
      members: () => args.items.forEach(put),
      keywords: () => {
        if (keywords !== undefined) putNode(pickler, keywords)
      },
    },
    key,
  )
}

/** Bytes with an identity: bytes, or a bytearray around bytes. */
export function putBytes(pickler: Pickler, kind: 'bytes' | 'bytearray', bytes: Uint8Array, key: unknown): void {
  if (recall(pickler, pickler.memo, key)) return
  if (bytes.length > MAX_PICKLE_BYTES) throw tooLarge(pickler, 'so many bytes')
  // Two values of the same bytes share their text, and each is converted.
  pickler.isCostly = true
  if (kind === 'bytearray') {
    putGlobal(pickler, 'builtins', 'bytearray')
    if (bytes.length > 0) {
      putEncodedBytes(pickler, bytes, decodeLatin1(bytes))
      memoize(pickler)
      writeByte(pickler.output, op.TUPLE1)
      memoize(pickler)
    } else writeByte(pickler.output, op.EMPTY_TUPLE)
    writeByte(pickler.output, op.REDUCE)
  } else putEncodedBytes(pickler, bytes, decodeLatin1(bytes))
  memoize(pickler, pickler.memo, key)
}

function putContainer(pickler: Pickler, node: PickleNode): void {
  const { output } = pickler
  const key = memoKey(node)
  const put = (item: PickleNode): void => putNode(pickler, item)
  switch (node.kind) {
    case 'bytes':
    case 'bytearray':
      putBytes(pickler, node.kind, node.value as Uint8Array, key)
      return
    case 'tuple':
      putTuple(pickler, node.items, put, key)
      return
    case 'set':
    case 'frozenset':
      putMembers(pickler, node.kind, node.items, put, key)
      return
    case 'list':
      writeByte(output, op.EMPTY_LIST)
      memoize(pickler, pickler.memo, key)
      putItems(pickler, node.items, put, true)
      return
    default:
      if (node.call === undefined) {
        writeByte(output, op.EMPTY_DICT)
        memoize(pickler, pickler.memo, key)
      } else putNodeCall(pickler, node, key)
      putItems(pickler, node.items, put, false)
      putEntries(
        pickler,
        pairsOf(node),
        ([name, value]) => {
          put(name)
          put(value)
        },
        node.call === undefined,
      )
      if (node.state !== undefined) {
        put(node.state)
        writeByte(output, op.BUILD)
      }
  }
}

function pairsOf({ entries }: PickleNode): [PickleNode, PickleNode][] {
  const pairs: [PickleNode, PickleNode][] = []
  for (let at = 0; at < entries.length; at += 2) {
    pairs.push([entries[at] as PickleNode, entries[at + 1] as PickleNode])
  }
  return pairs
}

function isClockNode(node: PickleNode): boolean {
  const named = classOf(node)
  return named !== undefined && /^datetime\.(?:datetime|date|time)$/.test(globalName(named))
}

function putPayload(pickler: Pickler, node: PickleNode): void {
  const bytes = node.value as Uint8Array
  putEncodedBytes(pickler, bytes, decodeLatin1(bytes))
  memoize(pickler)
}

function putPython2String(pickler: Pickler, node: PickleNode): void {
  const bytes = node.value as Uint8Array
  if (pickler.python2 || isAscii(bytes)) putString(pickler, bytes)
  // Python 3 reads no other byte string: it becomes the text it was read as.
  else putText(pickler, (node.view as string | undefined) ?? decodeLatin1(bytes))
}

function putSurrogates(pickler: Pickler, node: PickleNode): void {
  if (recall(pickler, pickler.memo, node)) return
  const bytes = node.value as Uint8Array
  writeByte(pickler.output, op.BINUNICODE)
  writeUint32(pickler.output, bytes.length)
  writeBytes(pickler.output, bytes)
  memoize(pickler, pickler.memo, node)
}

export type Known =
  | PythonComplex
  | PythonDate
  | PythonDecimal
  | PythonTime
  | PythonTimedelta
  | PythonTimezone
  | PythonUuid

const KNOWN = [PythonComplex, PythonDate, PythonDecimal, PythonTime, PythonTimedelta, PythonTimezone, PythonUuid]

/** Whether a value is of one of the small classes. */
export function isKnown(value: object): value is Known {
  return KNOWN.some((known) => value instanceof known)
}

/**
 * A `Date`: as it was read where it is the same moment; otherwise naive where it was naive or is new, with the same
 * fixed offset, or in UTC where its zone has none.
 */
export function putDate(pickler: Pickler, value: Date, node: PickleNode | undefined): void {
  const time = value.getTime()
  const parts = node && datetimeParts(node, (part) => part.view)
  if (node !== undefined && parts?.time === time) {
    putUntouched(pickler, node, value)
    return
  }
  const year = value.getUTCFullYear()
  if (!(year >= 1 && year <= 9999)) throw unwritable(pickler, 'a date outside the years 1 to 9999')
  const zone = parts?.zone?.view
  const offset = zone instanceof PythonTimezone ? zone.offset : undefined
  const local = new Date(time + (offset ?? 0) * 1000)
  if (parts?.zone === undefined) putClock(pickler, 'datetime', datetimeBytes(local), undefined, value)
  else if (offset === undefined || Number.isNaN(local.getTime()) || local.getUTCFullYear() !== clampYear(local)) {
    putClock(pickler, 'datetime', datetimeBytes(value), () => putTimezone(pickler, UTC), value)
  } else {
    const zoneNode = parts.zone
    putClock(pickler, 'datetime', datetimeBytes(local), () => putNode(pickler, zoneNode), value)
  }
}

/** A value of the small classes: as it was read where it is the same, otherwise by its parts. */
export function putKnown(pickler: Pickler, value: Known, node: PickleNode | undefined): void {
  pickler.isCostly = true
  if (node !== undefined && (node.view === value || isSame(node.view, value))) {
    putUntouched(pickler, node, value)
  } else if (value instanceof PythonDate) {
    putClock(pickler, 'date', dateBytes(value), undefined, value)
  } else if (value instanceof PythonTime) {
    const { timezone } = value
    if (timezone !== undefined && !(timezone instanceof PythonTimezone)) {
      throw unwritable(pickler, 'a time whose zone is of another class')
    }
    const zone = timezone && (() => putTimezone(pickler, timezone))
    putClock(pickler, 'time', timeBytes(value), zone, value)
  } else if (value instanceof PythonTimedelta) {
    putTimedelta(pickler, value, value)
  } else if (value instanceof PythonTimezone) {
    putTimezone(pickler, value, value)
  } else if (value instanceof PythonDecimal) {
    putGlobal(pickler, 'decimal', 'Decimal')
    putTuple(pickler, [value.text], (text) => putText(pickler, text))
    endCall(pickler, op.REDUCE, value)
  } else if (value instanceof PythonComplex) {
    putGlobal(pickler, 'builtins', 'complex')
    putTuple(pickler, [value.real, value.imaginary], (number) => writeFloat(pickler.output, number))
    endCall(pickler, op.REDUCE, value)
  } else {
    putUuid(pickler, value, value)
  }
}

/** From the node; a copy that comes again is the same value in Python. */
function putUntouched(pickler: Pickler, node: PickleNode, value: object): void {
  putNode(pickler, node)
  const index = pickler.memo.get(memoKey(node))
  if (index !== undefined) pickler.memo.set(value, index)
}

function putClock(
  pickler: Pickler,
  name: 'datetime' | 'date' | 'time',
  bytes: Uint8Array,
  zone: (() => void) | undefined,
  key: unknown,
): void {
  putGlobal(pickler, 'datetime', name)
  const payload = (): void => {
    putEncodedBytes(pickler, bytes, decodeLatin1(bytes))
    memoize(pickler)
  }
  putTuple(pickler, zone === undefined ? [payload] : [payload, zone], (part) => part())
  endCall(pickler, op.REDUCE, key)
}

function putTimedelta(pickler: Pickler, value: PythonTimedelta, key: unknown): void {
  putGlobal(pickler, 'datetime', 'timedelta')
  const parts = [value.days, value.seconds, value.microseconds]
  putTuple(pickler, parts, (part) => writeInteger(pickler.output, part))
  endCall(pickler, op.REDUCE, key)
}

const UTC = /* @__PURE__ */ new PythonTimezone({ offset: 0 })

/** A fixed offset as `datetime.timezone`, a zone by name as `zoneinfo.ZoneInfo`. */
function putTimezone(pickler: Pickler, value: PythonTimezone, key: unknown = value): void {
  const { offset, zone, name } = value
  if (offset === undefined) {
    putGlobal(pickler, 'zoneinfo', 'ZoneInfo._unpickle')
    const parts = [() => putText(pickler, zone as string), () => writeInteger(pickler.output, 1)]
    putTuple(pickler, parts, (part) => part())
  } else {
    putGlobal(pickler, 'datetime', 'timezone')
    const delta = new PythonTimedelta(0, Math.floor(offset), Math.round((offset % 1) * 1_000_000))
    const parts = [() => putTimedelta(pickler, delta, delta), () => putText(pickler, name as string)]
    putTuple(pickler, name === undefined ? parts.slice(0, 1) : parts, (part) => part())
  }
  endCall(pickler, op.REDUCE, key)
}

function putUuid(pickler: Pickler, value: PythonUuid, key: unknown): void {
  const { output } = pickler
  putGlobal(pickler, 'uuid', 'UUID')
  writeByte(output, op.EMPTY_TUPLE)
  endCall(pickler, op.NEWOBJ, key)
  writeByte(output, op.EMPTY_DICT)
  memoize(pickler)
  putText(pickler, 'int')
  writeInteger(output, BigInt(`0x${value.text.replaceAll('-', '')}`))
  writeByte(output, op.SETITEM)
  writeByte(output, op.BUILD)
}

function dateBytes({ year, month, day }: Pick<DatetimeFields, 'year' | 'month' | 'day'>): Uint8Array {
  return Uint8Array.of(year >> 8, year & 0xff, month, day)
}

function timeBytes(time: Omit<DatetimeFields, 'year' | 'month' | 'day'>): Uint8Array {
  const { hour, minute, second, microsecond, fold } = time
  const first = hour | (fold << 7)
  return Uint8Array.of(first, minute, second, microsecond >> 16, (microsecond >> 8) & 0xff, microsecond & 0xff)
}

/** The fields in UTC; a `Date` has no fold. */
function datetimeBytes(date: Date): Uint8Array {
  const day = dateBytes({ year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() })
  const clock = timeBytes({
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    microsecond: date.getUTCMilliseconds() * 1000,
    fold: 0,
  })
  return Uint8Array.of(...day, ...clock)
}

function clampYear(date: Date): number {
  return Math.min(9999, Math.max(1, date.getUTCFullYear()))
}

/** Equal in class and parts. */
function isSame(first: unknown, second: unknown): boolean {
  if (typeof first !== 'object' || typeof second !== 'object' || first === null || second === null) {
    return Object.is(first, second)
  }
  if (first.constructor !== second.constructor || !isKnown(first)) return false
  return Object.entries(first).every(([key, part]) => isSame(part, (second as unknown as Record<string, unknown>)[key]))
}

/**
 * TUPLE1 to TUPLE3, or TUPLE; an empty tuple has no identity.
 *
 * @param key - what its memo place is for; absent: it does not come again
 */
export function putTuple<Item>(
  pickler: Pickler,
  items: readonly Item[],
  put: (item: Item, index: number) => void,
  key?: unknown,
): void {
  const { output } = pickler
  const size = items.length
  if (size === 0) {
    writeByte(output, op.EMPTY_TUPLE)
    return
  }
  if (size > 3) writeByte(output, op.MARK)
  items.forEach(put)
  if (key !== undefined && pickler.memo.has(key)) {
    if (size > 3) writeByte(output, op.POP_MARK)
    else for (let at = 0; at < size; at++) writeByte(output, op.POP)
    recall(pickler, pickler.memo, key)
    return
  }
  writeByte(output, size === 1 ? op.TUPLE1 : size === 2 ? op.TUPLE2 : size === 3 ? op.TUPLE3 : op.TUPLE)
  memoize(pickler, key === undefined ? undefined : pickler.memo, key)
}

/** A set or frozenset: its class called with a list. */
export function putMembers<Item>(
  pickler: Pickler,
  name: 'set' | 'frozenset',
  items: readonly Item[],
  put: (item: Item, index: number) => void,
  key: unknown,
): void {
  putGlobal(pickler, 'builtins', name)
  writeByte(pickler.output, op.EMPTY_LIST)
  memoize(pickler)
  putItems(pickler, items, put, true)
  writeByte(pickler.output, op.TUPLE1)
  memoize(pickler)
  endCall(pickler, op.REDUCE, key)
}

/** The call that makes an object, each part by a function of its own. */
export interface CallParts {
  how: PickleCall['how']
  callable(): void
  /** The tuple, for all but `obj`. */
  args(): void
  /** Its members alone, for `obj`. */
  members(): void
  keywords(): void
}

/** REDUCE, NEWOBJ or OBJ; NEWOBJ_EX is of protocol 4, so that `copyreg.__newobj_ex__` is called for it. */
export function putCall(pickler: Pickler, parts: CallParts, key: unknown): void {
  const { output } = pickler
  if (parts.how === 'obj') {
    writeByte(output, op.MARK)
    parts.callable()
    parts.members()
    endCall(pickler, op.OBJ, key)
  } else if (parts.how === 'newobj-ex') {
    if (pickler.python2) throw unwritable(pickler, 'an object that takes keywords')
    putGlobal(pickler, 'copyreg', '__newobj_ex__')
    putTuple(pickler, [parts.callable, parts.args, parts.keywords], (part) => part())
    endCall(pickler, op.REDUCE, key)
  } else {
    parts.callable()
    parts.args()
    endCall(pickler, parts.how === 'newobj' ? op.NEWOBJ : op.REDUCE, key)
  }
}

/** Ends a call; where the arguments already wrote the object, it is dropped for that one. */
function endCall(pickler: Pickler, opcode: number, key: unknown): void {
  writeByte(pickler.output, opcode)
  if (pickler.memo.has(key)) {
    writeByte(pickler.output, op.POP)
    recall(pickler, pickler.memo, key)
  } else memoize(pickler, pickler.memo, key)
}
