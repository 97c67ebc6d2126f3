/** The kind of broken promise: an acknowledged write was lost, replicas diverged, or a value reached a foreign visitor. */
export type Harm = 'lost' | 'diverged' | 'foreign' | 'other'

export interface Violation {
  readonly harm: Harm
  readonly what: string
  /** The events of the page's core, as a unit test. */
  readonly page?: string
}

export interface Counts {
  schedules: number
  requests: number
  posts: number
  readonly moments: Record<string, number>
}

const nothing = (): Counts => ({ schedules: 0, requests: 0, posts: 0, moments: {} })

export const counted: Counts = nothing()

export function report(): Counts {
  const counts = { ...counted }
  Object.assign(counted, nothing())
  return counts
}

/** Counts a moment, to prove that schedules reach it. */
export function note(moment: string): void {
  counted.moments[moment] = (counted.moments[moment] ?? 0) + 1
}

export function summary(counts: readonly Counts[], harms: readonly Harm[], seconds: number): string {
  const number = (value: number): string => value.toLocaleString('en')
  const sum = (of: (one: Counts) => number): string => number(counts.reduce((total, one) => total + of(one), 0))
  const times = (harm: Harm): string => number(harms.filter((one) => one === harm).length)
  return (
    `simulation: ${sum(({ schedules }) => schedules)} interleavings, ${times('lost')} acknowledged writes lost, ` +
    `${times('diverged')} replicas diverged, ${times('foreign')} values under another subject, ` +
    `${times('other')} other promises broken, ${sum(({ requests }) => requests)} requests and ` +
    `${sum(({ posts }) => posts)} POSTs made, ${number(Math.round(seconds))} s\n`
  )
}
