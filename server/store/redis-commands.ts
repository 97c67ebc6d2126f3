// Sends the commands of `redisStore` through node-redis, or through ioredis by an adapter.

import type { RedisScript } from './redis-scripts.js'

/** The required part of a node-redis client; for ioredis use `redisStore(fromIoredis(client))`. */
export interface RedisLike {
  /** Whether the client is connected or connecting. */
  readonly isOpen: boolean
  /**
   * False while reconnecting.
   *
   * @default isOpen
   */
  readonly isReady?: boolean
  /** Sends a command, with its name first. Resolves to texts, numbers, null and lists of them. Rejects if Redis does. */
  sendCommand(args: readonly string[]): Promise<unknown>
}

/** Sends a command. Rejects at once while disconnected, because the client would queue the command until a reconnect. */
export async function send(client: RedisLike, args: readonly string[]): Promise<unknown> {
  if (!client.isOpen || client.isReady === false) {
    throw new Error(
      'koa-live-session: redisStore: the client is not connected to Redis (at start: await client.connect())',
    )
  }
  return client.sendCommand(args)
}

/** Runs a script on a key. */
export async function run(
  client: RedisLike,
  script: RedisScript,
  key: string,
  args: readonly string[],
): Promise<unknown> {
  const rest = ['1', key, ...args]
  try {
    return await send(client, ['EVALSHA', script.sha, ...rest]).catch((error: unknown) => {
      // After a restart, failover or flush, Redis no longer has the script, and has not run it.
      if (!isReply(error, 'NOSCRIPT')) throw error
      return send(client, ['EVAL', script.text, ...rest])
    })
  } catch (error) {
    if (!isReply(error, 'WRONGTYPE')) throw error
    const what = `expected a hash at "${key}", which another program has written`
    throw new Error(`koa-live-session: redisStore: ${what}. Pass another prefix`, { cause: error })
  }
}

/** Returns whether an error has this code. Searches the whole message: Redis 6 puts words before a script's error code. */
function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && error.message.includes(code)
}

/** Checks that an answer is a list of texts and nulls, and returns the list. */
export function cellsOf(answer: unknown): readonly (string | null)[] {
  if (Array.isArray(answer) && answer.every((cell) => typeof cell === 'string' || cell === null)) return answer
  throw new TypeError(
    'koa-live-session: redisStore: expected texts from the client. Pass a client without a type mapping',
  )
}

/** The required part of an ioredis client: both `Redis` and `Cluster` have these members. */
export interface IoredisLike {
  /** `'ready'` while connected. */
  readonly status: string
  /** The client's own options. */
  readonly options: {
    /** Not supported. */
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
 * @param client a `Redis` or `Cluster`, which your app creates and ends
 * @throws {TypeError} for a client with a `keyPrefix`, which ioredis adds to some keys but not to others
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
  // Rejects unanswered commands when the connection closes, because ioredis would resend them. A compareAndSet sent twice would report its
  // success as a failure, and the update would be applied again.
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
