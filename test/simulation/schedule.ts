import { type Cluster, clusterOf, clusterOfClocks } from './cluster.js'
import { Random } from './random.js'

/** What can happen, and how often compared to the rest. */
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

/** What can happen besides where there is a store. */
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

/** And where nodes tell each other. */
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

/** What can happen where nothing takes away what pages add, but that they are left. */
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

/** What can happen where the clocks of nodes differ. */
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

/** What can happen where processes wait for a silent store. */
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

/** Numbers of any size choose among what there is when it happens, so that any step can be left out. */
export interface Step {
  readonly kind: Kind
  readonly who: number
  readonly which: number
  readonly what: number
}

export interface Schedule {
  readonly seed: number
  readonly cluster: Cluster
  /** Whom each browser is signed in as at the start; a guest where null, which JSON can say. */
  readonly browsers: readonly (string | null)[]
  readonly steps: readonly Step[]
  /** Pages find Web Locks. */
  readonly hasLocks: boolean
  /** The app's own session is koa-session's, which takes its time. */
  readonly hasKoaSession: boolean
  /** The server ends after the last step: only cookies and pages are left. */
  readonly endsInRestart: boolean
}

const KINDS = drawn(WEIGHTS)
const KINDS_OF_STORES = drawn(WEIGHTS_OF_STORES)
const KINDS_OF_BUSES = drawn(WEIGHTS_OF_BUSES)
const KINDS_OF_LEAVINGS = drawn(WEIGHTS_OF_LEAVINGS)
const KINDS_OF_CLOCKS = drawn(WEIGHTS_OF_CLOCKS)
const KINDS_OF_STALLS = drawn(WEIGHTS_OF_STALLS)
/** Of so many schedules one is of leavings alone. */
const LEAVINGS_IN = 6
/** Of so many one, and never one of those, is of nodes whose clocks differ; another one of processes that wait for a silent store. */
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

/** Those of one visitor, where all that was taken is known. */
const CALM_CASTS: readonly Schedule['browsers'][] = [[null], ['ann'], ['ann'], ['ann', 'ann']]

/** Those of one user, whose writes go over each other. */
const CASTS_OF_CLOCKS: readonly Schedule['browsers'][] = [['ann'], ['ann'], ['ann', 'ann'], ['ann', null]]

/** Whether nothing but leaving a page could take away what it has added. */
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

/** Nodes of which one is ahead of another, and share a store. */
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

/** Leaves out steps for as long as it still fails. */
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
