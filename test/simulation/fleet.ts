import { type ChildProcess, spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import type { Schedule } from './schedule.js'
import type { Finding } from './simulate.js'
import type { Counts } from './tally.js'

export interface Report extends Counts {
  readonly finding?: Finding
}

export const AT_ONCE: number = Math.min(4, availableParallelism())

const running = new Set<ChildProcess>()

/** Runs schedules in a process of their own: they replace time and the network, and block for a while. */
export function sail(file: string, first: number, count: number, isShrunk = true): Promise<Report> {
  return run(file, [String(first), String(count), isShrunk ? '1' : '0'])
}

/** Runs one schedule as it stands. */
export function replay(file: string, schedule: Schedule): Promise<Report> {
  return run(file, [JSON.stringify([schedule]), '1', '0'])
}

function run(file: string, what: readonly string[]): Promise<Report> {
  return new Promise((resolve, reject) => {
    // What a schedule leaves behind is garbage by the next: room for a good many of them.
    const args = ['--max-semi-space-size=64', file, ...what]
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    running.add(child)
    let report: Report | undefined
    createInterface(child.stdout).on('line', (line) => {
      report = JSON.parse(line)
    })
    child.once('close', (code) => {
      running.delete(child)
      if (report) resolve(report)
      else reject(new Error(`the simulation ended with ${code}`))
    })
  })
}

/** Ends what still runs. */
export function recall(): void {
  for (const child of running) child.kill()
}

/** Does something with each, as many at once as the machine can. */
export async function eachAtOnce<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  const work = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await act(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}
