/**
 * Tells every open page what happens: server-sent events (HTML, "Server-sent events").
 */

const KEPT = 60

export function createEventStream() {
  /** @type {Set<import('node:http').ServerResponse>} */
  const pages = new Set()
  /** @type {unknown[]} The last events, so that a page that opens late has a log. */
  const kept = []

  return {
    get isWatched() {
      return pages.size > 0
    },
    /** @param {import('node:http').ServerResponse} response - its headers are not sent yet */
    open(response) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      response.write('retry: 2000\n\n')
      for (const event of kept) response.write(message('session', event))
      pages.add(response)
      response.on('close', () => pages.delete(response))
    },
    /** One more entry of the log. @param {unknown} event */
    log(event) {
      kept.push(event)
      if (kept.length > KEPT) kept.shift()
      this.tell('session', event)
    },
    /**
     * @param {string} type
     * @param {unknown} data
     */
    tell(type, data) {
      for (const page of pages) page.write(message(type, data))
    },
    close() {
      for (const page of pages) page.end()
    },
  }
}

/**
 * @param {string} type
 * @param {unknown} data - JSON has no line breaks, so one data line is enough
 */
export function message(type, data) {
  return `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`
}
