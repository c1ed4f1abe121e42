/**
 * What the application of every framework does: each path of the suite by one action, told apart from how a framework
 * answers. No module of Node and no framework: it runs in workers too.
 */

export interface Data {
  user?: string
  visits?: number
  cart?: { items: { name: string; count: number }[] }
  [key: string]: unknown
}

/** The session as the framework's application has it at hand. */
export interface Visit {
  data(): Data
  id(): string
  /** Ends the old session, as the framework's users do it. */
  regenerate(): unknown
  destroy(): unknown
  /** The second session, under another name. */
  other(): Data
}

export interface Answer {
  status?: number
  location?: string
  /** Chunks are sent one by one, with time between them. */
  body?: string | string[]
  headers?: Record<string, string>
}

/** The whole application. `page` is for those that look at no session. */
const actions: Record<string, (visit: Visit) => Answer | Promise<Answer>> = {
  '/show': ({ data }) => json(data()),
  '/page': () => ({ body: 'for everybody', headers: { 'cache-control': 'public, max-age=60' } }),
  '/set': ({ data }) => {
    data().user = 'dave'
    data().cart = { items: [{ name: 'book', count: 1 }] }
    return json(data())
  },
  '/count': ({ data }) => {
    data().visits = (data().visits ?? 0) + 1
    return json(data())
  },
  '/deep': ({ data }) => {
    const [first] = data().cart?.items ?? []
    if (first) first.count += 1
    return { body: 'deep' }
  },
  '/same': ({ data }) => {
    data().user = `${data().user}`
    data().cart = structuredClone(data().cart) as NonNullable<Data['cart']>
    return { body: 'same' }
  },
  '/delete': ({ data }) => {
    delete data().user
    return { body: 'deleted' }
  },
  '/destroy': async ({ destroy }) => {
    await destroy()
    return { body: 'destroyed' }
  },
  '/regenerate': async ({ data, id, regenerate }) => {
    await regenerate()
    data().user = 'eve'
    return { body: id() }
  },
  '/redirect': ({ data }) => {
    data().user = 'redirected'
    return { status: 303, location: '/show' }
  },
  '/error': ({ data }) => {
    data().user = 'failed'
    throw new Error('of the application')
  },
  '/unsaved': ({ data }) => {
    data().user = 'unsaved'
    return { body: 'never', headers: { 'cache-control': 'public, max-age=60', etag: '"never"' } }
  },
  '/stream': ({ data }) => {
    data().user = 'streamed'
    return { body: ['one ', 'two ', 'three'] }
  },
  '/not-modified': ({ data }) => {
    data().user = 'not modified'
    return { status: 304 }
  },
  '/empty': ({ data }) => {
    data().user = 'empty'
    return { status: 204 }
  },
  '/both': ({ data, other }) => {
    data().user = 'dave'
    other().user = 'root'
    return { body: 'both' }
  },
  '/other': ({ other }) => json(other()),
}

function json(data: object): Answer {
  return { body: JSON.stringify(data), headers: { 'content-type': 'application/json' } }
}

/** The answer of a path as a fetch `Response`. */
export async function respond(path: string, visit: Visit): Promise<Response> {
  const { status = 200, location, body, headers = {} } = await actionOf(path)(visit)
  const chunks = Array.isArray(body) ? streamOf(body) : (body ?? null)
  return new Response(chunks, { status, headers: { ...headers, ...(location === undefined ? {} : { location }) } })
}

export function actionOf(path: string): (visit: Visit) => Answer | Promise<Answer> {
  return actions[path] ?? (() => ({ status: 404, body: 'not here' }))
}

function streamOf(chunks: readonly string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    async start(controller) {
      for (const chunk of chunks) {
        controller.enqueue(encoder.encode(chunk))
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      controller.close()
    },
  })
}
