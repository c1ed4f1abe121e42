/** Builds dist/ before the suites that look at it, so that none of them looks at an old build. */
import { buildIfStale } from '../../scripts/build.mjs'

export function setup(): void {
  if (!buildIfStale()) throw new Error('dist/ could not be built')
}
