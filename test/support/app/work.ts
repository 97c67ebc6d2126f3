import { Session } from 'node:inspector'
import { afterAll, expect, jest } from '@jest/globals'

const LIBRARY = ['server/', 'shared/'].map((folder) => new URL(`../../../${folder}`, import.meta.url).href)

/** The library's work, which is the same on every machine. */
export interface Work {
  /** Executed blocks of the library's code: calls, loops, branches. */
  readonly steps: number
  /** Characters given to `JSON.parse`. */
  readonly parsed: number
}

interface Script {
  readonly url: string
  readonly functions: readonly { readonly ranges: readonly { readonly count: number }[] }[]
}

// V8 counts loops only in functions compiled after this.
const profiler = new Session()
profiler.connect()
post('Profiler.enable')
post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
afterAll(() => profiler.disconnect())

/** Returns the steps since the last call; none under `npm run soak -- defects`, whose switches are steps as well. */
export function takeSteps(): number {
  if (process.env['MUTATED']) return 0
  const { result } = post('Profiler.takePreciseCoverage') as { readonly result: readonly Script[] }
  return result
    .filter(({ url }) => LIBRARY.some((folder) => url.startsWith(folder)))
    .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
    .reduce((sum, { count }) => sum + count, 0)
}

export async function workOf(act: () => Promise<unknown>): Promise<Work> {
  const parse = jest.spyOn(JSON, 'parse')
  takeSteps()
  await act()
  const steps = takeSteps()
  if (steps === 0 && !process.env['MUTATED']) throw new Error(`expected steps in ${LIBRARY.join(', ')}`)
  const parsed = parse.mock.calls.reduce((sum, [text]) => sum + String(text).length, 0)
  parse.mockRestore()
  return { steps, parsed }
}

/** Expects no more work of either kind. */
export function expectAtMost(work: Work, most: Work): void {
  const max = { steps: Math.max(work.steps, most.steps), parsed: Math.max(work.parsed, most.parsed) }
  expect(max).toEqual(most)
}

/** The session belongs to this thread, and answers at once. */
function post(method: string, given: object = {}): unknown {
  let answer: unknown
  profiler.post(method, given, (error, result) => {
    if (error) throw error
    answer = result
  })
  return answer
}
