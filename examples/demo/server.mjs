/**
 * The demo: a plain node:http server on the loopback address, and with `--with-python` a Beaker application beside it.
 * `npm start` installs and builds what it needs, then runs this file with the arguments given after `--`.
 */
import { createApp } from './server/app.mjs'
import { listen } from './server/listen.mjs'
import { readOptions } from './server/options.mjs'
import { startPython } from './server/python.mjs'

const options = readOptions(process.argv.slice(2), process.env)

if ('mistake' in options) {
  console.error(options.mistake)
  process.exitCode = 1
} else {
  const app = createApp(options)
  const { server, port } = await listen(app.handle, options.port)
  console.log(`sessionglass demo: http://localhost:${port}`)

  if (options.withPython) {
    const python = await startPython({ demoPort: port, keys: app.keys, settings: app.settings })
    if ('missing' in python) console.log(`going on without Python: ${python.missing}`)
    else {
      app.attachPython(python)
      console.log(`Beaker in Python: http://localhost:${python.port}`)
    }
  }

  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      app.close()
      server.close()
      server.closeAllConnections()
    })
  }
}
