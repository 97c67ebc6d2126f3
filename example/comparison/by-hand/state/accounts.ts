import { type Change, changeSchema } from '../../filter.js'
import type { redis } from '../../node.js'

/** Users' data in Redis. */
export class Accounts {
  readonly #redis: typeof redis

  constructor(client: typeof redis) {
    this.#redis = client
  }

  async filterOf(user: string): Promise<Change> {
    const stored = await this.#redis.hGetAll(`filter:${user}`)
    return changeSchema.safeParse({ ...stored }).data ?? {}
  }

  async change(user: string, changed: Change): Promise<void> {
    if (Object.keys(changed).length > 0) await this.#redis.hSet(`filter:${user}`, changed)
  }

  /** Merges a guest's values into the account, for keys not set there. */
  async adopt(user: string, filter: Change): Promise<void> {
    await Promise.all(Object.entries(filter).map(([key, value]) => this.#redis.hSetNX(`filter:${user}`, key, value)))
  }

  async epochOf(user: string): Promise<string> {
    return (await this.#redis.get(`epoch:${user}`)) ?? '0'
  }

  async endSessions(user: string): Promise<void> {
    await this.#redis.incr(`epoch:${user}`)
  }
}
