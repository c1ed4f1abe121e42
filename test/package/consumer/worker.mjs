export { beakerJwt, createSessions } from 'sessionglass/server'
