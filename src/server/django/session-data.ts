/**
 * The data of a Django session, and where it came from. All keys are data: Django keeps its own (`_auth_user_id`,
 * `_session_expiry`) among them. FORMATS §8.
 */
import { textKeys } from '../../shared/decode-beaker.js'
import { SessionError } from '../../shared/errors.js'
import type { Origin, SessionData } from '../../shared/types.js'
import type { PythonSerializer } from '../python-serializers.js'
import { equalValues, refuseHiddenKeys, withHiddenKeys } from '../values.js'

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

/** The origin of what was read here. */
const DJANGO = 'django'

/**
 * @throws {SessionError} `ERR_SESSION_KEY` for the bytes of another serializer, so that a codec with that one is asked next;
 *   `ERR_SESSION_JSON`, `ERR_SESSION_PICKLE`, `ERR_SESSION_LIMIT`
 */
export function readDjangoSession(bytes: Uint8Array, serializer: PythonSerializer): Required<DjangoSession> {
  if (!serializer.owns(bytes)) {
    throw new SessionError('ERR_SESSION_KEY', `The session is not ${serializer.format}: another serializer wrote it`)
  }
  const { value, root, again } = serializer.read(bytes)
  const origin: DjangoOrigin = { format: DJANGO, root, again: () => textKeys(again()) }
  return { data: textKeys(value), origin }
}

/** Whether the data differs from what was read. */
export function djangoSessionChanged({ data, origin }: DjangoSession): boolean {
  return !isDjangoOrigin(origin) || !equalValues(origin.again(), data)
}

/** @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path of a value that the serializer can't hold */
export async function writeDjangoSession(
  { data, origin }: DjangoSession,
  serializer: PythonSerializer,
): Promise<Uint8Array> {
  const root = origin?.root()
  if (isDjangoOrigin(origin) && root?.format === serializer.format) {
    return serializer.write(withHiddenKeys(data, root), root)
  }
  refuseHiddenKeys(root)
  return serializer.write(data, root)
}

function isDjangoOrigin(origin: Origin | undefined): origin is DjangoOrigin {
  return origin?.format === DJANGO
}
