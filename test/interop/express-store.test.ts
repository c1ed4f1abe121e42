import { createRequire } from 'node:module'
import { setTimeout as wait } from 'node:timers/promises'
import { type ExpressStore, fromExpressStore } from '../../src/server/index.js'
import { storeContract } from '../contract/store-contract.js'

// Its types would claim `req.session` of every test for themselves.
const session = createRequire(import.meta.url)('express-session') as { MemoryStore: new () => ExpressStore }

storeContract('MemoryStore of express-session', {
  make: () => ({ store: fromExpressStore(new session.MemoryStore()), now: () => new Date(), pass: wait }),
  isJson: true,
  inSteps: true,
  life: 400,
})
