import { Random } from './random.js'

export interface Cluster {
  /** ms of difference for each node's clock. */
  readonly skews: readonly number[]
  readonly hasStore: boolean
  readonly hasBus: boolean
}

const ALONE: Cluster = { skews: [0], hasStore: false, hasBus: false }

const KINDS: readonly (readonly [hasNodes: boolean, hasStore: boolean, hasBus: boolean])[] = [
  [false, true, false],
  [true, false, true],
  [true, true, true],
  [true, true, true],
  [true, true, false],
  [true, false, false],
]
/** ms, for clocks right to within seconds. */
const SKEWS = [0, 0, 1, 700, -3000, 20_000]

/** ms, for nodes whose clocks all differ. */
const CLOCKS = [0, -3000, 700, 20_000, 40_000]

export function clusterOfClocks(seed: number): Cluster {
  const random = new Random(seed ^ 0x27d4eb2f)
  const first = random.below(CLOCKS.length)
  const skews = Array.from({ length: 2 + random.below(2) }, (_, index) => CLOCKS[(first + index) % CLOCKS.length] ?? 0)
  return { skews, hasStore: true, hasBus: random.below(4) > 0 }
}

/** Uses a separate random sequence, so the rest of a schedule stays the same. */
export function clusterOf(seed: number): Cluster {
  const random = new Random(seed ^ 0x5bd1e995)
  const [hasNodes, hasStore, hasBus] = KINDS[random.below(2 * KINDS.length)] ?? []
  if (hasNodes === undefined) return ALONE
  const length = hasNodes ? 2 + random.below(2) : 1
  const skews = Array.from({ length }, () => SKEWS[random.below(SKEWS.length)] ?? 0)
  return { skews, hasStore: hasStore === true, hasBus: hasBus === true }
}
