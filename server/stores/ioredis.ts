import type { RedisLike } from './redis-commands.js'

/** The part of ioredis that is used: both `Redis` and `Cluster` have it. */
export interface IoredisLike {
  /** `'ready'` while connected. */
  readonly status: string
  /** The options it was created with. */
  readonly options: {
    /** Must not be set. */
    readonly keyPrefix?: string | undefined
  }
  /** Sends a command. */
  call(command: string, ...args: string[]): Promise<unknown>
  /** Reports lost connections. */
  on(event: 'close' | '-node', listener: () => void): unknown
}

/**
 * Adapts an ioredis client for `redisStore`.
 *
 * @param client a `Redis` or a `Cluster` that you create and end
 * @throws {TypeError} for one with a `keyPrefix`, which ioredis adds to some keys but not to others
 * @example
 * redisStore(fromIoredis(new Redis('redis://127.0.0.1:6379')))
 */
export function fromIoredis(client: IoredisLike): RedisLike {
  const { keyPrefix = '' } = client.options
  if (keyPrefix !== '') {
    const remedy = 'Pass { prefix } to redisStore'
    throw new TypeError(`koa-live-session: fromIoredis: expected no keyPrefix, received "${keyPrefix}". ${remedy}`)
  }
  const pending = new Set<(error: Error) => void>()
  // After a reconnect, ioredis resends unanswered commands. A compareAndSet that has won would then be told that it has lost, and an update
  // would be made twice. So unanswered commands fail.
  const lose = (): void => {
    for (const reject of pending) reject(new Error('koa-live-session: fromIoredis: the connection to Redis was lost'))
    pending.clear()
  }
  client.on('close', lose)
  client.on('-node', lose)
  return {
    get isOpen() {
      return client.status === 'ready'
    },
    sendCommand([command = '', ...args]) {
      const answer = client.call(command, ...args)
      return new Promise((resolve, reject) => {
        pending.add(reject)
        void answer.then(resolve, reject).finally(() => pending.delete(reject))
      })
    },
  }
}
