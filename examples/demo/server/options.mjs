/**
 * The command line of the demo: `--port 4173`, `--with-python`.
 */
import { parseArgs } from 'node:util'

const DEFAULT_PORT = 4173

/**
 * @param {string[]} argv
 * @param {Record<string, string | undefined>} env
 * @returns {{ port: number, withPython: boolean } | { mistake: string }}
 */
export function readOptions(argv, env) {
  try {
    const { values } = parseArgs({
      args: argv,
      options: { port: { type: 'string' }, 'with-python': { type: 'boolean', default: false } },
    })
    const port = Number(values.port ?? env.PORT ?? DEFAULT_PORT)
    if (!Number.isInteger(port) || port < 0 || port > 65_535)
      return { mistake: 'the port must be a number up to 65535' }
    return { port, withPython: values['with-python'] }
  } catch (error) {
    return {
      mistake: `${error instanceof Error ? error.message : error}\nusage: npm start -- [--port N] [--with-python]`,
    }
  }
}
