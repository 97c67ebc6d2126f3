import { type Cluster, clusterOf, clusterOfClocks } from './cluster.js'
import { Random } from './random.js'

/** Steps, and their relative frequency. */
const WEIGHTS = {
  // Pages
  change: 16,
  changeTogether: 8,
  remove: 4,
  add: 8,
  addTogether: 3,
  addAndLeave: 3,
  open: 5,
  openStatic: 3,
  openManyWithoutCookie: 1,
  close: 2,
  goBack: 2,
  // Requests
  read: 5,
  write: 8,
  writeSlowly: 4,
  readSlowly: 2,
  writeAndFail: 2,
  erase: 2,
  signIn: 3,
  signInUnsaid: 2,
  signOut: 2,
  signOutUnsaid: 2,
  leave: 2,
  leaveForgotten: 1,
  leaveUnheard: 1,
  takeTurns: 1,
  countInSession: 2,
  // The network
  flow: 14,
  send: 6,
  finish: 3,
  arrive: 8,
  arriveTwice: 2,
  lose: 3,
  toTab: 6,
  toServer: 6,
  shakeHands: 5,
  tell: 4,
  breakConnection: 3,
  fallSilent: 3,
  timer: 3,
  // The server
  restart: 3,
  deploy: 3,
  rotate: 2,
  evict: 3,
  emptyCache: 2,
  forgetMeanwhile: 2,
  signInMeanwhile: 2,
  revokeMeanwhile: 2,
  forgetInHandshake: 2,
  answerComesLate: 2,
  bringLate: 1,
  clock: 5,
  job: 2,
  push: 2,
  revoke: 2,
  eraseUser: 2,
  // The browser's settings
  block: 1,
  consent: 2,
  loseCookie: 1,
  // Mischief
  replay: 3,
  steal: 2,
  submit: 2,
  forgeTicket: 1,
  forgeCookie: 1,
} as const

/** Further steps with a store. */
const WEIGHTS_OF_STORES = {
  storeFails: 4,
  storeSlows: 4,
  storeIsBack: 6,
  storeAnswers: 8,
  storeRefuses: 3,
  refresh: 4,
  change: 8,
  write: 8,
  evict: 4,
  restart: 4,
} as const

/** Further steps with a bus. */
const WEIGHTS_OF_BUSES = {
  holdNews: 5,
  hear: 10,
  hearTwice: 4,
  loseNews: 4,
  cutOff: 4,
  change: 8,
  write: 8,
  push: 4,
} as const

/** Steps that only add items and close pages. */
const WEIGHTS_OF_LEAVINGS = {
  addAndLeave: 8,
  add: 2,
  goBack: 1,
  close: 1,
  flow: 2,
  send: 2,
  finish: 1,
  arrive: 2,
  lose: 1,
  toTab: 3,
  toServer: 3,
  shakeHands: 2,
  tell: 1,
  breakConnection: 1,
  timer: 2,
  storeSlows: 2,
  storeIsBack: 1,
  storeAnswers: 3,
} as const

/** Steps of nodes whose clocks differ. */
const WEIGHTS_OF_CLOCKS = {
  eraseMeanwhile: 10,
  changeBehind: 8,
  job: 3,
  change: 3,
  add: 2,
  write: 2,
  eraseUser: 2,
  open: 2,
  replay: 2,
  flow: 4,
  toTab: 2,
  toServer: 2,
  shakeHands: 2,
  breakConnection: 1,
  timer: 2,
  clock: 1,
  evict: 1,
  restart: 1,
  refresh: 1,
  storeFails: 1,
  storeSlows: 2,
  storeIsBack: 2,
  storeAnswers: 6,
  storeRefuses: 2,
  holdNews: 2,
  hear: 4,
  loseNews: 2,
} as const

/** Steps of processes that wait for a silent store. */
const WEIGHTS_OF_STALLS = {
  addMeanwhile: 10,
  add: 3,
  addTogether: 2,
  change: 2,
  open: 2,
  flow: 4,
  toTab: 2,
  toServer: 2,
  shakeHands: 2,
  breakConnection: 1,
  timer: 3,
  evict: 1,
  restart: 1,
  refresh: 1,
  storeSlows: 2,
  storeFails: 1,
  storeIsBack: 3,
  storeAnswers: 4,
  storeRefuses: 2,
  holdNews: 1,
  hear: 2,
  loseNews: 1,
} as const

export type Kind =
  | keyof typeof WEIGHTS
  | keyof typeof WEIGHTS_OF_STORES
  | keyof typeof WEIGHTS_OF_BUSES
  | keyof typeof WEIGHTS_OF_CLOCKS
  | keyof typeof WEIGHTS_OF_STALLS

/** Its numbers select among the existing tabs and values, so that any other step can be left out. */
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
  /** Whether pages have Web Locks. */
  readonly hasLocks: boolean
  /** Whether the app uses koa-session, which is asynchronous. */
  readonly hasKoaSession: boolean
  /** Whether the servers end after the last step: only cookies and pages remain. */
  readonly endsInRestart: boolean
}

const KINDS = drawn(WEIGHTS)
const KINDS_OF_STORES = drawn(WEIGHTS_OF_STORES)
const KINDS_OF_BUSES = drawn(WEIGHTS_OF_BUSES)
const KINDS_OF_LEAVINGS = drawn(WEIGHTS_OF_LEAVINGS)
const KINDS_OF_CLOCKS = drawn(WEIGHTS_OF_CLOCKS)
const KINDS_OF_STALLS = drawn(WEIGHTS_OF_STALLS)
/** One in this many schedules only closes pages. */
const LEAVINGS_IN = 6
/** One in this many has different clocks, and another has a silent store. */
const CLOCKS_IN = 12

function drawn(weights: Readonly<Partial<Record<Kind, number>>>): readonly Kind[] {
  return Object.entries(weights).flatMap(([kind, weight]) => Array<Kind>(weight).fill(kind as Kind))
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

/** One visitor each, so that all taken items are known. */
const CALM_CASTS: readonly Schedule['browsers'][] = [[null], ['ann'], ['ann'], ['ann', 'ann']]

/** One user each, whose writes replace each other. */
const CASTS_OF_CLOCKS: readonly Schedule['browsers'][] = [['ann'], ['ann'], ['ann', 'ann'], ['ann', null]]

/** Whether only closing a page could lose its items. */
export function isCalm({ steps, cluster: { skews, hasStore, hasBus }, browsers, endsInRestart }: Schedule): boolean {
  const isJoined = skews.length === 1 || hasStore || hasBus
  const isAlone = new Set(browsers).size === 1 && (browsers.length === 1 || browsers[0] !== null)
  return isJoined && isAlone && !endsInRestart && steps.every(({ kind }) => kind in WEIGHTS_OF_LEAVINGS)
}

export function scheduleOf(seed: number): Schedule {
  if (seed % CLOCKS_IN === 1) return scheduleOfNodes(seed, KINDS_OF_CLOCKS)
  if (seed % CLOCKS_IN === 7) return scheduleOfNodes(seed, KINDS_OF_STALLS)
  const random = new Random(seed)
  const cluster = clusterOf(seed)
  const isOfLeavings = seed % LEAVINGS_IN === 0
  const kinds = isOfLeavings
    ? KINDS_OF_LEAVINGS
    : [...KINDS, ...(cluster.hasStore ? KINDS_OF_STORES : []), ...(cluster.hasBus ? KINDS_OF_BUSES : [])]
  const casts = isOfLeavings ? CALM_CASTS : CASTS
  const browsers = casts[random.below(casts.length)] ?? []
  const steps = stepsOf(kinds, 6 + random.below(11), random)
  const [hasKoaSession, endsInRestart] = [random.below(8) === 0, random.below(2) === 0 && !isOfLeavings]
  return { seed, cluster, browsers, steps, hasKoaSession, endsInRestart, hasLocks: random.below(4) > 0 }
}

function scheduleOfNodes(seed: number, kinds: readonly Kind[]): Schedule {
  const random = new Random(seed)
  const browsers = CASTS_OF_CLOCKS[random.below(CASTS_OF_CLOCKS.length)] ?? []
  const steps = stepsOf(kinds, 3 + random.below(6), random)
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
export async function shrink(schedule: Schedule, fails: (schedule: Schedule) => Promise<boolean>): Promise<Schedule> {
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
