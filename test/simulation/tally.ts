/** Which promise is broken: a write that was acknowledged, replicas that agree, values that are seen by their owner alone. */
export type Harm = 'lost' | 'diverged' | 'foreign' | 'other'

export interface Violation {
  readonly harm: Harm
  readonly what: string
  /** What the core of the page in question got, as a unit test. */
  readonly page?: string
}

/** What a process that ran schedules says in the end. */
export interface Counts {
  readonly schedules: number
  readonly requests: number
  readonly posts: number
  /** How often each of them has happened. */
  readonly moments: Readonly<Record<string, number>>
}

interface Counted extends Counts {
  schedules: number
  requests: number
  posts: number
  readonly moments: Record<string, number>
}

const nothing = (): Counted => ({ schedules: 0, requests: 0, posts: 0, moments: {} })

/** Of this process, since the last report. */
export const counted: Counted = nothing()

/** Returns what was counted, and counts from nothing again. */
export function report(): Counts {
  const counts = { ...counted }
  Object.assign(counted, nothing())
  return counts
}

/** Takes note of what is worth knowing to have been tried. */
export function note(moment: string): void {
  counted.moments[moment] = (counted.moments[moment] ?? 0) + 1
}

/** Everything that was tried, and what was found, in one line. */
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
