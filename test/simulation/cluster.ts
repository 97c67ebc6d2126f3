import { Random } from './random.js'

/** What there is of the app besides one process: values of a schedule's own, so that it can be told again. */
export interface Cluster {
  /** ms by which each node's clock differs: as many as there are nodes. */
  readonly skews: readonly number[]
  /** Nodes share a store, which fails when the schedule says so. */
  readonly hasStore: boolean
  /** Nodes tell each other what is news, over a bus that loses it when the schedule says so. */
  readonly hasBus: boolean
}

/** One process that has nothing but its memory, and its visitors' cookies. */
const ALONE: Cluster = { skews: [0], hasStore: false, hasBus: false }

/** Half of all seeds are of one process alone. */
const KINDS: readonly (readonly [hasNodes: boolean, hasStore: boolean, hasBus: boolean])[] = [
  [false, true, false],
  [true, false, true],
  [true, true, true],
  [true, true, true],
  [true, true, false],
  [true, false, false],
]
/** ms; nodes whose clocks are right to within some seconds. */
const SKEWS = [0, 0, 1, 700, -3000, 20_000]

/** ms; of nodes whose clocks are never the same. */
const CLOCKS = [0, -3000, 700, 20_000, 40_000]

/** Nodes that share a store, and of which one's clock is ahead of another's. */
export function clusterOfClocks(seed: number): Cluster {
  const random = new Random(seed ^ 0x27d4eb2f)
  const first = random.below(CLOCKS.length)
  const skews = Array.from({ length: 2 + random.below(2) }, (_, index) => CLOCKS[(first + index) % CLOCKS.length] ?? 0)
  return { skews, hasStore: true, hasBus: random.below(4) > 0 }
}

/** It is drawn apart: the rest of a schedule is the same with and without. */
export function clusterOf(seed: number): Cluster {
  const random = new Random(seed ^ 0x5bd1e995)
  const [hasNodes, hasStore, hasBus] = KINDS[random.below(2 * KINDS.length)] ?? []
  if (hasNodes === undefined) return ALONE
  const length = hasNodes ? 2 + random.below(2) : 1
  const skews = Array.from({ length }, () => SKEWS[random.below(SKEWS.length)] ?? 0)
  return { skews, hasStore: hasStore === true, hasBus: hasBus === true }
}
