import { type Cluster, clusterOf } from '../cluster.js'
import { Random } from '../random.js'

/** The relative frequency of each step; `stores` and `buses` only with a store or a bus. */
const WEIGHTS = {
  // Requests
  read: { any: 6 },
  write: { any: 4 },
  signIn: { any: 8 },
  signInUnsaid: { any: 3 },
  regenerate: { any: 8 },
  signOut: { any: 8 },
  revokeOthers: { any: 4 },
  replay: { any: 6 },
  steal: { any: 4 },
  handOff: { any: 3 },
  // The network
  flow: { any: 14 },
  finish: { any: 8 },
  arrive: { any: 6 },
  lose: { any: 2 },
  connect: { any: 8 },
  disconnect: { any: 1 },
  // The server
  revoke: { any: 4 },
  eraseUser: { any: 2 },
  destroy: { any: 4 },
  revokeMeanwhile: { any: 6 },
  twoAtOnce: { any: 12 },
  evict: { any: 3 },
  restart: { any: 1, stores: 2 },
  timer: { any: 2, stores: 2 },
  refresh: { any: 4, stores: 4 },
  // The store and the bus
  storeFails: { stores: 2 },
  storeSlows: { stores: 4 },
  storeIsBack: { stores: 5 },
  storeAnswers: { stores: 8 },
  holdNews: { buses: 5 },
  hear: { buses: 8 },
} satisfies Readonly<Record<string, Readonly<Partial<Record<'any' | 'stores' | 'buses', number>>>>>

export type SessionKind = keyof typeof WEIGHTS

/** A step. Its numbers select among what exists, so any other step can be left out. */
export interface SessionStep {
  readonly kind: SessionKind
  readonly who: number
  readonly which: number
  readonly what: number
}

/** A schedule of an app whose `ctx.session` is in `live.sessionStore()`. Its browsers have no page of ours. */
export interface SessionSchedule {
  readonly stage: 'sessions'
  readonly seed: number
  readonly cluster: Cluster
  /** The user of each browser at the start; `null` is a guest. */
  readonly browsers: readonly (string | null)[]
  readonly steps: readonly SessionStep[]
}

const CASTS: readonly SessionSchedule['browsers'][] = [[null], ['ann'], ['ann', null], ['ann', 'bob'], ['ann', 'ann']]

/** Uses a sequence of its own, so that the other schedules of a seed stay the same. */
export function sessionScheduleOf(seed: number): SessionSchedule {
  const random = new Random(seed ^ 0x3c6ef372)
  const cluster = clusterOf(seed)
  const joins = ['any', ...(cluster.hasStore ? ['stores'] : []), ...(cluster.hasBus ? ['buses'] : [])]
  const kinds = Object.entries(WEIGHTS).flatMap(([kind, weights]) =>
    Object.entries(weights).flatMap(([mix, times]) =>
      joins.includes(mix) ? Array<SessionKind>(times).fill(kind as SessionKind) : [],
    ),
  )
  const browsers = CASTS[random.below(CASTS.length)] ?? []
  const steps = Array.from({ length: 4 + random.below(9) }, () => ({
    kind: kinds[random.below(kinds.length)] ?? 'flow',
    who: random.next(),
    which: random.next(),
    what: random.next(),
  }))
  return { stage: 'sessions', seed, cluster, browsers, steps }
}
