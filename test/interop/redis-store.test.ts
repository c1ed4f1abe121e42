import { setTimeout as wait } from 'node:timers/promises'
import { RedisStore } from 'connect-redis'
import { Redis as IoRedis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { fromExpressStore, redisStore } from '../../src/server/index.js'
import { storeContract } from '../contract/store-contract.js'
import { hasRedis, redisHint, startRedis } from '../setup/redis.js'

if (hasRedis()) {
  describe('with a real Redis', async () => {
    const redis = await startRedis()
    const client = createClient({ url: redis.url })
    const ioClient = new IoRedis(redis.port, '127.0.0.1', { lazyConnect: true })
    beforeAll(() => Promise.all([client.connect(), ioClient.connect()]))
    afterAll(async () => {
      await client.close()
      ioClient.disconnect()
      await redis.stop()
    })
    const time = { now: () => new Date(), pass: wait }
    let made = 0

    storeContract('redisStore over node-redis', {
      make: () => ({ store: redisStore(client, { prefix: `n${made++}:` }), ...time }),
      life: 400,
    })
    storeContract('redisStore over ioredis', {
      make: () => ({ store: redisStore(ioClient, { prefix: `i${made++}:` }), ...time }),
      life: 400,
    })
    storeContract('redisStore with owners over node-redis', {
      make: () => ({ store: redisStore(client, { prefix: `on${made++}:`, owners: true }), ...time }),
      owners: 'index',
      life: 400,
    })
    storeContract('redisStore with owners over ioredis', {
      make: () => ({ store: redisStore(ioClient, { prefix: `oi${made++}:`, owners: true }), ...time }),
      owners: 'index',
      life: 400,
    })
    storeContract('connect-redis', {
      make: () => ({ store: fromExpressStore(new RedisStore({ client, prefix: `c${made++}:` })), ...time }),
      isJson: true,
      stringifies: true,
      inSteps: true,
      // It counts whole seconds.
      life: 1000,
    })
  })
} else {
  test.skip(redisHint, () => {})
}
