/** What the browser tests need before the first page: a fresh dist/ and the Python environment. */
import { setup as buildSetup } from './build.js'
import { setup as pythonSetup } from './python.js'

export default function setup(): void {
  buildSetup()
  pythonSetup()
}
