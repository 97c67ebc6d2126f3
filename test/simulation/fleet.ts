import { type ChildProcess, spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { build, type Plugin } from 'esbuild'
import type { Source } from './planting.js'
import type { AnySchedule, Finding } from './simulate.js'
import type { Counts } from './tally.js'

export interface Report extends Counts {
  readonly finding?: Finding
}

export const AT_ONCE: number = Math.min(4, availableParallelism())

const running = new Set<ChildProcess>()

/** Runs schedules in a process of their own, because they replace the clock and block the event loop. */
export async function sail(file: string, first: number, count: number, isShrunk = true): Promise<Report> {
  const [report] = await run(file, [String(first), String(count), isShrunk ? '1' : '0'])
  if (!report) throw new Error('the simulation has reported nothing')
  return report
}

/** Runs the given schedules without shrinking them, and resolves with a report of each. */
export async function replay(file: string, schedules: readonly AnySchedule[]): Promise<readonly Report[]> {
  const reports = await run(file, [JSON.stringify(schedules)])
  if (reports.length < schedules.length)
    throw new Error(`of ${schedules.length} schedules ${reports.length} were reported`)
  return reports
}

function run(file: string, what: readonly string[]): Promise<readonly Report[]> {
  return new Promise((resolve, reject) => {
    // Each schedule leaves much garbage.
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

export function recall(): void {
  for (const child of running) child.kill()
}

/** Acts on all items, as many at once as the machine allows. */
export async function eachAtOnce<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  const work = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await act(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

const ROOT = resolve(import.meta.dirname, '../..')

/** Bundles the simulation for `node`, with a planted defect if given; resolves with the file. */
export async function bundle(name: string, planted?: Source): Promise<string> {
  const outfile = join(ROOT, '.cache/simulation', `${name}.mjs`)
  await build({
    entryPoints: [join(ROOT, 'test/simulation/main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
    alias: {
      'koa-live-session': join(ROOT, 'server/index.ts'),
      'koa-live-session/fields': join(ROOT, 'shared/index.ts'),
      'koa-live-session/client': join(ROOT, 'client/index.ts'),
      'koa-live-session/testing': join(ROOT, 'testing/index.ts'),
    },
    plugins: planted ? [recording, planting(planted)] : [recording],
  })
  return outfile
}

const RECORDER = join(import.meta.dirname, 'recorder.ts')

const recording: Plugin = {
  name: 'recording',
  setup: (builder) => {
    // Whichever module of the client runs the core; only the recorder itself imports the real one.
    builder.onResolve({ filter: /core\/step\.js$/ }, ({ importer }) =>
      importer === RECORDER ? undefined : { path: RECORDER },
    )
  },
}

function planting({ file, text }: Source): Plugin {
  return {
    name: 'planted defect',
    setup: (builder) => {
      builder.onLoad({ filter: /\.ts$/ }, ({ path }) =>
        relative(ROOT, path) === file ? { contents: text, loader: 'ts' } : undefined,
      )
    },
  }
}
