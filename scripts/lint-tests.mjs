// `npm run lint` checks that no test depends on the machine's speed: tests wait for events and count operations. It also checks that some
// test file notices each planted defect, as the last `npm run mutation` has recorded, and that programs of tests run without jest.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadedFiles } from './loaded-files.mjs'

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

const rowsOf = (name) =>
  readFileSync(`test/simulation/${name}.jsonl`, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const noticed = new Map(rowsOf('noticed').map(({ defect, files }) => [defect, files]))
for (const { name } of rowsOf('defects')) {
  const files = noticed.get(name) ?? []
  if (files.length > 0 && files.every((file) => existsSync(file))) continue
  console.error(`test/simulation/noticed.jsonl: no test file for the defect "${name}": npm run mutation -- --first`)
  process.exitCode = 1
}

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
for (const [script, command] of Object.entries(scripts)) {
  const [, program] = /^tsx (test\S+)/.exec(command) ?? []
  const files = program ? [...loadedFiles(program)] : []
  const [file] = files.find(([, text]) => text.includes("from '@jest/globals'")) ?? []
  if (!file) continue
  console.error(`${file}: imports jest, so \`npm run ${script}\` fails. Move the import to a file of its own`)
  process.exitCode = 1
}
