/** The server of http.mjs, in a process of its own: `bare`, or with a session that is read and touched with each request. */
import { createServer } from 'node:http'
import { createSessions } from '../dist/server/index.js'
import { data, secret } from './session.mjs'

const sessions = createSessions({ secrets: [secret], expose: ['user'], touchEvery: 0 })
const first = await sessions.load('')
Object.assign(first.data, data)
const cookie = (await sessions.commit(first)).map((text) => text.split(';')[0]).join('; ')

const handlers = {
  bare: (_request, response) => response.end('hello'),
  session: async (request, response) => {
    const session = await sessions.load(request)
    await sessions.commit(session, response)
    response.end(`hello ${session.data.user.name}`)
  },
}

const server = createServer(handlers[process.argv[2]])
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port, cookie }))
process.once('disconnect', () => process.exit())
