import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Store } from 'koa-live-session'
import { redisStore } from 'koa-live-session/redis'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { testClock } from 'koa-live-session/testing'
import { sql } from 'kysely'
import { Dice } from '../fuzz/dice.js'
import type { App } from '../support/app/app.js'
import { Bus } from '../support/app/bus.js'
import { startWithUsers } from '../support/app/users.js'
import { within } from '../support/app/within.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { describeWithSql } from '../support/servers/describe-with-sql.js'
import { REDIS } from '../support/servers/installed.js'
import { RedisServer } from '../support/servers/redis.js'
import { connectNodeRedis } from '../support/servers/redis-clients.js'

const CYCLES = Number(process.env['ERASURES'] ?? 25)
const SEED = 1
const STEPS = 12
/** ms, by the clock of the test */
const REFRESH = 20

/** A store, and all that is in it as text, whatever its name. */
interface Place {
  readonly store: Store
  dump(): Promise<string>
}

/** A process of the app, and whether it reaches the store. */
interface Node {
  app: App
  readonly link: { isCut: boolean }
  /** It has erased, and may not have told the store. */
  hasErased: boolean
}

/** Two processes that write and erase, while the store and the adapter come and go, and processes die. */
class Scene {
  readonly #place: Place
  readonly #bus = new Bus()
  readonly #clock = testClock()
  readonly #nodes: Node[] = []
  readonly #links: Node['link'][] = []
  #writes = 0
  erasures = 0

  constructor(place: Place) {
    this.#place = place
  }

  /** What was found of a user that is of before an erasure. */
  async run(user: string, dice: Dice): Promise<readonly string[]> {
    while (this.#nodes.length < 2) this.#nodes.push(await this.#start())
    const written: string[] = []
    let erased = 0
    for (let step = 0; step < STEPS; step += 1) {
      const at = dice.below(2)
      const node = this.#nodes[at]
      if (!node) continue
      const { live } = node.app
      const write = async (): Promise<void> => {
        this.#writes += 1
        written.push(`tag-${this.#writes}.`)
        await (await live.user(user)).set('cart', written.slice(-1))
      }
      const erase = async (): Promise<void> => {
        this.erasures += 1
        await live.erase(user)
        node.hasErased = true
        erased = written.length
      }
      const act = dice.one<() => Promise<unknown> | undefined>(
        [5, () => write],
        [3, () => erase],
        [2, () => async () => this.#clock.advance(dice.below(2 * REFRESH))],
        [2, () => async () => Object.assign(this.#bus, { isCut: dice.chance(0.5) })],
        [2, () => async () => Object.assign(node.link, { isCut: dice.chance(0.5) })],
        [1, () => () => this.#restart(at)],
      )
      await act()
    }
    return this.#left(user, written.slice(0, erased))
  }

  /** Each process has loaded the user once since all is well. */
  async #left(user: string, gone: readonly string[]): Promise<readonly string[]> {
    this.#bus.isCut = false
    for (const { link } of this.#nodes) link.isCut = false
    for (const { app } of this.#nodes) await app.live.settled()
    this.#clock.advance(REFRESH)
    for (const { app } of this.#nodes) await app.live.user(user)
    const look = async (): Promise<readonly string[]> => {
      const users = await Promise.all(this.#nodes.map(({ app }) => app.live.user(user)))
      const shown = JSON.stringify(users.map((each) => each.get('cart')))
      const stored = await this.#place.dump()
      return gone.flatMap((tag) => [
        ...(stored.includes(tag) ? [`stored: ${tag}`] : []),
        ...(shown.includes(tag) ? [`shown: ${tag}`] : []),
      ])
    }
    // A load goes on beside what is read, and so does what it finds to delete.
    return within(look, (found) => found.length === 0)
  }

  /** Also the dead reach the store: they would be waited for as they are closed. */
  end(): void {
    for (const link of this.#links) link.isCut = false
  }

  /** A process dies with all that it has not stored. An erasure that the store was not told of would be gone with it: that is not promised. */
  async #restart(at: number): Promise<void> {
    const former = this.#nodes[at]
    if (former?.hasErased) {
      former.link.isCut = false
      await former.app.live.settled()
    }
    if (former) former.link.isCut = true
    this.#nodes[at] = await this.#start()
  }

  async #start(): Promise<Node> {
    const link = { isCut: false }
    this.#links.push(link)
    const { store } = this.#place
    const cut = <A extends unknown[], T>(act: (...args: A) => Promise<T>) => {
      return (...args: A): Promise<T> => (link.isCut ? Promise.reject(new Error('cut')) : act(...args))
    }
    const far: Store = {
      load: cut((...args) => store.load(...args)),
      merge: cut((...args) => store.merge(...args)),
      compareAndSet: cut((...args) => store.compareAndSet(...args)),
      remove: cut((...args) => store.remove(...args)),
      sweep: async () => 0,
      close: async () => undefined,
    }
    // A write after an erasure waits this long for a store that is cut.
    const options = { store: far, storeRefresh: REFRESH, storeTimeout: 50, onError: () => undefined }
    const app = await startWithUsers({ clock: this.#clock, options })
    this.#bus.join(app.io)
    return { app, link, hasErased: false }
  }
}

/** @param place known once its server has started */
function itHolds(place: () => Place): void {
  it('no value of before an erasure outlives it by more than one load, at any node, whatever was down', async () => {
    const scene = new Scene(place())
    const found: string[] = []
    for (let cycle = 0; cycle < CYCLES && found.length === 0; cycle += 1) {
      const left = await scene.run(`ann-${cycle}`, Dice.of(SEED, cycle))
      found.push(...left.map((each) => `cycle ${cycle}: ${each}`))
    }
    scene.end()
    expect(found).toEqual([])
    expect(scene.erasures).toBeGreaterThan(CYCLES)
  })
}

describe('an erasure, while stores, adapters and processes fail', () => {
  describeWithSql('in sqlStore', (sqlPlace) => {
    let place: Place
    beforeAll(async () => {
      const db = sqlPlace().connect()
      await migrateSqlStore(db)
      const dump = async (): Promise<string> => {
        const { rows } = await sql`select subject, value from live_session_settings`.execute(db)
        return JSON.stringify(rows)
      }
      place = { store: sqlStore(db), dump }
    })
    itHolds(() => place)
  })

  describeWithServer(REDIS, 'in redisStore', inRedis)
})

function inRedis(): void {
  let place: Place
  const ends: (() => Promise<void>)[] = []
  beforeAll(async () => {
    const server = await RedisServer.start()
    const { client, end } = await connectNodeRedis(server.path)
    ends.push(end, () => server.stop())
    const dump = async (): Promise<string> => {
      const keys = (await client.sendCommand(['KEYS', '*'])) as readonly string[]
      return JSON.stringify(await Promise.all(keys.map((key) => client.sendCommand(['HGETALL', key]))))
    }
    place = { store: redisStore(client), dump }
  })
  afterAll(async () => {
    for (const end of ends) await end()
  })
  itHolds(() => place)
}
