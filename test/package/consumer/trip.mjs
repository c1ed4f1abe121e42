// Signs in on one request and reads the session on the next, with the module of the command line.
const { beakerJwt, createSessions } = await import(process.argv[2])

const sessions = createSessions({
  codecs: [beakerJwt({ secrets: ['a secret of thirty-two bytes, or more'] })],
  expose: false,
})
const first = await sessions.load(new Request('https://app.example/'))
Object.assign(first.data, { user: 'dave', score: 1.5 })
const [cookie] = await sessions.commit(first)
const second = await sessions.load(new Request('https://app.example/', { headers: { cookie: cookie.split(';')[0] } }))
console.log(JSON.stringify(second.data))
