/**
 * The switches of the page. They belong to the process, so all visitors of one demo share them.
 */

/** Each switch and its two positions; the first is where it starts. */
const POSITIONS = {
  payload: ['compressed', 'plain'],
  expose: ['all', 'user'],
  mode: ['write', 'observe'],
}

/** @typedef {{ payload: string, expose: string, mode: string }} Positions */

export function createSettings() {
  /** @type {Positions} */
  const positions = { payload: 'compressed', expose: 'all', mode: 'write' }
  /** @type {Set<() => void>} */
  const listeners = new Set()
  return {
    /** @returns {Positions} */
    report: () => ({ ...positions }),
    /** @param {() => void} listener */
    onChange: (listener) => void listeners.add(listener),
    /**
     * @param {unknown} name
     * @param {unknown} position
     * @returns {boolean} whether there is such a switch and position
     */
    change(name, position) {
      if (typeof name !== 'string' || !Object.hasOwn(POSITIONS, name)) return false
      const key = /** @type {keyof Positions} */ (name)
      if (typeof position !== 'string' || !POSITIONS[key].includes(position)) return false
      positions[key] = position
      for (const listener of listeners) listener()
      return true
    },
  }
}
