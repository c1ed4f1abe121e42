/** The server of http.mjs, in a process of its own: `bare`, with a session that is `read`, or `written` anew with each request. */
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'
import { processorTime } from './measure.mjs'
import { data, secret } from './session.mjs'

const [kind, folder] = process.argv.slice(2)
const { createSessions } = await import(pathToFileURL(`${folder}dist/server/index.js`).href)
const sessions = createSessions({ secrets: [secret], expose: true, touchEvery: kind === 'written' ? 0 : '1m' })
const first = await sessions.load('')
Object.assign(first.data, data)
const cookie = (await sessions.commit(first)).map((text) => text.split(';')[0]).join('; ')

/** As the first example of Node's documentation answers: a type and a text. */
function bare(_request, response) {
  answer(response, data.user.name)
}

function answer(response, name) {
  response.setHeader('Content-Type', 'text/plain')
  response.end(`hello ${name}`)
}

async function withSession(request, response) {
  const session = await sessions.load(request)
  await sessions.commit(session, response)
  answer(response, session.data.user.name)
}

const server = createServer(kind === 'bare' ? bare : withSession)
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port, cookie }))
process.once('disconnect', () => process.exit())
// What the requests since the last question cost.
process.on('message', () => process.send(processorTime()))
