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
export async function sail(file: string, first: number, count: number, isShrunk = true): Promise<Report> {
  const [report] = await run(file, [String(first), String(count), isShrunk ? '1' : '0'])
  if (!report) throw new Error('the simulation has reported nothing')
  return report
}

/** Runs schedules one by one, each as it stands, and returns a report of each. */
export async function replay(file: string, schedules: readonly Schedule[]): Promise<readonly Report[]> {
  const reports = await run(file, [JSON.stringify(schedules)])
  if (reports.length < schedules.length)
    throw new Error(`of ${schedules.length} schedules ${reports.length} were reported`)
  return reports
}

function run(file: string, what: readonly string[]): Promise<readonly Report[]> {
  return new Promise((resolve, reject) => {
    // What a schedule leaves behind is garbage by the next: room for a good many of them.
    const args = ['--max-semi-space-size=64', file, ...what]
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    running.add(child)
    const reports: Report[] = []
    createInterface(child.stdout).on('line', (line) => {
      reports.push(JSON.parse(line))
    })
    child.once('close', (code) => {
      running.delete(child)
      if (code === 0) resolve(reports)
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
