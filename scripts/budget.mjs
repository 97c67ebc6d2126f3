// `npm run lint` checks the library's size: the total lines of code, with 2 % of slack, and the longest file. `npm run budget` records the
// current sizes in scripts/budget.json.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sourceFiles, weighRooms } from './rooms.mjs'

const SLACK = 1.02
/** Lines of a file, comments and imports included: a longer file has several topics. */
const LONGEST = 300

const root = fileURLToPath(new URL('..', import.meta.url))
const path = join(root, 'scripts/budget.json')
const current = Object.fromEntries(Object.entries(weighRooms(root)).map(([folder, { lines }]) => [folder, lines]))

if (process.argv.includes('--record')) writeFileSync(path, `${JSON.stringify(current, undefined, 2)}\n`)
else check(JSON.parse(readFileSync(path, 'utf8')))

function check(recorded) {
  const [now, before] = [current, recorded].map((sizes) => Object.values(sizes).reduce((sum, lines) => sum + lines, 0))
  if (now > before * SLACK) {
    const grown = Object.entries(current).filter(([folder, lines]) => lines > (recorded[folder] ?? 0))
    const rows = grown.map(([folder, lines]) => `  ${folder}: ${recorded[folder] ?? 0} -> ${lines}`)
    fail(
      `The library has ${now} lines of code, more than 2 % above the recorded ${before}. Grown:\n${rows.join('\n')}\n` +
        'Make room, or run `npm run budget` in a commit of its own that names the added promise.',
    )
  }
  for (const file of sourceFiles(root)) {
    const { length } = readFileSync(join(root, file), 'utf8').split('\n')
    if (length > LONGEST) fail(`${file} has ${length} lines, more than ${LONGEST}: split it by nouns.`)
  }
}

function fail(message) {
  console.error(message)
  process.exitCode = 1
}
