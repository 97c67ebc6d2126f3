import { type Cluster, clusterOf, clusterOfClocks } from './cluster.js'
import { Random } from './random.js'

/** Sets of steps for schedules. */
type Mix = 'any' | 'stores' | 'buses' | 'leavings' | 'clocks' | 'stalls'

/**
 * The relative frequency of each step: `any` in most schedules, plus `stores` or `buses` with a store or a bus; `leavings` if pages only
 * close, `clocks` if the nodes' clocks differ, and `stalls` if processes wait for a silent store.
 */
const WEIGHTS = {
  // Pages
  change: { any: 16, stores: 8, buses: 8, clocks: 3, stalls: 2 },
  changeTogether: { any: 8 },
  remove: { any: 4 },
  add: { any: 8, leavings: 2, clocks: 2, stalls: 3 },
  addTogether: { any: 3, stalls: 2 },
  addAndLeave: { any: 3, leavings: 8 },
  open: { any: 5, clocks: 2, stalls: 2 },
  openStatic: { any: 3 },
  openManyWithoutCookie: { any: 1 },
  close: { any: 2, leavings: 1 },
  goBack: { any: 2, leavings: 1 },
  goBackToFormer: { any: 2 },
  look: { any: 3, leavings: 1 },
  // Requests
  read: { any: 5 },
  write: { any: 8, stores: 8, buses: 8, clocks: 2 },
  writeSlowly: { any: 4 },
  readSlowly: { any: 2 },
  writeAndFail: { any: 2 },
  erase: { any: 2 },
  signIn: { any: 3 },
  signInUnsaid: { any: 2 },
  signOut: { any: 2 },
  signOutUnsaid: { any: 2 },
  leave: { any: 2 },
  leaveForgotten: { any: 1 },
  leaveUnheard: { any: 1 },
  takeTurns: { any: 1 },
  countInSession: { any: 2 },
  // The network
  flow: { any: 14, leavings: 2, clocks: 4, stalls: 4 },
  send: { any: 6, leavings: 2 },
  finish: { any: 3, leavings: 1 },
  arrive: { any: 8, leavings: 2 },
  arriveTwice: { any: 2 },
  lose: { any: 3, leavings: 1 },
  toTab: { any: 6, leavings: 3, clocks: 2, stalls: 2 },
  toServer: { any: 6, leavings: 3, clocks: 2, stalls: 2 },
  shakeHands: { any: 5, leavings: 2, clocks: 2, stalls: 2 },
  tell: { any: 4, leavings: 1 },
  breakConnection: { any: 3, leavings: 1, clocks: 1, stalls: 1 },
  fallSilent: { any: 3 },
  timer: { any: 3, leavings: 2, clocks: 2, stalls: 3 },
  // The server
  restart: { any: 3, stores: 4, clocks: 1, stalls: 1 },
  deploy: { any: 3 },
  rotate: { any: 2 },
  evict: { any: 3, stores: 4, clocks: 1, stalls: 1 },
  emptyCache: { any: 2 },
  forgetMeanwhile: { any: 2 },
  signInMeanwhile: { any: 2 },
  revokeMeanwhile: { any: 2 },
  forgetInHandshake: { any: 2 },
  answerComesLate: { any: 2 },
  bringLate: { any: 1 },
  clock: { any: 5, clocks: 1 },
  job: { any: 2, clocks: 3 },
  push: { any: 2, buses: 4 },
  revoke: { any: 2 },
  eraseUser: { any: 2, clocks: 2 },
  // The browser's settings
  block: { any: 1 },
  consent: { any: 2 },
  loseCookie: { any: 1 },
  // Mischief
  replay: { any: 3, clocks: 2 },
  steal: { any: 2 },
  submit: { any: 2 },
  forgeTicket: { any: 1 },
  forgeCookie: { any: 1 },
  plantWho: { any: 1 },
  // The store and the bus
  storeFails: { stores: 4, clocks: 1, stalls: 1 },
  storeSlows: { stores: 4, leavings: 2, clocks: 2, stalls: 2 },
  storeIsBack: { stores: 6, leavings: 1, clocks: 2, stalls: 3 },
  storeAnswers: { stores: 8, leavings: 3, clocks: 6, stalls: 4 },
  storeRefuses: { stores: 3, clocks: 2, stalls: 2 },
  refresh: { stores: 4, clocks: 1, stalls: 1 },
  holdNews: { buses: 5, clocks: 2, stalls: 1 },
  hear: { buses: 10, clocks: 4, stalls: 2 },
  hearTwice: { buses: 4 },
  loseNews: { buses: 4, clocks: 2, stalls: 1 },
  cutOff: { buses: 4 },
  eraseMeanwhile: { clocks: 10 },
  changeBehind: { clocks: 8 },
  addMeanwhile: { stalls: 10 },
} satisfies Readonly<Record<string, Readonly<Partial<Record<Mix, number>>>>>

export type Kind = keyof typeof WEIGHTS

/** A step. Its numbers select among the existing tabs and values, so any other step can be left out. */
export interface Step {
  readonly kind: Kind
  readonly who: number
  readonly which: number
  readonly what: number
}

export interface Schedule {
  readonly seed: number
  readonly cluster: Cluster
  /** The user of each browser at the start; `null` is a guest. */
  readonly browsers: readonly (string | null)[]
  readonly steps: readonly Step[]
  readonly hasLocks: boolean
  /** Whether the app uses koa-session, which is asynchronous. */
  readonly hasKoaSession: boolean
  /** Whether the servers end after the last step, so only cookies and pages remain. */
  readonly endsInRestart: boolean
}

/** One in this many schedules only closes pages. */
const LEAVINGS_IN = 6
/** One in this many schedules has differing clocks, and as many have a silent store. */
const CLOCKS_IN = 12

function kindsOf(...mixes: readonly Mix[]): readonly Kind[] {
  const times = (weights: Readonly<Partial<Record<Mix, number>>>, mix: Mix): number => weights[mix] ?? 0
  return mixes.flatMap((mix) =>
    Object.entries(WEIGHTS).flatMap(([kind, weights]) => Array<Kind>(times(weights, mix)).fill(kind as Kind)),
  )
}

const CASTS: readonly Schedule['browsers'][] = [
  [null, null],
  [null, 'ann'],
  ['ann', 'ann'],
  ['ann', 'ann'],
  ['ann', 'bob'],
  ['ann', 'ann', 'bob'],
  ['ann', null, 'ann'],
]

/** A single visitor each, so all taken items are known. */
const CALM_CASTS: readonly Schedule['browsers'][] = [[null], ['ann'], ['ann'], ['ann', 'ann']]

/** A single user each, whose writes replace each other. */
const CASTS_OF_CLOCKS: readonly Schedule['browsers'][] = [['ann'], ['ann'], ['ann', 'ann'], ['ann', null]]

/** Whether a schedule could lose a page's items only by closing the page. */
export function isCalm({ steps, cluster: { skews, hasStore, hasBus }, browsers, endsInRestart }: Schedule): boolean {
  const isJoined = skews.length === 1 || hasStore || hasBus
  const isAlone = new Set(browsers).size === 1 && (browsers.length === 1 || browsers[0] !== null)
  return isJoined && isAlone && !endsInRestart && steps.every(({ kind }) => 'leavings' in WEIGHTS[kind])
}

export function scheduleOf(seed: number): Schedule {
  if (seed % CLOCKS_IN === 1) return scheduleOfNodes(seed, 'clocks')
  if (seed % CLOCKS_IN === 7) return scheduleOfNodes(seed, 'stalls')
  const random = new Random(seed)
  const cluster = clusterOf(seed)
  const isOfLeavings = seed % LEAVINGS_IN === 0
  const joins: readonly Mix[] = [
    ...(cluster.hasStore ? (['stores'] as const) : []),
    ...(cluster.hasBus ? (['buses'] as const) : []),
  ]
  const kinds = isOfLeavings ? kindsOf('leavings') : kindsOf('any', ...joins)
  const casts = isOfLeavings ? CALM_CASTS : CASTS
  const browsers = casts[random.below(casts.length)] ?? []
  const steps = stepsOf(kinds, 6 + random.below(11), random)
  const [hasKoaSession, endsInRestart] = [random.below(8) === 0, random.below(2) === 0 && !isOfLeavings]
  return { seed, cluster, browsers, steps, hasKoaSession, endsInRestart, hasLocks: random.below(4) > 0 }
}

function scheduleOfNodes(seed: number, mix: Mix): Schedule {
  const random = new Random(seed)
  const browsers = CASTS_OF_CLOCKS[random.below(CASTS_OF_CLOCKS.length)] ?? []
  const steps = stepsOf(kindsOf(mix), 3 + random.below(6), random)
  const [hasLocks, endsInRestart] = [random.below(4) > 0, random.below(4) === 0]
  return { seed, cluster: clusterOfClocks(seed), browsers, steps, hasKoaSession: false, endsInRestart, hasLocks }
}

function stepsOf(kinds: readonly Kind[], length: number, random: Random): readonly Step[] {
  return Array.from({ length }, () => ({
    kind: kinds[random.below(kinds.length)] ?? 'flow',
    who: random.next(),
    which: random.next(),
    what: random.next(),
  }))
}

/** Leaves out steps while the schedule still fails. */
export async function shrink<S extends { readonly steps: readonly unknown[] }>(
  schedule: S,
  fails: (schedule: S) => Promise<boolean>,
): Promise<S> {
  let least = schedule
  for (let length = Math.ceil(schedule.steps.length / 2); length > 0; length = Math.floor(length / 2)) {
    let at = 0
    while (at < least.steps.length) {
      const steps = [...least.steps.slice(0, at), ...least.steps.slice(at + length)]
      if (await fails({ ...least, steps })) least = { ...least, steps }
      else at += length
    }
  }
  return least
}
