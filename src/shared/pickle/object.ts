/**
 * An instance, class or function that only its Python program knows: its name and parts, inert.
 * FORMATS §7.1; nothing of it was imported or called.
 */
import type { PickleNode } from './node.js'

export interface PickleObjectParts {
  /** `myapp.models`, as the pickle names it: protocols 0 to 2 say `__builtin__` and `copy_reg`. */
  module: string
  /** `User`; dotted where it is an attribute of another. */
  name: string
  /** What its class or function would be called with; absent: it is that class or function itself. */
  args?: unknown[] | undefined
  /** Arguments by name. */
  keywords?: unknown
  /** What it would be restored from: mostly the object of its attributes. */
  state?: unknown
  /** Members, of a class that is a list. */
  items?: unknown[] | undefined
  /** Members, of a class that is a dict: an object, or a `Map` where a key is no text. */
  entries?: unknown
}

/** An object of a Python class, taken out of a pickle and inert: nothing of its class was run, and nothing is. */
export class PickleObject {
  /** The module of its class, as the pickle names it: protocols 0 to 2 say `__builtin__` and `copy_reg`. */
  readonly module: string
  /** The name of its class; with dots if it is an attribute of another. */
  readonly name: string
  /** What its class or function would be called with; undefined: it is that class or function itself. */
  args: unknown[] | undefined
  /** Arguments by name. */
  keywords: unknown
  /** What it would be restored from: mostly the object of its attributes. */
  state: unknown
  /** Members, of a class that is a list. */
  items: unknown[] | undefined
  /** Members, of a class that is a dict: an object, or a `Map` if a key is not text. */
  entries: unknown
  readonly #node: PickleNode | undefined

  /** @param node - what it was read from, so that it can be written back as it came */
  constructor(parts: PickleObjectParts, node?: PickleNode) {
    this.module = parts.module
    this.name = parts.name
    this.args = parts.args
    this.keywords = parts.keywords
    this.state = parts.state
    this.items = parts.items
    this.entries = parts.entries
    this.#node = node
  }

  /** What a value was read from, where it is an inert object that was read. */
  static node(value: object): PickleNode | undefined {
    return #node in value ? value.#node : undefined
  }

  /** `<myapp.models.User>`; never a part of its state. */
  toString(): string {
    return `<${this.module}.${this.name}>`
  }

  /** Its name and those parts that it has. */
  toJSON(): Record<string, unknown> {
    const { module, name, args, keywords, state, items, entries } = this
    return { $pickle: `${module}.${name}`, args, keywords, state, items, entries }
  }
}

/** One inert object of a session and where it is. */
export interface FoundPickleObject {
  /** Keys from the top, as `user.roles.0`. */
  path: string
  object: PickleObject
}

/**
 * Lists the inert objects of a session, each once, those inside others too.
 *
 * @param value - a session or any part of it; cycles are followed once
 * @returns in the order of the session; paths of set members and `Map` values count from 0
 * @since 0.1.0
 * @example
 * for (const { path, object } of findPickleObjects(session)) {
 *   console.log(path, String(object)) // → user <myapp.models.User>
 * }
 */
export function findPickleObjects(value: unknown): FoundPickleObject[] {
  const found: FoundPickleObject[] = []
  const seen = new Set<object>()
  const visit = (part: unknown, path: string): void => {
    if (typeof part !== 'object' || part === null || ArrayBuffer.isView(part) || seen.has(part)) return
    seen.add(part)
    const within = (key: string | number): string => (path === '' ? String(key) : `${path}.${key}`)
    if (part instanceof PickleObject) found.push({ path, object: part })
    if (part instanceof Map) {
      let index = 0
      for (const [key, member] of part) {
        visit(key, within(index))
        visit(member, within(typeof key === 'string' ? key : index))
        index++
      }
    } else if (part instanceof Set) {
      let index = 0
      for (const member of part) visit(member, within(index++))
    } else {
      for (const key of Object.keys(part)) visit((part as Record<string, unknown>)[key], within(key))
    }
  }
  visit(value, '')
  return found
}
