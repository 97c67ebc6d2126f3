// `npm run lint` checks that no test depends on the machine's speed: tests wait for events and count operations.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Has the tests' only real timers, to poll a condition. */
const POLLING = 'test/support/app/within.ts'
/** Random loads pace themselves with real timers. */
const PACED = ['test/faults/', 'test/browser/schedule/']

const BANS = [
  [/process\.cpuUsage/, 'CPU time: count operations (test/support/app/work.ts), or add a row to bench/guard.mjs'],
  [/\bsetTimeout\(resolve\b|\(\w*\) => (?:void )?setTimeout\(/, `a sleep: wait for an event, or poll (${POLLING})`],
  [/\bsetTimeout\b.*from '(?:node:)?timers\/promises'/, `a sleep: wait for an event, or poll (${POLLING})`],
  [/expect\(.*performance\.now|toBe(?:Less|Greater).*performance\.now/, 'elapsed time: count operations'],
]

for (const name of readdirSync('test', { recursive: true, encoding: 'utf8' })) {
  const file = join('test', name)
  if (!/\.[mt]sx?$/.test(file) || file === POLLING || PACED.some((folder) => file.startsWith(folder))) continue
  for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries())
    for (const [pattern, problem] of BANS)
      if (pattern.test(line)) {
        console.error(`${file}:${index + 1}: ${problem}`)
        process.exitCode = 1
      }
}
