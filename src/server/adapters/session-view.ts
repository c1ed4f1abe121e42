/**
 * `req.session` in the shape that middleware for express-session expects: the data with a few methods that do not enumerate.
 * A view, no copy: what is changed here is changed in the session, and the other way round.
 */

/** What a view has beside the data. */
export interface ViewMembers {
  readonly id: string
  readonly cookie: object
  readonly save: unknown
  readonly destroy: unknown
  readonly regenerate: unknown
  readonly reload: unknown
  readonly touch: unknown
}

const targets = new WeakMap<object, object>()

/**
 * Shows data under the names of the members. A key of the data with such a name stays where it is and is out of sight here.
 *
 * It is a Proxy, which `structuredClone` refuses: `structuredClone({ ...view })`.
 */
export function viewOf<Data extends object>(data: Data, members: ViewMembers): Data & ViewMembers {
  const isMember = (name: string | symbol): name is keyof ViewMembers => {
    // Of an object that is fixed a proxy must tell what it has.
    return Object.hasOwn(members, name) && (Object.isExtensible(data) || !Object.hasOwn(data, name))
  }
  const refuse = (name: keyof ViewMembers): never => {
    throw new TypeError(
      `"${name}" of req.session is not data: a key of that name is at sessionOf(req).data.${name}, cookie attributes are options of createSessions`,
    )
  }
  const view = new Proxy(data, {
    get: (target, name) => (isMember(name) ? members[name] : Reflect.get(target, name)),
    set: (target, name, value) => (isMember(name) ? refuse(name) : Reflect.set(target, name, value)),
    has: (target, name) => isMember(name) || Reflect.has(target, name),
    deleteProperty: (target, name) => (isMember(name) ? refuse(name) : Reflect.deleteProperty(target, name)),
    defineProperty: (target, name, descriptor) =>
      isMember(name) ? refuse(name) : Reflect.defineProperty(target, name, descriptor),
    ownKeys: (target) => Reflect.ownKeys(target).filter((name) => !isMember(name)),
    getOwnPropertyDescriptor: (target, name) =>
      isMember(name) ? undefined : Reflect.getOwnPropertyDescriptor(target, name),
  })
  targets.set(view, data)
  return view as Data & ViewMembers
}

/** The data behind a view; anything else as it is. */
export function dataOf<Data extends object>(view: Data): Data {
  return (targets.get(view) as Data | undefined) ?? view
}
