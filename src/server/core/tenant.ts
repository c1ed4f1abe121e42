/**
 * Tenants: applications or customers that share code, and perhaps keys and a store, and must not share sessions.
 * What our own formats, their derived keys, rows and versions are bound to.
 */
import { platform } from '#platform'
import { encodeHex, encodeUtf8, isWellFormed } from '../../shared/bytes.js'
import type { SessionCodec } from '../codecs/codec.js'
import type { ReadOwner } from './owner.js'
import type { RowReader, Rows } from './store-rows.js'

/** Without control characters: labels of keys have one behind the name. */
const NAME = /^\P{Cc}{1,255}$/u

/**
 * @param options - a name that is present and undefined is refused: those sessions would be nobody's
 * @throws {TypeError} for anything but a name
 */
export function checkTenant(options: { tenant?: string | undefined }): string | undefined {
  const { tenant } = options
  if (!('tenant' in options) || (typeof tenant === 'string' && NAME.test(tenant) && isWellFormed(tenant))) return tenant
  throw new TypeError('Option "tenant" must be a text of 1 to 255 characters')
}

/** Finds rows under the ids of a tenant. */
export function readerOfTenant(reader: RowReader, tenant: string): RowReader {
  return { find: async (id) => await reader.find(await rowId(tenant, id)) }
}

/** The same, and changes them. */
export function rowsOfTenant(rows: Rows, tenant: string): Rows {
  return {
    ...rows,
    ...readerOfTenant(rows, tenant),
    findMany: async (ids) => await rows.findMany(await Promise.all(ids.map((id) => rowId(tenant, id)))),
    current: async (id) => await rows.current(await rowId(tenant, id)),
    create: async (id, row) => await rows.create(await rowId(tenant, id), row),
    change: async (id, change) => await rows.change(await rowId(tenant, id), change),
    upsert: async (id, change) => await rows.upsert(await rowId(tenant, id), change),
    touch: async (id, expiresAt) => await rows.touch(await rowId(tenant, id), expiresAt),
    remove: async (id) => await rows.remove(await rowId(tenant, id)),
  }
}

/** The id of a session's row. */
export async function rowIdOf(tenant: string | undefined, id: string): Promise<string> {
  return tenant === undefined ? id : await rowId(tenant, id)
}

/**
 * An owner as rows have it: another tenant's owner of the same name is another one.
 *
 * @throws {TypeError} for a text that not every store can keep as it is
 */
export function rowOwnerOf(tenant: string | undefined, owner: string): string {
  if (!NAME.test(owner) || !isWellFormed(owner)) {
    throw new TypeError('In a store, an owner must be a text of 1 to 255 characters, without control characters')
  }
  return tenant === undefined ? owner : `${tenant}\x01${owner}`
}

/** Tells the owner of a row by its data. */
export function rowOwners(ownerOf: ReadOwner, tenant: string | undefined): ReadOwner {
  return (data) => {
    const owner = ownerOf(data)
    return owner === undefined ? undefined : rowOwnerOf(tenant, owner)
  }
}

/** 32 hex digits, as every store takes them. No other tenant has a row under it, whatever its sessions' ids are. */
async function rowId(tenant: string, id: string): Promise<string> {
  const digest = await platform.sha256(encodeUtf8(`sessionglass row of ${tenant}\x01${id}`))
  return encodeHex(digest.subarray(0, 16))
}

/** @param shared - codecs that other tenants use, too */
export function tenantWarnings(
  tenant: string | undefined,
  shared: readonly SessionCodec[],
  hasRows: boolean,
): string[] {
  if (tenant === undefined || hasRows) return []
  const names = shared.filter(({ isBound }) => !isBound).map(({ name }) => name)
  if (names.length === 0) return []
  return [
    `Values of ${names.join(', ')} name no tenant: with the same keys a session of one tenant is valid for every other. ` +
      'Give each tenant its own keys: with({ tenant, codecs })',
  ]
}
