import { createAdapter as pubSub } from '@socket.io/redis-adapter'
import { createAdapter as streams } from '@socket.io/redis-streams-adapter'
import { connectRedis } from '../redis-client.mjs'

/** Each contestant has its own prefix, because different kinds of adapter share a Redis. */
const adapters = {
  async pubSub(redis, prefix) {
    const [client, subscriber] = [await connectRedis(redis), await connectRedis(redis)]
    return {
      adapter: pubSub(client, subscriber, { key: prefix }),
      // When this subscription is ready, so are all earlier subscriptions.
      isThere: () => subscriber.subscribe('ready', () => undefined),
    }
  },
  async streams(redis, prefix) {
    const client = await connectRedis(redis)
    const options = { streamName: `${prefix}-s`, channelPrefix: `${prefix}-c`, sessionKeyPrefix: `${prefix}-k` }
    return { adapter: streams(client, options), isThere: () => undefined }
  },
}

export async function useAdapter(io, kind, redis, prefix) {
  const { adapter, isThere } = await adapters[kind](redis, prefix)
  io.adapter(adapter)
  await isThere()
}
