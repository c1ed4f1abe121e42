/**
 * The data of a Django session, and where it came from. All keys are data: Django keeps its own (`_auth_user_id`,
 * `_session_expiry`) among them. FORMATS §8.
 */
import { textKeys } from '../../shared/decode-beaker.js'
import type { Origin, OriginNode, SessionData } from '../../shared/types.js'
import { refuseMeta } from '../meta-guard.js'
import { equalValues } from '../values/equal-values.js'
import type { DjangoSerializer } from './serializer.js'

/** The origin of what was read here. */
export const DJANGO = 'django'

export interface DjangoSession {
  data: SessionData
  origin?: Origin
}

/** Where a session came from, and how to see again what it was. */
interface DjangoOrigin extends Origin {
  readonly format: typeof DJANGO
  /** The data as it was read, whatever became of it since. */
  again(): SessionData
}

/** @throws {SessionError} `ERR_SESSION_JSON`, `ERR_SESSION_PICKLE`, `ERR_SESSION_LIMIT`, `ERR_SESSION_KEY` */
export function readDjangoSession(bytes: Uint8Array, serializer: DjangoSerializer): Required<DjangoSession> {
  const { value, root, again } = serializer.read(bytes)
  const origin: DjangoOrigin = { format: DJANGO, root, again: () => textKeys(again()) }
  return { data: textKeys(value), origin }
}

/** @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path of a value that the serializer can't hold */
export function writeDjangoSession({ data, origin }: DjangoSession, serializer: DjangoSerializer): Uint8Array {
  const root = origin?.root()
  const isOwn = isDjangoOrigin(origin) && root?.format === serializer.format
  if (!isOwn) refuseMeta(data, {}, root)
  return serializer.write(isOwn ? withOtherKeys(data, root as OriginNode) : data, root)
}

/** Whether the data differs from what was read. */
export function djangoSessionChanged({ data, origin }: DjangoSession): boolean {
  return !isDjangoOrigin(origin) || !equalValues(origin.again(), data)
}

/** A pickled dict may have keys that are no text; a session does not show them, and they are written back. */
function withOtherKeys(data: SessionData, root: OriginNode): SessionData {
  if (!(root.value instanceof Map)) return data
  const others = [...root.value].filter(([key]) => typeof key !== 'string')
  const own = Object.entries(data).filter(([, value]) => value !== undefined)
  return new Map<unknown, unknown>([...others, ...own]) as unknown as SessionData
}

function isDjangoOrigin(origin: Origin | undefined): origin is DjangoOrigin {
  return origin?.format === DJANGO
}
