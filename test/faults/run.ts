import { isDeepStrictEqual } from 'node:util'
import { Dice } from '../fuzz/dice.js'
import { within } from '../support/app/within.js'
import { FaultCluster, type Held } from './cluster.js'
import { FaultUser } from './user.js'

/** How often each user writes each way in a cycle. */
const WRITES = 4
/** Of how many writes of a cycle things happen. */
const SPAN = 900
const KEYS = ['division', 'draft', 'role', 'secret'] as const

export interface FaultRun {
  readonly cycles: number
  readonly seed: number
  /** @default 100 */
  readonly users?: number
}

/** What has happened. */
export interface FaultTally {
  cycles: number
  writes: number
  unanswered: number
  readonly events: Record<string, number>
  /** What must never be, with the seed and the events of its cycle. */
  readonly faults: string[]
}

interface Happening {
  readonly name: string
  /** After how many writes of the cycle it happens. */
  readonly after: number
  readonly run: () => Promise<unknown>
}

/** What a fault begins with, and what ends it. */
type Fault = readonly [name: string, begin: () => Promise<unknown>, end: string, finish: () => Promise<unknown>]

/** Lets processes and connections fail while users write, and looks after each cycle at what all places have. Ends at the first fault. */
export async function runFaults(
  { cycles, seed, users: count = 100 }: FaultRun,
  log: (line: string) => void = () => undefined,
): Promise<FaultTally> {
  const cluster = await FaultCluster.start()
  const users = Array.from({ length: count }, (_, number) => new FaultUser(number + 1, cluster.gateway.url))
  const tally: FaultTally = { cycles: 0, writes: 0, unanswered: 0, events: {}, faults: [] }
  try {
    await Promise.all(users.map((user) => user.open()))
    while (tally.cycles < cycles && tally.faults.length === 0) {
      const dice = Dice.of(seed, tally.cycles)
      const plan = planOf(dice, cluster)
      await cycle(cluster, users, plan, tally)
      const faults = await check(cluster, users)
      const names = plan.map(({ name, after }) => `after ${after}: ${name}`).join('; ')
      tally.faults.push(...faults.map((fault) => `seed ${seed}, cycle ${tally.cycles}: ${fault}\n  events: ${names}`))
      tally.cycles += 1
      log(`cycle ${tally.cycles}: ${names}`)
    }
  } finally {
    for (const user of users) user.close()
    await cluster.stop()
  }
  return tally
}

/** What happens in a cycle: up to four faults, of which several may be there at a time, but one of a kind. */
function planOf(dice: Dice, cluster: FaultCluster): readonly Happening[] {
  const left = faultsOf(cluster)
  const happenings: Happening[] = []
  for (let count = 1 + dice.below(4); count > 0; count -= 1) {
    const [kinds] = left.splice(dice.below(left.length), 1)
    const fault = kinds?.[dice.below(kinds.length)]
    if (!fault) continue
    const [name, run, end, finish] = fault
    const after = dice.below(SPAN)
    const until = after + 1 + dice.below(SPAN - after)
    // A node ends, or starts, for as long as Redis is away: that keeps nothing else from happening.
    let done: Promise<unknown> = Promise.resolve()
    const then = (act: () => Promise<unknown>) => (): Promise<unknown> => {
      done = done.then(act)
      return done
    }
    happenings.push({ name, after, run: then(run) }, { name: end, after: until, run: then(finish) })
  }
  return happenings.sort((a, b) => a.after - b.after)
}

/** What may fail, each in some ways. */
function faultsOf({ nodes, redis }: FaultCluster): (readonly Fault[])[] {
  const processes = nodes.map((node, at): readonly Fault[] => [
    [`kill node ${at}`, () => node.end('SIGKILL'), `start node ${at}`, () => node.start()],
    [`end node ${at}`, () => node.end('SIGTERM'), `start node ${at}`, () => node.start()],
  ])
  const adapters = nodes.map((node, at): readonly Fault[] => [
    [`cut node ${at}`, async () => node.cut(), `heal node ${at}`, async () => node.heal()],
  ])
  return [[['kill Redis', () => redis.kill(), 'start Redis', () => redis.start()]], ...processes, ...adapters]
}

/** All users write; things happen meanwhile, and have an end. */
async function cycle(
  { nodes }: FaultCluster,
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
  // Where no node is there, the writes wait for what is to happen next.
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

/** What is wrong once all is quiet. */
async function check(cluster: FaultCluster, users: readonly FaultUser[]): Promise<readonly string[]> {
  const ids = users.map(({ id }) => id)
  // Each browser comes by once more, with its cookie.
  await Promise.all(users.map((user) => within(() => user.look(), Boolean)))
  const held = await within(
    () => cluster.held(ids),
    (each) => differences(each, ids).length === 0,
  )
  const [, , , stored] = held
  const lost = users.flatMap((user) => {
    return KEYS.flatMap((key) => {
      const place = user.place(key, stored?.[user.id]?.[key]?.value)
      const { begun, kept } = user[key]
      const isKept = place >= kept || (key === 'division' && user.mayReturn(place))
      return isKept && place <= begun ? [] : `${user.id} has ${key} of write ${place}, kept was ${kept} of ${begun}`
    })
  })
  return [
    ...differences(held, ids),
    ...lost,
    ...users.flatMap(({ id, faults }) => faults.map((fault) => `${id}: ${fault}`)),
  ]
}

/** Where not all places have the same of a user. */
function differences(held: readonly Held[], ids: readonly string[]): readonly string[] {
  const [first] = held
  const others = held.slice(1)
  return ids.flatMap((id) => {
    if (others.every((other) => isDeepStrictEqual(sorted(other[id]), sorted(first?.[id])))) return []
    return `not all places have the same of ${id}: ${JSON.stringify(held.map((each) => each[id]))}`
  })
}

function sorted(registers: object = {}): readonly unknown[] {
  return Object.entries(JSON.parse(JSON.stringify(registers))).sort(([a], [b]) => (a < b ? -1 : 1))
}
