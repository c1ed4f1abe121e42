/**
 * The files of the page. URLs are the paths of the repository, so that an import means the same on both sides.
 */
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'

const root = new URL('../../../', import.meta.url)
const PAGE = '/examples/demo/page/index.html'

/** Only plain names below these folders: `/dist/client/index.js` is one, `..` and dot files never are. */
const SERVED = /^\/(?:examples\/demo\/page|dist\/client|dist\/shared)(?:\/\w[\w-]*)*\/\w[\w-]*\.(?:html|css|js|svg)$/

/** A page in one file, with a stricter policy of its own that names its script by a hash. */
export const INSPECTOR = '/dist/inspector.html'

/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/**
 * @param {string} pathname
 * @returns {Promise<{ body: Buffer, type: string } | undefined>}
 */
export async function readPageFile(pathname) {
  const path = pathname === '/' ? PAGE : pathname
  if (!SERVED.test(path) && path !== INSPECTOR) return undefined
  try {
    return { body: await readFile(new URL(`.${path}`, root)), type: TYPES[extname(path)] ?? 'application/byte-stream' }
  } catch {
    return undefined
  }
}

/**
 * Headers for every answer.
 *
 * @param {number | undefined} pythonPort - the one other origin that the page may talk to
 * @returns {Record<string, string>}
 */
export function securityHeaders(pythonPort) {
  const python = pythonPort === undefined ? '' : ` http://localhost:${pythonPort} http://127.0.0.1:${pythonPort}`
  return {
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self'",
      `connect-src 'self'${python}`,
      "base-uri 'none'",
      "form-action 'self'",
      "frame-ancestors 'none'",
    ].join('; '),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  }
}
