/** Put into the application of Next as app/suite/change/[action]/route.ts: the behaviour suite by `cookies()`. */
import { cookies, headers } from 'next/headers'
import { isSessionError, nextSessions } from 'sessionglass/server'
import { respond } from '../../../../suite/actions'
import { appSessions } from '../../../../suite/app-sessions'

const both = appSessions()
const { change } = nextSessions(both.sessions, cookies, headers)
const { change: changeOther } = nextSessions(both.other, cookies, headers)

export async function GET(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  try {
    const response = await change((session) =>
      changeOther((other) =>
        respond(pathname.slice(pathname.lastIndexOf('/')), {
          data: () => session.data,
          id: () => session.id,
          regenerate: () => session.regenerate(),
          destroy: () => both.sessions.destroy(session),
          other: () => other.data,
        }),
      ),
    )
    // What `fetchSessions` does by itself; by `cookies()` the response is out of reach.
    response.headers.append('vary', 'Cookie')
    if (!response.headers.has('cache-control')) response.headers.set('cache-control', 'private, no-store')
    return response
  } catch (error) {
    if (isSessionError(error) && error.code === 'ERR_SESSION_STORE') return new Response('sorry', { status: 503 })
    throw error
  }
}
