/**
 * Tells everything about a session that a page can see, for a person who wonders why there is none.
 */
import { DEFAULT_NAME, type SessionDefinition } from '../shared/define-session.js'
import type { SessionData } from '../shared/types.js'
import { type Candidate, type ReadOptions, readCandidates } from './candidates.js'
import { type Over, whyOver } from './over.js'

/** A candidate, and whether its time is over. */
export interface InspectedCandidate<Data = SessionData> extends Candidate<Data> {
  /** Why it does not count although it could be read. */
  over?: Over
}

/** What `getSession` returns, and the candidate it comes from; where it is null, the first candidate there is. */
export interface Inspection<Data = SessionData> extends Partial<InspectedCandidate<Data>> {
  /** What `getSession` returns. */
  session: Readonly<Data> | null
  /** Every cookie that may be the session, the likeliest first. */
  candidates: readonly InspectedCandidate<Data>[]
}

/**
 * Tells where a session comes from, or why there is none. **Nothing is verified.**
 *
 * @param session - a definition, or the cookie's name; `beaker.session.id` where absent
 * @param options - other cookies or another clock than the page's
 */
export function inspectSession<Data = SessionData>(
  session: SessionDefinition<Data> | string = DEFAULT_NAME,
  options: ReadOptions = {},
): Inspection<Data> {
  const definition = typeof session === 'string' ? { name: session } : session
  const now = +(options.now ?? Date.now())
  const candidates = (readCandidates(definition.name, options) as readonly Candidate<Data>[]).map((candidate) => {
    const over = whyOver(candidate, definition, now)
    return over ? { ...candidate, over } : candidate
  })
  const current = candidates.find(({ data, over }: InspectedCandidate<Data>) => data && !over)
  return { ...(current ?? candidates[0]), session: current?.data ?? null, candidates }
}
