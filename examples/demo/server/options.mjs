/**
 * The command line of the demo: `--port 4173`, `--with-python`, `--retire-after 30`.
 */
import { parseArgs } from 'node:util'

const DEFAULT_PORT = 4173
/** Seconds; so short that it can be watched. A real server takes at least the life of a cookie. */
const DEFAULT_RETIRE_AFTER = 30

/**
 * @param {string[]} argv
 * @param {Record<string, string | undefined>} env
 * @returns {{ port: number, withPython: boolean, retireAfter: number } | { mistake: string }}
 */
export function readOptions(argv, env) {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        port: { type: 'string' },
        'with-python': { type: 'boolean', default: false },
        'retire-after': { type: 'string' },
      },
    })
    const port = Number(values.port ?? env.PORT ?? DEFAULT_PORT)
    if (!Number.isInteger(port) || port < 0 || port > 65_535)
      return { mistake: 'the port must be a number up to 65535' }
    const retireAfter = Number(values['retire-after'] ?? DEFAULT_RETIRE_AFTER)
    if (!(retireAfter > 0)) return { mistake: '--retire-after takes a number of seconds' }
    return { port, withPython: values['with-python'], retireAfter }
  } catch (error) {
    return {
      mistake: `${error instanceof Error ? error.message : error}\nusage: npm start -- [--port N] [--with-python] [--retire-after SECONDS]`,
    }
  }
}
