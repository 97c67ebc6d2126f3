// `npm run trips` follows six actions of a visitor through the built library, with and without a store, and prints a table:
// functions, files, calls, and returns to a folder that the trip had left. `--check` fails where a number exceeds the recorded number
// by more than 5 %; `--record` writes scripts/trips.json; `--folders` lists the folders of each trip in order.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { instrument } from './trips/instrument.mjs'
import { visit } from './trips/visit.mjs'

const SLACK = 1.05
const VISITS = 5
/** Code used from everywhere, like a language: a call of such code does not count as leaving a folder. */
const LANGUAGE = ['shared/', 'server/resolve-options', 'server/subjects/']
const COLUMNS = ['functions', 'files', 'calls', 'returns']

const root = fileURLToPath(new URL('..', import.meta.url))
const recordedPath = join(root, 'scripts/trips.json')
const copy = join(root, '.cache/trips')

instrument(join(root, 'dist'), copy)
const load = (file) => import(join(copy, file))
const library = {
  ...(await load('shared/index.js')),
  ...(await load('server/index.js')),
  ...(await load('client/index.js')),
}
const { memoryStore } = await load('testing/index.js')

const trips = {}
const isRecorded = process.argv.includes('--record')
const isChecked = process.argv.includes('--check')
const largest = {}
let problems = []
for (let visits = 0; visits < (isRecorded || isChecked ? VISITS : 1); visits += 1) {
  await visit(library, undefined, follow(''))
  await visit(library, memoryStore(), follow(', with a store'))
  for (const [name, numbers] of Object.entries(numbersOf(trips)))
    largest[name] = numbers.map((number, index) => Math.max(number, largest[name]?.[index] ?? 0))
  problems = isChecked ? excesses(numbersOf(trips), JSON.parse(readFileSync(recordedPath, 'utf8'))) : []
  if (isChecked && problems.length === 0) break
}
report()
if (isRecorded) writeRecord(largest)
for (const problem of problems) console.error(problem)
process.exit(problems.length > 0 ? 1 : 0)

function follow(suffix) {
  return async (name, act) => {
    const calls = []
    globalThis.recordCall = (file, id, isNamed) => void calls.push({ file, id, isNamed })
    await act()
    globalThis.recordCall = undefined
    trips[name + suffix] = measure(calls.filter(({ file }) => !file.startsWith('testing/')))
  }
}

function measure(calls) {
  const visited = calls
    .filter(({ file, isNamed }) => isNamed && !LANGUAGE.some((prefix) => file.startsWith(prefix)))
    .map(({ file }) => dirname(file))
  const folders = visited.filter((folder, index) => folder !== visited[index - 1])
  return {
    functions: new Set(calls.map(({ file, id }) => `${file} ${id}`)).size,
    files: new Set(calls.map(({ file }) => file)).size,
    calls: calls.length,
    returns: folders.length - new Set(folders).size,
    folders,
  }
}

function report() {
  console.log(`| trip | ${COLUMNS.join(' | ')} |\n|---|${COLUMNS.map(() => '---:').join('|')}|`)
  for (const [name, { folders, ...trip }] of Object.entries(trips)) {
    console.log(`| ${name} | ${COLUMNS.map((column) => trip[column]).join(' | ')} |`)
    if (process.argv.includes('--folders')) console.log(`  ${folders.join(' > ')}`)
  }
}

function numbersOf(found) {
  return Object.fromEntries(Object.entries(found).map(([name, trip]) => [name, COLUMNS.map((column) => trip[column])]))
}

function writeRecord(record) {
  const rows = Object.entries(record).map(([name, numbers]) => `  ${JSON.stringify(name)}: [${numbers.join(', ')}]`)
  writeFileSync(recordedPath, `{\n${rows.join(',\n')}\n}\n`)
}

/** Returns a message for each number above its record and the slack. */
function excesses(current, recorded) {
  return Object.entries(current).flatMap(([name, numbers]) =>
    numbers.flatMap((number, index) => {
      const most = recorded[name]?.[index]
      return number <= most * SLACK
        ? []
        : `${name}: ${number} ${COLUMNS[index]}, more than 5 % above the recorded ${most}`
    }),
  )
}
