import { isDeepStrictEqual } from 'node:util'
import type { Store } from 'koa-live-session'
import { redisStore } from 'koa-live-session/redis'
import { Dice } from '../fuzz/dice.js'
import { within } from '../support/app/within.js'
import { connectNodeRedis } from '../support/servers/redis-clients.js'
import { DURABLE, onSite, type Site } from './site.js'
import { FaultUser } from './user.js'

/** How often each user writes in each way in a cycle. */
const WRITES = 4
/** Faults begin and end within so many writes of a cycle. */
const SPAN = 900
const KEYS = ['division', 'draft', 'role', 'secret'] as const

export interface FaultRun {
  readonly cycles: number
  readonly seed: number
  /** @default 100 */
  readonly users?: number
}

/** The outcome of a run. */
export interface FaultTally {
  cycles: number
  writes: number
  unanswered: number
  readonly events: Record<string, number>
  /** Broken promises, with the seed and the events of their cycle. */
  readonly faults: string[]
}

/** A start or an end of a fault. */
interface Happening {
  readonly name: string
  /** The number of the cycle's writes before the start or end. */
  readonly after: number
  readonly run: () => Promise<unknown>
}

type Fault = readonly [name: string, begin: () => Promise<unknown>, end: string, finish: () => Promise<unknown>]
type Registers = Readonly<Record<string, { readonly stamp: number; readonly value?: unknown }>>
/** The registers of each user at a node or in Redis. */
type Held = Readonly<Record<string, Registers>>
/** Returns the registers of these users at each node and in Redis. */
type Hold = (ids: readonly string[]) => Promise<readonly Held[]>

/** Breaks processes and connections while users write, and compares nodes and Redis after each cycle. Ends at the first broken promise. */
export function runFaults(
  { cycles, seed, users: count = 100 }: FaultRun,
  log: (line: string) => void = () => undefined,
): Promise<FaultTally> {
  const env = { STORE_REFRESH: '300' }
  return onSite({ store: 'Redis', nodes: 3, env, redisOptions: DURABLE }, async (site) => {
    const users = Array.from({ length: count }, (_, number) => new FaultUser(number + 1, site.gateway.url))
    const tally: FaultTally = { cycles: 0, writes: 0, unanswered: 0, events: {}, faults: [] }
    const connection = await connectNodeRedis(site.redis.path)
    const held: Hold = (ids) => heldOf(site, redisStore(connection.client), ids)
    try {
      await Promise.all(users.map((user) => user.open()))
      while (tally.cycles < cycles && tally.faults.length === 0) {
        const plan = planOf(Dice.of(seed, tally.cycles), site)
        await cycle(site, users, plan, tally)
        const faults = await check(held, users)
        const names = plan.map(({ name, after }) => `after ${after}: ${name}`).join('; ')
        tally.faults.push(...faults.map((fault) => `seed ${seed}, cycle ${tally.cycles}: ${fault}\n  events: ${names}`))
        tally.cycles += 1
        log(`cycle ${tally.cycles}: ${names}`)
      }
    } finally {
      for (const user of users) user.close()
      await connection.end()
    }
    return tally
  })
}

async function heldOf({ nodes }: Site, store: Store, ids: readonly string[]): Promise<readonly Held[]> {
  const stored = ids.map(async (id): Promise<[string, Registers]> => {
    const rows = await store.load(`user:s:${id}`)
    return [id, Object.fromEntries(rows.map(({ key, stamp, value }) => [key, { stamp, value }]))]
  })
  const dumps = nodes.map(async ({ port }): Promise<Held> => {
    return (await fetch(`http://127.0.0.1:${port}/dump?ids=${ids.join()}`)).json()
  })
  return Promise.all([...dumps, Promise.all(stored).then(Object.fromEntries)])
}

/** Plans a cycle: up to four faults of different kinds, which may overlap. */
function planOf(dice: Dice, site: Site): readonly Happening[] {
  const left = faultsOf(site)
  const happenings: Happening[] = []
  for (let count = 1 + dice.below(4); count > 0; count -= 1) {
    const [kinds] = left.splice(dice.below(left.length), 1)
    const fault = kinds?.[dice.below(kinds.length)]
    if (!fault) continue
    const [name, run, end, finish] = fault
    const after = dice.below(SPAN)
    const until = after + 1 + dice.below(SPAN - after)
    // While Redis is away, a node may not finish its end or start; other events do not wait for the node.
    let done: Promise<unknown> = Promise.resolve()
    const then = (act: () => Promise<unknown>) => (): Promise<unknown> => {
      done = done.then(act)
      return done
    }
    happenings.push({ name, after, run: then(run) }, { name: end, after: until, run: then(finish) })
  }
  return happenings.sort((a, b) => a.after - b.after)
}

/** Returns the kinds of faults, each with its variants. */
function faultsOf({ nodes, redis }: Site): (readonly Fault[])[] {
  const processes = nodes.map((node, at): readonly Fault[] => [
    [`kill node ${at}`, () => node.end('SIGKILL'), `start node ${at}`, () => node.start()],
    [`end node ${at}`, () => node.end('SIGTERM'), `start node ${at}`, () => node.start()],
  ])
  const adapters = nodes.map((node, at): readonly Fault[] => [
    [`cut node ${at}`, async () => node.cut(), `heal node ${at}`, async () => node.heal()],
  ])
  return [[['kill Redis', () => redis.kill(), 'start Redis', () => redis.start()]], ...processes, ...adapters]
}

/** Has all users write while the plan runs. */
async function cycle(
  { nodes }: Site,
  users: readonly FaultUser[],
  plan: readonly Happening[],
  tally: FaultTally,
): Promise<void> {
  let settled = 0
  let isOver = false
  let heard = (): void => undefined
  const write = async (user: FaultUser): Promise<void> => {
    for (let at = 0; at < WRITES; at += 1) {
      const done = await user.write()
      tally.writes += done
      tally.unanswered += 3 - done
      settled += 3
      heard()
    }
  }
  // Without any node, the writes wait for the next event.
  const isStuck = (): boolean => nodes.every(({ port }) => port === undefined)
  const faults = async (): Promise<void> => {
    const running: Promise<unknown>[] = []
    for (const { name, after, run } of plan) {
      while (settled < after && !isOver && !isStuck())
        await new Promise<void>((resolve) => {
          heard = resolve
        })
      tally.events[name.replace(/ \d+$/, '')] = (tally.events[name.replace(/ \d+$/, '')] ?? 0) + 1
      running.push(run().then(() => heard()))
    }
    await Promise.all(running)
  }
  const happening = faults()
  await Promise.all(users.map(write))
  isOver = true
  heard()
  await happening
}

/** Returns the broken promises, after all faults of the cycle are over. */
async function check(hold: Hold, users: readonly FaultUser[]): Promise<readonly string[]> {
  const ids = users.map(({ id }) => id)
  // Each browser makes a last request, with its cookie.
  await Promise.all(users.map((user) => within(() => user.look(), Boolean)))
  const held = await within(
    () => hold(ids),
    (each) => differences(each, ids).length === 0,
  )
  const [, , , stored] = held
  const lost = users.flatMap((user) => {
    return KEYS.flatMap((key) => {
      const place = user.place(key, stored?.[user.id]?.[key]?.value)
      const { begun, kept } = user[key]
      const isKept = place >= kept || (key === 'division' && user.mayReturn(place))
      return isKept && place <= begun
        ? []
        : `${user.id} has ${key} of write ${place}, expected at least ${kept} of ${begun}`
    })
  })
  return [
    ...differences(held, ids),
    ...lost,
    ...users.flatMap(({ id, faults }) => faults.map((fault) => `${id}: ${fault}`)),
  ]
}

/** Returns the users whose registers differ between places. */
function differences(held: readonly Held[], ids: readonly string[]): readonly string[] {
  const [first] = held
  const others = held.slice(1)
  return ids.flatMap((id) => {
    if (others.every((other) => isDeepStrictEqual(sorted(other[id]), sorted(first?.[id])))) return []
    return `places differ about ${id}: ${JSON.stringify(held.map((each) => each[id]))}`
  })
}

function sorted(registers: object = {}): readonly unknown[] {
  return Object.entries(JSON.parse(JSON.stringify(registers))).sort(([a], [b]) => (a < b ? -1 : 1))
}
