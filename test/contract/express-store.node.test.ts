import { setTimeout as wait } from 'node:timers/promises'
import session from 'express-session'
import { fromExpressStore } from '../../src/server/index.js'
import { storeContract } from './store-contract.js'

storeContract('MemoryStore of express-session', {
  make: () => ({ store: fromExpressStore(new session.MemoryStore()), now: () => new Date(), pass: wait }),
  isJson: true,
  inSteps: true,
  life: 400,
})
