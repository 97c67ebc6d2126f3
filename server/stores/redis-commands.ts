// The commands that `redisStore` sends, whatever the client.

import type { RedisScript } from './redis-scripts.js'

/** The part of node-redis that is used; for ioredis use `redisStore(fromIoredis(client))`. */
export interface RedisLike {
  /** Whether it is connected or connecting. */
  readonly isOpen: boolean
  /**
   * False while it is reconnecting.
   *
   * @default isOpen
   */
  readonly isReady?: boolean
  /** Sends a command, with its name first. Resolves to texts, numbers, null and lists of them. Rejects if Redis does. */
  sendCommand(args: readonly string[]): Promise<unknown>
}

/** Sends a command, and rejects at once if the client would queue it until it is reconnected. */
export async function send(client: RedisLike, args: readonly string[]): Promise<unknown> {
  if (!client.isOpen || client.isReady === false) {
    throw new Error(
      'koa-live-session: redisStore: the client is not connected to Redis (at start: await client.connect())',
    )
  }
  return client.sendCommand(args)
}

/** Runs a script on one key. */
export async function run(
  client: RedisLike,
  script: RedisScript,
  key: string,
  args: readonly string[],
): Promise<unknown> {
  const rest = ['1', key, ...args]
  try {
    return await send(client, ['EVALSHA', script.sha, ...rest]).catch((error: unknown) => {
      // Restarted, failed over or flushed: Redis has not run the script, and no longer knows it.
      if (!isReply(error, 'NOSCRIPT')) throw error
      return send(client, ['EVAL', script.text, ...rest])
    })
  } catch (error) {
    if (!isReply(error, 'WRONGTYPE')) throw error
    const what = `expected a hash at "${key}", which another program has written`
    throw new Error(`koa-live-session: redisStore: ${what}. Pass another prefix`, { cause: error })
  }
}

/** Redis 6 puts more words before the error code of a script. */
function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && error.message.includes(code)
}

/** Returns an answer that is a list of texts and nulls, as it must be. */
export function cellsOf(answer: unknown): readonly (string | null)[] {
  if (Array.isArray(answer) && answer.every((cell) => typeof cell === 'string' || cell === null)) return answer
  throw new TypeError('koa-live-session: redisStore: expected texts from the client. Pass one that maps no types')
}
