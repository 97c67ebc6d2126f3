// `npm run lint` checks that test/threats/README.md names each threat's tests, and lists every test file.
import { readdirSync, readFileSync } from 'node:fs'

const FOLDER = 'test/threats'
const PAGE = 'test/threats/README.md'
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.test.ts'))

/** Each file's titles, as threat numbers and words. */
const titles = new Map(files.map((file) => [file, titlesOf(file).map(readTitle)]))

function titlesOf(file) {
  const text = readFileSync(`${FOLDER}/${file}`, 'utf8').replaceAll('\\u2019', '’')
  return [...text.matchAll(/(?:\bdescribe|\bit|\))\(\s*'([^']+)'/g)].map(([, title]) => title)
}

function readTitle(title) {
  const [, numbers = '', words = title] = /^threats? ([\d, and]+): (.*)$/.exec(title) ?? []
  return { words, numbers: numbers.match(/\d+/g) ?? [] }
}

/** The page's rows: each has a threat's number, or else the title of a test, and its test files. */
const rows = readFileSync(PAGE, 'utf8')
  .split('\n')
  .filter((line) => /^\| *\d* \| .* \| `[\w-]+`(?:, `[\w-]+`)* \|$/.test(line))
  .map((line) => {
    const [, number, tried, , tests] = line.split(/ ?\| ?/)
    const named = [...tests.matchAll(/`([\w-]+)`/g)].map(([, file]) => `${file}.test.ts`)
    return { number: number.trim(), tried, named }
  })

const problems = []
if (rows.length === 0) problems.push('no rows')
const seen = new Set()
for (const { number, tried, named } of rows) {
  const row = `row ${number}, ${tried}`
  if (number !== '' && seen.has(number)) problems.push(`${row}: the number stands in another row, too`)
  seen.add(number)
  for (const file of named) {
    const own = (titles.get(file) ?? []).filter(({ words, numbers }) =>
      number === '' ? words === tried : numbers.includes(number),
    )
    if (own.length === 0) problems.push(`${row}: no such test in ${file}`)
    if (number === '' && own.length > 1) problems.push(`${row}: ${own.length} such tests in ${file}`)
  }
}
for (const [file, all] of titles) {
  const isListed = (number) => rows.some((row) => row.number === number && row.named.includes(file))
  for (const number of new Set(all.flatMap(({ numbers }) => numbers)))
    if (!isListed(number)) problems.push(`${file}: threat ${number} has no row with this file`)
  if (!rows.some(({ named }) => named.includes(file))) problems.push(`${file}: in no row`)
}
for (const problem of problems) {
  console.error(`${PAGE}: ${problem}`)
  process.exitCode = 1
}
