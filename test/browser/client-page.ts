/** How a page gets the client, and what it shows: the same for the Python page and the Node page. */
import { fileURLToPath } from 'node:url'
import type * as client from '../../src/client/index.js'
import type * as shared from '../../src/shared/index.js'

/** The modules of dist/ in a module script, or the single file in a plain script element. */
export type Client = 'modules' | 'script tag'

declare global {
  interface Window {
    /** Both kinds of client are there for the tests; `defineSession` only with the modules. */
    sessionglass: Pick<typeof client, 'getSession' | 'inspectSession'> & Pick<typeof shared, 'defineSession'>
  }
}

/** Path of the URL to file or folder. */
export const clientFiles: Record<string, string> = {
  '/dist': file('dist'),
  '/fflate.js': file('node_modules/fflate/esm/browser.js'),
  '/import-map.js': file('test/browser/import-map.js'),
}

/** Shows the session as the page's own script sees it; `window.sessionglass` is there for a test to ask more. */
const show = `document.querySelector('#browser-session').textContent = JSON.stringify(window.sessionglass.getSession())`

/** URLs for plain script elements, and JavaScript for a module script after them. */
export const clientPages: Record<Client, { scripts: string[]; inline: string }> = {
  modules: {
    scripts: ['/import-map.js'],
    inline: `import { getSession, inspectSession } from '/dist/client/index.js'
import { defineSession } from '/dist/shared/index.js'
window.sessionglass = { defineSession, getSession, inspectSession }
${show}`,
  },
  'script tag': { scripts: ['/dist/client.bundle.js'], inline: show },
}

function file(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url))
}
