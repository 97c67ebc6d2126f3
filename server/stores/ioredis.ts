import type { RedisLike } from './redis-commands.js'

/** The part of ioredis used: `Redis` and `Cluster` both have it. */
export interface IoredisLike {
  /** `'ready'` where it is connected. */
  readonly status: string
  /** What it was made with. */
  readonly options: {
    /** None may be set. */
    readonly keyPrefix?: string | undefined
  }
  /** Sends a command. */
  call(command: string, ...args: string[]): Promise<unknown>
  /** Tells of lost connections. */
  on(event: 'close' | '-node', listener: () => void): unknown
}

/**
 * An ioredis client for `redisStore`.
 *
 * @param client a `Redis` or a `Cluster` that you have made, and that you end
 * @throws {TypeError} for one with a `keyPrefix`, which ioredis puts before some keys and not before others
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
  // ioredis sends what was not answered again, once it is connected again. A compareAndSet that has won would then be told that it
  // has lost, and an update be made twice. So what was not answered has failed.
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
