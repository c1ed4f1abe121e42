import { memoryStore } from '../../src/server/index.js'
import { testClock } from '../server/server.helpers.js'
import { storeContract } from './store-contract.js'

storeContract('memoryStore', {
  owners: 'index',
  make() {
    const clock = testClock()
    return { store: memoryStore({ clock }), now: clock, pass: (milliseconds) => clock.pass(milliseconds / 1000) }
  },
})
