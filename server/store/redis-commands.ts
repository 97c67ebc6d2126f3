// Sends the commands of `redisStore` through node-redis, and adapts ioredis clients.

import { check, optionError } from '../settings/option-checks.js'
import type { RedisScript } from './redis-scripts.js'

/** The members that `redisStore` needs of a node-redis client. For ioredis use `redisStore(fromIoredis(client))`. */
export interface RedisLike {
  /** Whether the client is connected or connecting. */
  readonly isOpen: boolean
  /**
   * Whether the client can send commands; false while reconnecting.
   *
   * @default isOpen
   */
  readonly isReady?: boolean
  /** Sends a command: its name, then its arguments. Resolves with a text, a number, null or a list of these. Rejects with Redis' errors. */
  sendCommand(args: readonly string[]): Promise<unknown>
}

/** Sends a command. Rejects immediately while disconnected, because the client would queue the command until a reconnect. */
export async function send(client: RedisLike, args: readonly string[]): Promise<unknown> {
  if (!client.isOpen || client.isReady === false) {
    throw new Error(
      'koa-live-session: redisStore: the client is not connected to Redis (at start: await client.connect())',
    )
  }
  return client.sendCommand(args)
}

export async function run(
  client: RedisLike,
  script: RedisScript,
  key: string,
  args: readonly string[],
): Promise<unknown> {
  const rest = ['1', key, ...args]
  try {
    return await send(client, ['EVALSHA', script.sha, ...rest]).catch((error: unknown) => {
      // After a restart, failover or flush, Redis does not know the script any more: `EVALSHA` has not run it, so `EVAL` is safe.
      if (!isReply(error, 'NOSCRIPT')) throw error
      return send(client, ['EVAL', script.text, ...rest])
    })
  } catch (error) {
    if (!isReply(error, 'WRONGTYPE')) throw error
    const what = `expected a hash at "${key}", which another program has written`
    throw new Error(`koa-live-session: redisStore: ${what}. Pass another prefix`, { cause: error })
  }
}

/** Returns whether an error has this code. Searches the whole message, because Redis 6 puts words before the code of a script's error. */
function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && error.message.includes(code)
}

/** Checks that an answer is a list of texts and nulls, and returns the list. */
export function cellsOf(answer: unknown): readonly (string | null)[] {
  if (Array.isArray(answer) && answer.every((cell) => typeof cell === 'string' || cell === null)) return answer
  throw optionError('redisStore', 'expected texts from the client. Pass a client without a type mapping')
}

/** The members that `fromIoredis` needs of an ioredis client. Both `Redis` and `Cluster` have them. */
export interface IoredisLike {
  /** `'ready'` while connected. */
  readonly status: string
  /** The options that the client was created with. */
  readonly options: {
    /** The prefix that ioredis adds to keys. `fromIoredis` refuses a client with a prefix. */
    readonly keyPrefix?: string | undefined
  }
  /** Sends a command. */
  call(command: string, ...args: string[]): Promise<unknown>
  /** Adds a listener for lost connections. */
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
  const received = `"${keyPrefix}". Pass { prefix } to redisStore`
  check(keyPrefix === '', 'fromIoredis', 'expected no keyPrefix', received)
  const pending = new Set<(error: Error) => void>()
  // Rejects unanswered commands when the connection closes, because ioredis would resend them. A compareAndSet sent twice would report a
  // success as a failure, and its update would be applied again.
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
